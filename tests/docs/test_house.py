"""The pictures of docs/architecture.md show the code as it is."""

import pytest

from tests.docs.house import BACKWARD, FOLDER, FORWARD, PICTURES, Step, followed, relations, walked
from tests.test_layering import PAGE, imports_of, read_floors


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_drawn_from_the_code(name):
    drawn = (FOLDER / name).read_text(encoding="utf-8")
    assert drawn == PICTURES[name](), "draw it anew: python -m tests.docs.house"


def test_the_page_shows_them():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"(architecture/{name})" in text for name in PICTURES)


def test_no_floor_imports_upwards_but_inside_functions():
    assert {(low, high) for low, high, inside in relations() if high > low and not inside} == set()
    assert {floor for row in relations() for floor in row[:2]} <= {row.floor for row in read_floors(PAGE.read_text())}


def test_a_step_that_is_not_made_is_an_error():
    forward, backward = walked()
    for steps, calls in ((FORWARD, forward), (BACKWARD, backward)):
        assert [call.name for call in followed(steps, calls)] == [step.name for step in steps]
        with pytest.raises(LookupError, match="is not called at this place"):
            followed([steps[1], steps[0]], calls)
    with pytest.raises(LookupError, match="im2row of minidl"):
        followed([Step("minidl/ops/conv.py", "im2row", "")], forward)


def test_imports_inside_functions_are_told_apart():
    source = "from minidl import ops\n\ndef f():\n    from minidl import nn\n"
    assert [(one.module, one.top) for one in imports_of(source, "minidl/x.py")] == [
        ("minidl.ops", True),
        ("minidl.nn", False),
    ]
