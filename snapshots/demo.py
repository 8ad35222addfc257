"""`make demo`: questions to shipped snapshots, each with its answer. Needs no root and no cluster."""

import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).with_name("kubectl-skoop")


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    arguments: tuple[str, ...]
    """Of `kubectl skoop`."""
    exit_code: int


def questions() -> list[Question]:
    content = tomllib.loads((HERE / "demo.toml").read_text("utf-8"))
    return [
        Question(entry["text"], tuple(entry["arguments"].split()), entry["exit_code"])
        for entry in content["question"]
    ]


def main() -> int:
    wrong = 0
    for number, question in enumerate(questions(), start=1):
        print(f"\n── {number}. {question.text}\n$ kubectl skoop {' '.join(question.arguments)}", flush=True)
        code = subprocess.run([PROGRAM, *question.arguments], check=False, cwd=HERE.parent).returncode
        print(f"(exit code {code})", flush=True)
        wrong += code != question.exit_code
    if wrong:
        print(f"error: {wrong} answers are not those that demo.toml expects", file=sys.stderr)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
