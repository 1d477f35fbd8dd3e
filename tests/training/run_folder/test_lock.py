"""Two processes, one run: one of them writes, the other says why it does not."""

import errno
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import minidl
from minidl import training
from minidl.training.run_folder import lock
from minidl.training.run_folder.folder import RunFolder
from minidl.training.run_folder.lock import hold
from tests.training import tiny

ROOT = Path(minidl.__file__).parents[1]
MANY = 20

# Forks children that all begin at one moment; each writes what became of it, as a line of JSON. Whoever trains waits in
# its first step until all others have written theirs: so there is no luck in who meets whom.
NURSERY = """
import json, operator, os, sys
from minidl import training
from minidl.training import runs
from tests.training import tiny

what, many, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
tiny.register(operator.setitem)
runs._draw = lambda *_: None  # takes a second, and is not what this is about
(gate, start), (ear, mouth), (door, key) = os.pipe(), os.pipe(), os.pipe()

class Wait(training.Callback):
    def on_step(self, state, loss):
        if what == "resume" and (state.epoch, state.step) == (1, 1):
            os.read(door, 1)

for _ in range(many):
    if os.fork() == 0:
        os.read(gate, 1)
        settings = {"parts": tiny.parts(), "callbacks": [Wait()]}
        try:
            if what == "resume":
                outcome = training.resume(path, **settings)
            else:
                outcome = training.train(training.Config(**tiny.SETTINGS, epochs=1), **settings)
            said = {"run": str(outcome.run), "epochs": outcome.new_epochs}
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        os.write(mouth, json.dumps(said).encode() + b"\\n")
        os._exit(0)
os.write(start, b"!" * many)
with open(ear) as lines:
    for number, line in enumerate(lines, 1):
        print(line, end="", flush=True)
        if number == many - 1:
            os.write(key, b"!")
        if number == many:
            break
"""

forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.register(monkeypatch.setitem)


@pytest.fixture
def stopped(tmp_path):
    """A run of three epochs that was stopped after its first step."""
    asked = iter([False, True])
    config = training.Config(**tiny.SETTINGS, epochs=3, workers=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minidl.training.interrupt.Request.__call__", lambda self: next(asked, False))
        outcome = training.train(config, out=tmp_path / "run", parts=tiny.parts())
    assert not outcome.finished
    return outcome.run


def together(what, many, path=""):
    """Let many processes do something at one moment, and return what each of them said."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", NURSERY, what, str(many), str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@forking
def test_of_twenty_that_go_on_at_once_one_does_and_nineteen_say_why_not(stopped, tmp_path):
    said = together("resume", MANY, stopped.path)
    refused = [one["error"] for one in said if "error" in one]
    assert [one["epochs"] for one in said if "error" not in one] == [3]
    assert len(refused) == MANY - 1
    for line in refused:
        assert line.startswith(f"RuntimeError: run: {stopped} is in use by ")
        assert line.endswith("; wait until that one is done, or stop it")
    assert any(" is in use by process " in line for line in refused)
    straight = training.train(training.Config(**tiny.SETTINGS, epochs=3, workers=0), parts=tiny.parts())
    assert stopped.last.read_bytes() == straight.run.last.read_bytes()
    left = [file.name for file in stopped.path.iterdir() if file.name.startswith(".")]
    assert left == []


@forking
def test_trainings_that_start_at_once_get_a_folder_each(tmp_path):
    said = together("train", 8)
    runs = {one["run"] for one in said}
    assert runs == {os.path.join("runs", f"tiny-digits-{number}") for number in range(1, 9)}
    contents = {(tmp_path / run / "last.safetensors").read_bytes() for run in runs}
    assert len(contents) == 1  # the same training, eight times, undisturbed


def test_whatever_writes_to_a_run_asks_for_it(stopped):
    before = {file.name: file.read_bytes() for file in stopped.path.iterdir()}
    unfinished = stopped.path / ".report.1a2b3c4d.html"
    unfinished.write_text("of another process")
    with hold(stopped.path) as reliable:
        assert reliable
        for write in (training.resume, training.report_run):
            with pytest.raises(RuntimeError, match=rf"run: .*run is in use by process {os.getpid()} on .* since 20"):
                write(stopped.path)
        assert unfinished.exists()
    unfinished.unlink()
    assert {file.name: file.read_bytes() for file in stopped.path.iterdir()} == before
    assert training.resume(stopped.path, parts=tiny.parts()).finished


def test_a_training_holds_its_run_from_the_first_file_on(tmp_path):
    refused = []

    class Other(training.Callback):
        def on_run(self, run, state, train, val):
            with pytest.raises(RuntimeError, match="is in use by"):
                training.resume(run.path, parts=tiny.parts())
            refused.append(run.path)

    config = training.Config(**tiny.SETTINGS, epochs=1, workers=0)
    outcome = training.train(config, parts=tiny.parts(), callbacks=[Other()])
    assert refused == [outcome.run.path]
    assert not (outcome.run.path / lock.NAME).exists()


def test_a_file_that_a_killed_process_left_locks_nobody_out(stopped):
    (stopped.path / lock.NAME).write_text("process 1 on this computer since yesterday, and longer than the next one")
    with hold(stopped.path):
        assert lock._read(stopped.path / lock.NAME).startswith(f"process {os.getpid()} on ")
        assert "yesterday" not in lock._read(stopped.path / lock.NAME)


def test_a_lock_on_a_file_that_has_just_been_removed_is_none(tmp_path, monkeypatch):
    real, calls = lock._lock, []

    def late(descriptor):
        calls.append(descriptor)
        if len(calls) == 1:  # the last holder is quicker by a moment
            (tmp_path / lock.NAME).unlink()
        return real(descriptor)

    monkeypatch.setattr(lock, "_lock", late)
    with hold(tmp_path) as reliable:
        assert reliable
        with pytest.raises(RuntimeError, match="is in use by"), hold(tmp_path):
            pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has locks of its own kind")
def test_a_file_system_without_locks_is_told_and_nothing_is_swept_there(stopped, monkeypatch):
    import fcntl

    def none(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    unfinished = stopped.path / ".report.1a2b3c4d.html"
    unfinished.write_text("of another process")
    with pytest.warns(RuntimeWarning, match=r"run: .*run lies on a file system that cannot lock; let nobody else"):
        assert training.resume(stopped.path, parts=tiny.parts()).finished
    assert unfinished.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has locks of its own kind")
def test_a_file_system_that_only_pretends_to_lock_is_told(tmp_path, monkeypatch):
    import fcntl

    monkeypatch.setattr(fcntl, "flock", lambda descriptor, operation: None)
    with pytest.warns(RuntimeWarning, match="that cannot lock"), hold(tmp_path) as reliable:
        assert not reliable


MOUNTS = r"""22 1 0:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:41 / /home rw - nfs server:/home rw,vers=3,nolock,addr=10.0.0.1
31 22 0:42 / /home/with\040blank rw - nfs4 server:/b rw,local_lock=none
32 22 0:43 / /homes rw - 9p wsl rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "option"),
    [
        ("/home/me/run", "nfs", "nolock"),
        ("/home/with blank/run", "nfs4", "local_lock=none"),
        ("/homes/x", "9p", "rw"),
        ("/tmp", "ext4", "rw"),
    ],
)
def test_the_kind_of_a_file_system_is_found(path, kind, option, tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "realpath", lambda path: str(path))
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS)
    found, options = lock._mount(path, table)
    assert found == kind
    assert option in options
    assert lock._mount(path, tmp_path / "none") == ("", [])


@pytest.mark.parametrize(
    ("mount", "told"),
    [
        (("nfs", ["rw", "nolock"]), True),
        (("nfs", ["rw", "vers=3"]), False),
        (("nfs4", ["local_lock=all"]), True),
        (("9p", ["rw"]), True),
        (("ext4", ["rw"]), False),
        (("", []), False),
    ],
)
def test_locks_among_the_processes_of_one_computer_are_told(mount, told, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_mount", lambda path: mount)
    with warnings.catch_warnings(record=True, action="always") as found, hold(tmp_path) as reliable:
        assert reliable is not told
    assert [("locks only among the processes of one computer" in str(one.message)) for one in found] == [True] * told


def test_a_folder_that_cannot_be_written_is_named(stopped, monkeypatch):
    def forbidden(path, *_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", forbidden)  # the administrator, who may run this, is never refused for real
    with pytest.raises(PermissionError, match=r"Permission denied: '.*run/\.lock'"):
        training.resume(RunFolder(stopped.path).path)
