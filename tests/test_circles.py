"""Circles of imports, planted: each is found."""

import pytest

from tests.test_layering import PAGE, circles, house

__all__ = ["house"]  # the fixture


@pytest.mark.parametrize(
    ("file", "source", "others"),
    [
        (
            "minidl/kernels/x.py",
            "def f():\n    from minidl.kernels import y",
            {"minidl/kernels/y.py": "import minidl.kernels.x"},
        ),
        (
            "minidl/nn/x.py",
            "import importlib\nimportlib.import_module('minidl.nn.y')",
            {"minidl/nn/y.py": "from . import x"},
        ),
        (
            "minidl/nn/x.py",
            "from .y import a",
            {"minidl/nn/y.py": "from .z import a", "minidl/nn/z.py": "from .x import b"},
        ),
    ],
    ids=["in a function", "by string", "of three"],
)
def test_a_planted_circle_is_found(house, file, source, others):
    text = PAGE.read_text(encoding="utf-8")
    assert circles(house, text) == []
    (house / file).write_text(source)
    for name, other in others.items():
        (house / name).write_text(other)
    assert circles(house, text) == [sorted([file, *others])]
