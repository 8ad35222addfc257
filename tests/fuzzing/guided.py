"""One target under atheris: `python -m tests.fuzzing.guided TARGET FOUND SECONDS [CORPUS]`.

libFuzzer keeps what reaches new code of the package. It prints its totals to standard error.
"""

import sys
from pathlib import Path
from random import Random

import atheris


def main(name: str, found: str, seconds: str, corpus: str) -> None:
    hooks = atheris.instrument_imports(include=["kubectl_skoop"])
    hooks.__enter__()
    from tests.fuzzing.found import Found
    from tests.fuzzing.kept import inputs_of
    from tests.fuzzing.listed import load
    from tests.fuzzing.mutate import mutated
    from tests.fuzzing.target import MEGABYTES, SECONDS, failure_of

    target = load(name)
    failures = Found(Path(found), target)
    seeds = inputs_of(target)
    folder = Path(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number:04}").write_bytes(seed)
        # What is imported now is not instrumented in the time of an input; libFuzzer runs the seeds again.
        failure_of(target, seed)

    def once(data: bytes) -> None:
        failure = failure_of(target, data)
        if failure is not None:
            failures.keep(data, failure)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        dice = Random(seed)
        if target.codec is None and dice.random() < 0.5:
            return bytes(atheris.Mutate(data, most))
        changed = mutated(data, dice, target.words, target.codec, dice.choice(seeds))
        return changed if len(changed) <= most else data

    most = max(4096, *(2 * len(seed) for seed in seeds))
    arguments = [
        "fuzz",
        f"-max_total_time={seconds}",
        f"-max_len={most}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-timeout={int(3 * SECONDS)}",
        f"-artifact_prefix={found}/{name}-process-",
        "-print_final_stats=1",
        "-len_control=0",
        str(folder),
    ]
    atheris.Setup(arguments, once, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
