"""The floors of docs/architecture.md, enforced: the tables on that page are the rules, the imports of every file obey.

Read with ast, so that imports inside functions, relative imports and `import_module("…")` count as well.
"""

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
MOST_LINES = 420
MOST_OF_A_FUNCTION = 60


@dataclass(frozen=True)
class Row:
    """A place, its floor, and what it may import: everywhere, and only inside functions."""

    place: str
    floor: int
    allowed: frozenset[str]
    inside: frozenset[str]


@dataclass(frozen=True)
class Library:
    """Where a library may be imported: at the top of files and inside functions ("" stands for everywhere)."""

    name: str
    top: tuple[str, ...]
    inside: tuple[str, ...]


@dataclass(frozen=True)
class Import:
    line: int
    module: str  # absolute, dotted
    top: bool  # runs when the file is loaded
    typing: bool = False  # under `if TYPE_CHECKING`, which never runs


# The tables


def table(text: str, first_column: str) -> list[list[str]]:
    """Return the cells of the Markdown table whose first column has that title."""
    head = next(index for index, line in enumerate(text.splitlines()) if line.startswith(f"| {first_column} |"))
    rows = []
    for line in text.splitlines()[head + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def only_code(cell: str) -> list[str]:
    """Return what stands in backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def read_floors(text: str) -> list[Row]:
    rows = [(only_code(place)[0], int(floor), may) for floor, place, _, may in table(text, "floor")]
    floors = {place: floor for place, floor, _ in rows}

    def read(cell: str) -> frozenset[str]:
        rest = re.sub(r"`[^`]+`|\d+(–\d+)?|[,–]|\s", "", cell)
        if rest:
            raise ValueError(f"docs/architecture.md: cannot read {rest!r} in the cell {cell!r}")
        places = set(only_code(cell))
        for first, last in re.findall(r"(\d+)(?:–(\d+))?", re.sub(r"`[^`]+`", "", cell)):
            places |= {place for place, floor in floors.items() if int(first) <= floor <= int(last or first)}
        return frozenset(places)

    found = []
    for place, floor, may in rows:
        everywhere, _, inside = may.partition("; inside functions")
        found.append(Row(place, floor, read(everywhere), read(inside)))
    return found


def read_libraries(text: str) -> dict[str, Library]:
    def where(cell: str) -> tuple[str, ...]:
        return ("",) if cell == "everything" else tuple(only_code(cell))

    rows = table(text, "library")
    libraries = [Library(only_code(name)[0], where(top), where(inside)) for _, name, _, top, inside in rows]
    return {library.name: library for library in libraries}


# The imports of a file


parsed = functools.cache(ast.parse)


@functools.cache
def imports_of(source: str, file: str) -> tuple[Import, ...]:
    """Return every import of a file (minidl/ops/conv.py), those in functions too, as absolute module names."""
    package = file.split("/")[:-1]

    def walk(node: ast.AST, top: bool, typing: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inner_top = top and not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            inner_typing = typing or (isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"))
            for module in modules_named_by(child, package):
                yield Import(child.lineno, module, top, typing)
            yield from walk(child, inner_top, inner_typing)

    return tuple(walk(parsed(source), True, False))


def modules_named_by(node: ast.AST, package: list[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name
            if "." in alias.name:
                yield alias.name.split(".")[0]  # `import minidl.nn` binds minidl
    elif isinstance(node, ast.ImportFrom):
        base = [] if node.level == 0 else package[: len(package) - node.level + 1]
        base += (node.module or "").split(".") if node.module else []
        for alias in node.names:
            yield ".".join([*base, alias.name])
    elif isinstance(node, ast.Call) and node.args and called(node.func) in ("import_module", "__import__"):
        name = node.args[0]
        if isinstance(name, ast.JoinedStr):  # f"minidl.models.{family}": what is known of it
            name = name.values[0]
        if isinstance(name, ast.Constant):
            yield str(name.value).rstrip(".")


def called(function: ast.expr) -> str:
    """Return the last name of what is called: importlib.import_module(…) calls import_module."""
    return getattr(function, "attr", getattr(function, "id", ""))


def file_of(root: Path, module: str) -> str:
    """Return the file of a module; `minidl.tensor.Tensor` lies in minidl/tensor.py."""
    parts = module.split(".")
    while parts:
        path = "/".join(parts)
        if (root / f"{path}.py").is_file():
            return f"{path}.py"
        if (root / path).is_dir():
            return f"{path}/__init__.py"
        parts.pop()
    return module.replace(".", "/") + ".py"


def place_of(file: str, rows: list[Row]) -> Row | None:
    """Return the row of a file; the place minidl/cost/ may also be the single file minidl/cost.py."""
    for row in rows:
        folder = row.place.removesuffix("/")
        if file == row.place or (folder != row.place and (file.startswith(row.place) or file == f"{folder}.py")):
            return row
    return None


# The judgement


def violations(root: Path, text: str) -> list[str]:
    """Return one line for everything in root/minidl that breaks the tables in `text`."""
    rows, libraries = read_floors(text), read_libraries(text)
    found = []
    for path in sorted((root / "minidl").rglob("*.py")):
        file, source = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
        home = place_of(file, rows)
        if home is None:
            found.append(f"{file}: has no floor in docs/architecture.md")
            continue
        for one in imports_of(source, file):
            name = one.module.split(".")[0]
            if name == "minidl":
                problem = judge_floor(file_of(root, one.module), one, home, rows)
            else:
                problem = judge_library(name, one, file, libraries)
            if problem:
                found.append(f"{file}:{one.line}: {problem}")
        for node in ast.walk(parsed(source)):
            if isinstance(node, ast.Assert):
                found.append(f"{file}:{node.lineno}: an assert; raise an error that says what is wrong")
    return list(dict.fromkeys(found)) + too_long(root)


def judge_floor(target: str, one: Import, home: Row, rows: list[Row]) -> str | None:
    there = place_of(target, rows)
    if there is None:
        return f"imports {target}, which has no floor in docs/architecture.md"
    if there is home or there.place in home.allowed or (not one.top and there.place in home.inside):
        return None
    return f"{home.place} (floor {home.floor}) may not import {there.place} (floor {there.floor})"


def judge_library(name: str, one: Import, file: str, libraries: dict[str, Library]) -> str | None:
    if name in sys.stdlib_module_names:
        return None
    if name not in libraries:
        return f"imports {name}, which is not in the table of libraries"
    library = libraries[name]
    if one.top and not one.typing:
        return None if file.startswith(library.top) else f"imports {name} at the top of the file"
    return None if file.startswith(library.top + library.inside) else f"{name} is not imported here"


def circles(root: Path, text: str) -> list[list[str]]:
    """Return the circles of imports in root/minidl: sets of files of which each is reached from each other.

    Imports inside functions count, those that never run do not, nor those that the table allows inside functions only.
    """
    rows, reached = read_floors(text), {}
    for path in sorted((root / "minidl").rglob("*.py")):
        file, source = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
        home, reached[file] = place_of(file, rows), set()
        for one in imports_of(source, file):
            target = file_of(root, one.module) if one.module.split(".")[0] == "minidl" and not one.typing else file
            there = place_of(target, rows)
            if target != file and not (home and there and there.place in home.inside):
                reached[file].add(target)
    changed = True
    while changed:  # what is reached in two steps is reached
        changed = False
        for targets in reached.values():
            more = set().union(*(reached.get(target, ()) for target in targets)) - targets
            targets |= more
            changed = changed or bool(more)
    found = {frozenset(it for it in targets if file in reached.get(it, ())) for file, targets in reached.items()}
    return sorted(sorted(circle) for circle in found if circle)


def too_long(root: Path) -> list[str]:
    found = []
    for folder in ("minidl", "tests", "benchmarks"):
        for path in sorted((root / folder).rglob("*.py")):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > MOST_LINES:
                found.append(f"{path.relative_to(root).as_posix()}: {lines} lines, more than {MOST_LINES}")
    for path in sorted((root / "minidl").rglob("*.py")):
        for node in ast.walk(parsed(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and is_too_long(node):
                where = f"{path.relative_to(root).as_posix()}:{node.lineno}"
                found.append(f"{where}: {node.name} has {lines_of(node)} lines; cut it, or say: Long because …")
    return found


def is_too_long(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a function is longer than a screen and does not say why."""
    return lines_of(node) > MOST_OF_A_FUNCTION and "Long because" not in (ast.get_docstring(node) or "")


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function has, its docstring not counted."""
    said = node.body[0].end_lineno - node.body[0].lineno + 1 if ast.get_docstring(node) else 0
    return node.end_lineno - node.lineno + 1 - said


def test_the_house_obeys_its_plan():
    assert violations(ROOT, PAGE.read_text(encoding="utf-8")) == []


def test_no_file_is_reached_by_what_it_imports():
    assert circles(ROOT, PAGE.read_text(encoding="utf-8")) == []


def test_importing_minidl_loads_numpy_and_nothing_else():
    listed = "import sys, minidl; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    libraries = set(read_libraries(PAGE.read_text(encoding="utf-8")))
    assert libraries & set(loaded.split()) == {"numpy"}
    assert "torch" not in loaded.split()


# The test of the test: every kind of violation, planted


@pytest.fixture
def house(tmp_path):
    """A small minidl that obeys."""
    for file, source in {
        "minidl/__init__.py": "from minidl import nn, ops\nfrom minidl.tensor import Tensor\n",
        "minidl/_backend.py": "import sys\nimport numpy as np\n\ndef cuda():\n    import cupy\n",
        "minidl/_checks.py": "import numpy as np\nfrom minidl._backend import np\n",
        "minidl/kernels/__init__.py": "from minidl.kernels import conv\n",
        "minidl/kernels/conv.py": "from minidl import _backend\n",
        "minidl/_words/__init__.py": "",
        "minidl/_answers.py": "from minidl._words import x\n",
        "minidl/_values.py": "from minidl import _words\n\ndef add():\n    from minidl import ops\n",
        "minidl/_methods/__init__.py": "from minidl._values import add\n",
        "minidl/_numpy.py": "from minidl._methods import add\n",
        "minidl/_arrays.py": "from minidl._answers import x\n",
        "minidl/tensor.py": "from minidl import _checks, _numpy\n",
        "minidl/ops/__init__.py": "from .conv import conv2d\n",
        "minidl/ops/conv.py": "from minidl import kernels\nfrom minidl.tensor import Tensor\n",
        "minidl/nn/__init__.py": "from minidl import ops\n",
        "minidl/weights/__init__.py": "def save():\n    import safetensors.numpy\n",
        "minidl/data/__init__.py": "",
        "minidl/cost.py": "from minidl import nn\n",
        "minidl/models/__init__.py": "from minidl import nn, weights\n",
        "minidl/cli/train.py": "import typer\nfrom rich import print\nfrom minidl import Tensor\n",
        "tests/test_x.py": "assert True\n",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(source)
    return tmp_path


def test_an_obedient_house_has_no_violation(house):
    assert violations(house, PAGE.read_text(encoding="utf-8")) == []


PLANTED = {
    "upwards": (
        "minidl/kernels/conv.py",
        "from minidl.tensor import Tensor",
        "kernels/ (floor 1) may not import minidl/t",
    ),
    "upwards, in a function": (
        "minidl/ops/conv.py",
        "def f():\n    from minidl import nn",
        ":2: minidl/ops/ (floor 3)",
    ),
    "upwards, in a method": (
        "minidl/nn/x.py",
        "class A:\n    def f(s):\n        import minidl.models",
        ":3: minidl/nn/",
    ),
    "upwards, in a branch": ("minidl/nn/x.py", "try:\n    from minidl import models\nexcept E:\n    pass", "models/"),
    "upwards, for types only": ("minidl/ops/x.py", "if TYPE_CHECKING:\n    from minidl.nn import Module", "minidl/nn/"),
    "upwards, relative": ("minidl/ops/x.py", "from ..nn import Linear", "ops/ (floor 3) may not import minidl/nn/"),
    "upwards, all names": ("minidl/ops/x.py", "from minidl.nn import *", "may not import minidl/nn/"),
    "upwards, by string": ("minidl/nn/x.py", "import importlib\nimportlib.import_module('minidl.models')", "models/"),
    "upwards, by f-string": ("minidl/nn/x.py", "m = __import__(f'minidl.models.{name}')", "import minidl/models/"),
    "sideways": ("minidl/weights/x.py", "from minidl import data", "weights/ (floor 5) may not import minidl/data/"),
    "ops when _values.py is loaded": (
        "minidl/_values.py",
        "from minidl import ops",
        "(floor 2) may not import minidl/ops/",
    ),
    "nn in a function of _values.py": (
        "minidl/_values.py",
        "def f():\n    from minidl import nn",
        "may not import minidl/nn",
    ),
    "ops in a function of tensor.py": (
        "minidl/tensor.py",
        "def f():\n    from minidl import ops",
        "(floor 2) may not import minidl/ops/",
    ),
    "the public face": ("minidl/nn/x.py", "from minidl import Tensor", "may not import minidl/__init__.py"),
    "the package": ("minidl/nn/x.py", "import minidl", "may not import minidl/__init__.py"),
    "through the package": ("minidl/nn/x.py", "import minidl.ops", "may not import minidl/__init__.py"),
    "a file without a floor": ("minidl/extra.py", "", "minidl/extra.py: has no floor"),
    "cupy in a kernel": ("minidl/kernels/conv.py", "def f():\n    import cupy", ":2: cupy is not imported here"),
    "cupy at the top": ("minidl/_backend.py", "import cupy", "imports cupy at the top"),
    "scipy at the top": ("minidl/kernels/conv.py", "from scipy.linalg import blas", "imports scipy at the top"),
    "typer outside the command line": ("minidl/nn/x.py", "import typer", "imports typer at the top"),
    "a library in a class body": ("minidl/nn/x.py", "class A:\n    import rich", "imports rich at the top"),
    "a library not in the table": ("minidl/nn/x.py", "def f():\n    import torch", "torch, which is not in the table"),
    "an assert": ("minidl/nn/x.py", "def f(x):\n    assert x", "x.py:2: an assert"),
    "a long file": ("minidl/nn/x.py", "x = 1\n" * 421, "minidl/nn/x.py: 421 lines"),
    "a long function": ("minidl/nn/x.py", "def f():\n" + "    x = 1\n" * 60, "x.py:1: f has 61 lines; cut it, or say"),
    "a long test": ("tests/test_x.py", "x = 1\n" * 421, "tests/test_x.py: 421 lines"),
    "a long benchmark": ("benchmarks/x.py", "x = 1\n" * 421, "benchmarks/x.py: 421 lines"),
}


@pytest.mark.parametrize(("file", "source", "message"), PLANTED.values(), ids=PLANTED)
def test_a_planted_violation_is_found(house, file, source, message):
    (house / file).parent.mkdir(exist_ok=True)
    (house / file).write_text(source)
    found = violations(house, PAGE.read_text(encoding="utf-8"))
    assert all(line.startswith(file) for line in found), found
    assert any(message in line for line in found), found


def test_types_of_a_library_cost_nothing(house):
    (house / "minidl/nn/x.py").write_text("if TYPE_CHECKING:\n    import matplotlib\n" + "x = 1\n" * 418)
    assert violations(house, PAGE.read_text(encoding="utf-8")) == []


def test_a_long_function_may_say_why(house):
    (house / "minidl/nn/x.py").write_text(
        'def f():\n    """Do. Long because it is one table."""\n' + "    x = 1\n" * 70
    )
    assert violations(house, PAGE.read_text(encoding="utf-8")) == []


def test_a_changed_row_changes_the_rule(house):
    text = PAGE.read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| 4 | `minidl/nn/`"))
    stricter = text.replace(row, row.replace("0–3", "0–2"))
    assert stricter != text
    assert violations(house, stricter) == [
        "minidl/nn/__init__.py:1: minidl/nn/ (floor 4) may not import minidl/ops/ (floor 3)"
    ]


def test_a_cell_that_cannot_be_read_is_an_error():
    text = PAGE.read_text(encoding="utf-8").replace(
        "| 0–4, `minidl/weights/`, `minidl/generation/` |", "| whatever it likes |"
    )
    with pytest.raises(ValueError, match="cannot read 'whateveritlikes'"):
        read_floors(text)
