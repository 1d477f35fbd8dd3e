"""One student's folder: copied, checked in a process of its own, begun again behind a step that ended the process."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from minidl import _version
from minidl._looks import Brief
from minidl.teach.learn import notebook
from minidl.teach.learn.steps import Step
from minidl.teach.learn.verdict import ERROR, MISSING, RIGHT, WRONG
from minidl.teach.strings.learn import words

MOST_BYTES = 2**20  # of a file that is looked at
ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
PLACE = re.compile(r"\w+\.py:\d+: ")
LETTERS = 120  # of a message in a cell
GRACE = 5.0  # seconds that a process has behind the time of a step, until it is killed


@dataclass(frozen=True)
class Rules:
    """What holds for every student.

    Attributes:
        seed: what everything is drawn with.
        seconds: that a step may take.
        memory: bytes that a student's process may take.
        hidden: folders of which a student's code shall see nothing.
    """

    seed: int
    seconds: float
    memory: int
    hidden: tuple[Path, ...]


@dataclass(frozen=True)
class Marks(Brief):
    """What became of one student's steps.

    Attributes:
        name: the name of the folder.
        cells: for each step a word: "right", the name of the mistake, what went wrong; empty where there is no file.
        states: for each step the state of its verdict.
        walls: which walls of the shelter stood.
    """

    name: str
    cells: dict[str, str]
    states: dict[str, str]
    walls: tuple[str, ...]

    def _words(self) -> list[str]:
        right = sum(state == RIGHT for state in self.states.values())
        return [repr(self.name), f"{right} of {len(self.states)} right"]


def fingerprint(folder: Path, steps: list[Step]) -> str:
    """Return a short mark of everything in a folder that is looked at."""
    digest = hashlib.sha256()
    for path in _handed_in(folder):
        digest.update(f"{path.name}\0".encode("utf-8", "surrogateescape") + path.read_bytes() + b"\0")
    digest.update(" ".join(step.name for step in steps).encode())
    return digest.hexdigest()[:16]


def _handed_in(folder: Path) -> list[Path]:
    """Return the files of a folder that can be a student's work: no links, nothing huge."""
    found = [path for path in folder.iterdir() if path.suffix in (".py", ".ipynb") and not path.is_symlink()]
    return sorted(path for path in found if path.is_file() and path.stat().st_size <= MOST_BYTES)


def mark(folder: Path, steps: list[Step], rules: Rules) -> Marks:
    """Check all steps of one student, whatever his code does."""
    with tempfile.TemporaryDirectory(prefix="minidl-", ignore_cleanup_errors=True) as place:
        home = Path(os.path.realpath(place))
        for path in _handed_in(folder):
            shutil.copyfile(path, home / path.name)
        found = {step.name: told for step in steps if (told := _unpack(step, home)) is not None}
        open_ = [step.name for step in steps if step.name not in found]
        walls: list[str] | None = None
        while open_:
            for line in _run(home, open_, rules):
                walls = line.get("walls", walls)
                if "verdict" in line:
                    found[line["step"]] = line["verdict"]
            open_ = [name for name in open_ if name not in found]
    cells = {step.name: _cell(found[step.name], home) for step in steps}
    return Marks(folder.name, cells, {step.name: found[step.name]["state"] for step in steps}, tuple(walls or ()))


def _unpack(step: Step, home: Path) -> dict[str, Any] | None:
    """Make a step's file of its notebook, if it is one; return a verdict where there is nothing to check."""
    book = home / f"{step.name}.ipynb"
    if book.is_file():
        (home / step.file).unlink(missing_ok=True)  # what an earlier check made of it
        try:
            notebook.to_file(step, book, home / step.file)
        except ValueError as error:
            return {"state": ERROR, "mistake": "", "text": str(error).removeprefix("learn: ")}
    if not (home / step.file).is_file():
        return {"state": MISSING, "mistake": "", "text": ""}
    return None


def _run(home: Path, names: list[str], rules: Rules) -> Iterator[dict[str, Any]]:
    """Run a process over these steps; yield what it tells, and a verdict on the step at which it ended."""
    job = {
        "home": str(home),
        "hidden": [str(folder) for folder in rules.hidden],
        "steps": names,
        "seed": rules.seed,
        "seconds": rules.seconds,
        "memory": rules.memory,
    }
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "minidl.teach.learn.marking.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home,
        env=_environment(home),
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    if stdin is None or stdout is None or stderr is None:
        raise OSError("marking: a process without pipes")
    try:
        stdin.write(json.dumps(job) + "\n")
        stdin.close()
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(stdout, lines), daemon=True).start()
        begun, is_slow = "", False
        while True:
            try:
                line = lines.get(timeout=rules.seconds + GRACE + 60 * (not begun))
            except queue.Empty:
                is_slow, line = True, None
            if line is None:
                break
            told = json.loads(line)
            begun = told.get("begins", begun)
            yield {**told, "step": begun}
            if "verdict" in told and begun == names[-1]:
                return
        _kill(process)
        if not begun:
            raise OSError(f"marking: a student's process did not start: {stderr.read()[-2000:].strip()}")
        mistake = words.ENDLESS.partition(":")[0] if is_slow else ""  # as one that could be interrupted
        text = "" if is_slow else _ended(process.returncode)
        yield {"step": begun, "verdict": {"state": ERROR, "mistake": mistake, "text": text}}
    finally:
        _kill(process)
        stdout.close()
        stderr.close()


def _environment(home: Path) -> dict[str, str]:
    """Return the variables of a student's process: none of the teacher's own, one thread."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    if own := os.environ.get("MINIDL_STEPS"):
        kept["MINIDL_STEPS"] = os.path.abspath(own)  # the process works in another folder
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "MINIDL_NUM_THREADS"), "1")
    root = str(Path(_version.__file__).parents[1])
    return {**kept, **threads, "HOME": str(home), "TMPDIR": str(home), "PYTHONPATH": root, "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": str(home)}  # fmt: skip


def _read(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    try:
        for line in stream:
            lines.put(line)
    except ValueError:  # closed meanwhile, or bytes that are no text
        pass
    lines.put(None)


def _kill(process: subprocess.Popen[str]) -> None:
    """End a process and all that it has started."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def _ended(status: int) -> str:
    if status < 0 and -status == signal.SIGKILL:
        return words.KILLED
    if status < 0:
        return words.CRASHED.format(signal=signal.Signals(-status).name)
    return words.LEFT.format(status=status)


def _cell(verdict: dict[str, Any], home: Path) -> str:
    """Return the word of a cell: it holds nothing that differs between two runs."""
    state = verdict["state"]
    if state == RIGHT:
        return RIGHT
    if state == MISSING and not verdict.get("function"):
        return ""
    if verdict["mistake"]:
        return str(verdict["mistake"])
    if state == WRONG:
        return words.UNNAMED
    lines = verdict["text"].replace(f"{home}{os.sep}", "").replace(str(home), ".").splitlines()
    places = [line[found.start() :] for line in lines if (found := PLACE.search(line))]  # not the case before it
    text = ADDRESS.sub("0x…", " ".join([*places, *lines, ""][0].split()))
    return f"{state}: {text}"[:LETTERS].rstrip(": ")
