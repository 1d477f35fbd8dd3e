"""`minidl doctor`: each line is right on this machine, and has a cure where something is planted to be wrong."""

import importlib.util
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minidl
from minidl import _environment, cli, doctor, nn, weights
from minidl.doctor import CURE, NOTE, OK, STATES
from minidl.kernels import SETS

ROOT = Path(minidl.__file__).parents[1]


def look(thing):
    return [doctor.Finding(thing, *it) for it in doctor.LOOKS[thing]()]


def test_everything_is_looked_at_and_nothing_is_changed(monkeypatch):
    before = dict(os.environ)
    found = doctor.examine()
    assert list(dict.fromkeys(it.thing for it in found)) == list(doctor.LOOKS)
    assert {it.state for it in found} <= set(STATES)
    assert all(it.text and it.text == " ".join(it.text.split()) for it in found)
    assert all(it.cure for it in found if it.state == NOTE)
    assert {name: os.environ.get(name) for name in before} == before  # threadpoolctl adds one of its own


def no_font(monkeypatch):
    monkeypatch.setattr("minidl.viz._fonts._choose", lambda letters: (["DejaVu Sans"], letters))


def no_blas(monkeypatch):
    monkeypatch.setattr("threadpoolctl.threadpool_info", list)


def few_threads(monkeypatch):
    pool = {"user_api": "blas", "internal_api": "openblas", "filepath": "numpy", "num_threads": 1}
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: [pool])
    monkeypatch.setattr("minidl.doctor.available", lambda: 8)
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)


def no_room(reason):
    return lambda monkeypatch: monkeypatch.setattr(SETS["cpu"], "lack", lambda: reason)


def nowhere(monkeypatch):
    def full(dir):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)


def without(*modules):
    found = importlib.util.find_spec
    return lambda monkeypatch: monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in modules else found(name, *rest)
    )


def variable(name, value):
    return lambda monkeypatch: monkeypatch.setenv(name, value)


PLANTED = {  # what is wrong -> the thing, how it is planted, its state, what is said, what cures it
    "an old Python": ("Python", lambda m: m.setattr(doctor, "OLDEST", (9, 9)), CURE, r"\d", "needs Python 9.9"),
    "32 bits": ("Python", lambda m: m.setattr(sys, "maxsize", 2**31 - 1), CURE, "32 bits", "64 bits"),
    "no BLAS": ("BLAS", no_blas, NOTE, "none that could be", "numpy"),
    "a BLAS with one thread": ("BLAS", few_threads, NOTE, "1 threads, though there are 8", "unset OPENBLAS_NUM"),
    "a BLAS for another": ("BLAS", variable("OPENBLAS_CORETYPE", "Prescott"), NOTE, "=Prescott", "unset OPENBLAS_CORE"),
    "no compiler": ("fast kernels", no_room("NUMBA_DISABLE_JIT is set"), CURE, "is set", "unset NUMBA_DISABLE_JIT"),
    "an old processor": ("fast kernels", no_room("the processor has no AVX2"), CURE, "no AVX2", "textbook's serve"),
    "another processor": ("fast kernels", no_room("what NUMBA_CPU_NAME asks"), CURE, "asks", "unset NUMBA_CPU_NAME"),
    "a broken Numba": ("fast kernels", no_room("numba needs NumPy 1"), CURE, "needs NumPy 1", "pip install --upgrade"),
    "no CuPy": ("GPU", without("cupy"), NOTE, "CuPy is not installed", r"pip install 'minidl\[cuda\]'"),
    "no Hangul": ("fonts", no_font, NOTE, "boxes", "fonts-nanum"),
    "a full disk": ("folders", nowhere, CURE, "No space left on device", "free some space"),
    "no extra": ("extras", without("onnx"), NOTE, "onnx: .*not installed", r"pip install 'minidl\[onnx\]'"),
    "a mistyped variable": (
        "environment",
        variable("MINIDL_THREADS", "3"),
        CURE,
        "MINIDL_THREADS is no",
        "MINIDL_NUM_TH",
    ),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_is_wrong_has_a_cure(kind, monkeypatch):
    thing, plant, state, text, cure = PLANTED[kind]
    if kind == "no CuPy":
        monkeypatch.setattr(doctor.cuda, "is_available", lambda: False)
    plant(monkeypatch)
    found = [it for it in look(thing) if it.state == state]
    assert any(re.search(text, it.text) and re.search(cure, it.cure) for it in found), found


def test_a_thing_that_fails_is_a_line_and_the_others_follow(monkeypatch):
    def fails():
        raise ImportError("a symbol is\nmissing")

    monkeypatch.setitem(doctor.LOOKS, "fonts", fails)
    monkeypatch.setattr("minidl._threads._number", None)
    monkeypatch.setenv("MINIDL_NUM_THREADS", "many")
    found = {it.thing: it for it in doctor.examine()}
    assert (found["fonts"].state, found["fonts"].text) == (CURE, "cannot be examined: a symbol is missing")
    assert "MINIDL_NUM_THREADS must be an int" in found["threads"].text
    assert "extras" in found


@pytest.mark.parametrize(("state", "status"), [(OK, 0), (NOTE, 0), (CURE, 1)])
def test_the_command(state, status, monkeypatch, capsys):
    found = [doctor.Finding("this", OK, "fine"), doctor.Finding("that", state, "so and so", "do this")]
    monkeypatch.setattr(doctor, "examine", lambda: found)
    assert cli.run(["doctor"]) == status
    shown = capsys.readouterr().out
    assert re.search(rf"^that +{state} +so and so$", shown, re.M)
    assert re.search(r"^that +do this$", shown, re.M)
    assert cli.run(["doctor", "--json"]) == status
    assert json.loads(capsys.readouterr().out) == [it._asdict() for it in found]


def test_every_variable_stands_in_the_table_and_on_the_page():
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "minidl").rglob("*.py"))
    known = {**_environment.OWN, **_environment.OTHERS}
    assert set(re.findall(r"\bMINIDL_[A-Z_]+\b", sources)) == set(_environment.OWN)
    assert set(re.findall(r"environ(?:\.get)?[\[(]\"(\w+)\"", sources)) <= set(known)
    page = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.M) == list(known.items())


def test_what_is_logged_has_one_name(caplog, tmp_path):
    weights.save(tmp_path / "net.safetensors", nn.Linear(2, 3).state_dict())
    with caplog.at_level(logging.DEBUG, logger="minidl"):
        weights.load(tmp_path / "net.safetensors")
        minidl.fuse(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)), size=(1, 5, 5))
    assert {record.name for record in caplog.records} == {"minidl"}
    said = [record.getMessage() for record in caplog.records]
    assert f"weights: 2 arrays of {tmp_path / 'net.safetensors'}" in said
    assert "fuse: 1 of 1 convolutions took in what is behind them" in said


def test_nobody_pays_for_logging_who_does_not_listen():
    code = "import sys, minidl; from minidl._log import log; log('x'); sys.exit('logging' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


@pytest.mark.slow
def test_type_checkers_let_a_subclass_choose_its_forward(tmp_path):
    from mypy import api

    (tmp_path / "net.py").write_text(
        "from minidl import Tensor, nn, ops\n\n\n"
        "class Net(nn.Module):\n"
        "    def forward(self, x: Tensor) -> Tensor:\n"
        "        return ops.relu(x)\n\n\n"
        "y: Tensor = Net()(Tensor([1.0]))\n"
        "z: int = Net()(Tensor([1.0]))\n"
    )
    shown, _, _ = api.run(["--strict", "--config-file", str(ROOT / "pyproject.toml"), str(tmp_path / "net.py")])
    assert re.findall(r"net\.py:(\d+): error: (.*?)  \[", shown) == [
        ("10", 'Incompatible types in assignment (expression has type "Tensor", variable has type "int")')
    ]
