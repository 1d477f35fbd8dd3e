"""Writing by way of a temporary name."""

import errno
import os
import re
import resource
import signal
import stat
import subprocess
import sys

import pytest

from minidl._files import atomic_write


def test_a_new_file(tmp_path):
    path = tmp_path / "history.csv"
    with atomic_write(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".csv"
        temporary.write_text("epoch,loss\n")
        assert not path.exists()
    assert path.read_text() == "epoch,loss\n"
    assert os.listdir(tmp_path) == ["history.csv"]


def test_a_new_file_gets_the_usual_permissions(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    with atomic_write(tmp_path / "atomic") as temporary:
        temporary.write_bytes(b"")
    assert stat.S_IMODE((tmp_path / "atomic").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt(), FileNotFoundError(2, "gone", "other")])
def test_what_was_there_stays_when_the_body_fails(error, tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_text("old")

    def fail() -> None:
        with atomic_write(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(type(error)) as caught:
        fail()
    assert caught.value is error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["net.safetensors"]


def test_a_writer_that_renames_the_file_itself(tmp_path):
    path = tmp_path / "a.bin"
    with atomic_write(path) as temporary:
        (tmp_path / "other").write_text("x")
        os.replace(tmp_path / "other", temporary)
    assert path.read_text() == "x"


def test_who_reads_meanwhile_reads_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old and long")
    with open(path) as reader:
        with atomic_write(path) as temporary:
            temporary.write_text("new")
        assert reader.read() == "old and long"
    assert path.read_text() == "new"


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with atomic_write(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_straight():
    with atomic_write("/dev/null") as temporary:
        temporary.write_text("x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_missing_folder_is_reported_by_the_name_of_the_file(tmp_path):
    path = tmp_path / "runs" / "a.csv"
    with pytest.raises(FileNotFoundError, match=re.escape(f"[Errno 2] No such file or directory: '{path}'")):
        atomic_write(path).__enter__()


def test_a_folder_cannot_be_replaced(tmp_path):
    with pytest.raises(IsADirectoryError, match=re.escape(f"[Errno 21] Is a directory: '{tmp_path}'")):
        atomic_write(tmp_path).__enter__()


def test_a_file_as_folder(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(NotADirectoryError, match=re.escape(f"Not a directory: '{tmp_path / 'a' / 'b'}'")):
        atomic_write(tmp_path / "a" / "b").__enter__()


def test_a_read_only_folder_is_reported_before_the_work(tmp_path, monkeypatch):
    def refuse(path, *arguments, **settings):  # the superuser may write anywhere, so the system's answer is played
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("pathlib.Path.touch", refuse)
    with pytest.raises(PermissionError, match=re.escape(f"[Errno 13] Permission denied: '{tmp_path / 'a'}'")):
        atomic_write(tmp_path / "a").__enter__()


def test_a_full_disk_names_the_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "net.bin"
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
    try:
        words = re.escape(f"[Errno {errno.EFBIG}] File too large: '{path}'")
        with pytest.raises(OSError, match=words), atomic_write(path) as temporary:
            temporary.write_bytes(bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert os.listdir(tmp_path) == []


def test_trouble_that_is_not_the_disks_is_left_alone(tmp_path):
    with pytest.raises(BrokenPipeError, match=r"^\[Errno 32\] Broken pipe$"), atomic_write(tmp_path / "a"):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_killed_run_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    program = f"""
import os
from minidl._files import atomic_write
with atomic_write({str(path)!r}) as temporary:
    temporary.write_text("half")
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9
    assert path.read_text() == "old"
