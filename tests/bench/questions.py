"""What the questions of `redact` cost: `python -m tests.bench.questions FILE [SERVICES [PAIRS]]`.

One file is asked so many of them, always the same. A checksum of the answers tells whether two versions of
the program give the same ones.
"""

import gc
import hashlib
import random
import sys
import time
from contextlib import closing
from itertools import islice
from resource import RUSAGE_SELF, getrusage

from kubectl_skoop.cli.start import GARBAGE_THRESHOLD
from kubectl_skoop.diagnosis.diagnose import Desk
from kubectl_skoop.diagnosis.questions import MOST_KEPT, ServiceQuestions, answer, pair_questions
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.snapshot.source import open_snapshot

SERVICES, PAIRS, SEED = 100, 20, 5


def main() -> None:
    given = [int(word) for word in sys.argv[2:]]
    services, pairs = [*given, *(SERVICES, PAIRS)[len(given) :]]
    gc.set_threshold(GARBAGE_THRESHOLD)
    with closing(open_snapshot(sys.argv[1])) as source:
        desk, chance = Desk(source, Options()), random.Random(SEED)
        about_services = ServiceQuestions(desk.cluster)
        asked = [about_services[at] for at in about_services.sample(services, chance)]
        asked += islice(pair_questions(source, desk.cluster, chance), pairs)
        source.keep_at_most(MOST_KEPT)
        loaded = time.process_time()
        answers = [answer(desk, request) for request in asked]
        spent = time.process_time() - loaded
    memory = getrusage(RUSAGE_SELF).ru_maxrss // 1024
    told = hashlib.sha256(repr(answers).encode()).hexdigest()[:12]
    print(
        f"{len(asked)} questions of {len(about_services):,}: loading {loaded:.1f} s, asking {spent:.1f} s "
        f"({spent / len(asked) * 1e3:.0f} ms each), {memory} MB, answers {told}"
    )


if __name__ == "__main__":
    main()
