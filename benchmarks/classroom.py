"""How long `minidl learn report` takes for a class, and whether a second run gives the same marks.

    python -m benchmarks.classroom [--students 200] [--seed 0] [--runs 2] [--keep DIR]

Each made-up student has for every step the reference solution, one of the planted mistakes, the untouched file, or
nothing; what the cells say of each kind is counted.
"""

from __future__ import annotations

import csv
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks._asked import Parser, at_least, new_folder, run
from benchmarks._machine import describe, honest_environment

ROOT = Path(__file__).resolve().parents[1]
SHARES = {"solution": 55, "planted": 25, "handout": 10, "nothing": 10}  # of a hundred files


def make_class(folder: Path, students: int, seed: int) -> dict[tuple[str, str], str]:
    """Write a folder a student; return (student, step) -> what was written, "solution" or the like."""
    from minidl.teach.learn.steps import steps

    rng, written = random.Random(seed), {}
    for number in range(students):
        student = folder / f"student{number:03d}"
        student.mkdir(parents=True)
        for step in steps().values():
            kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
            kind = "solution" if kind == "planted" and not step.wrong else kind
            text = {
                "solution": step.answer,
                "planted": lambda step=step: step.planted(rng.choice(list(step.wrong))),
                "handout": step.handout,
            }
            if kind in text:
                (student / step.file).write_text(text[kind](), encoding="utf-8")
            written[student.name, step.name] = kind
    return written


def report(folder: Path, out: Path) -> float:
    """Mark the class; return the seconds."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "minidl", "learn", "report", str(folder), "--out", str(out)]
    subprocess.run(command, env=honest_environment() | {"PYTHONPATH": str(ROOT)}, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    parser = Parser("benchmarks.classroom", __doc__)
    parser.add_argument("--students", type=at_least(1), default=200)
    parser.add_argument("--seed", type=at_least(0), default=0)
    parser.add_argument("--runs", type=at_least(1), default=2)
    parser.add_argument("--keep", type=new_folder, help="a new folder for the class and its marks")
    asked = parser.parse_args()
    print(describe())
    with tempfile.TemporaryDirectory() as temporary:
        place = asked.keep or Path(temporary)
        written = make_class(place / "class", asked.students, asked.seed)
        print(f"{asked.students} students, {len(written):,} files or gaps: {dict(Counter(written.values()))}")
        tables = []
        for run in range(asked.runs):
            out = place / f"marks{run}.csv"
            print(f"run {run + 1}: {report(place / 'class', out) / 60:.1f} minutes (asked: at most 10)", flush=True)
            tables.append(out.read_bytes())
        print("the same marks in all runs" if len(set(tables)) == 1 else "THE MARKS DIFFER")
        compare(tables[0].decode("utf-8-sig"), written)


def compare(marks: str, written: dict[tuple[str, str], str]) -> None:
    """Print what the cells say for each kind of file."""
    found: dict[str, Counter[str]] = {kind: Counter() for kind in SHARES}
    for row in csv.DictReader(marks.splitlines()):
        student = next(iter(row.values()))
        for (who, step), kind in written.items():
            if who == student:
                found[kind][row[step].split(":")[0][:60]] += 1
    for kind, cells in found.items():
        print(f"{kind}: {cells.most_common(4)}{' …' * (len(cells) > 4)}")


if __name__ == "__main__":
    run("benchmarks.classroom", main)
