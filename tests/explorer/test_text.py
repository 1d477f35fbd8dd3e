"""The explorer in a terminal."""

import numpy as np
import pytest

from minidl.cli._app import run
from minidl.teach.explorer import text
from minidl.teach.explorer.gather import gather
from minidl.teach.explorer.settings import OPERATIONS, complete


def scene(op="conv", **settings):
    return gather(op, complete(op, settings))


def test_a_pipe_gets_a_line_for_each_cell(capsys):
    assert run(["explore", "conv", "--text"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * 16 + 3 * 36
    assert lines[0].split("; ") == [
        "y[0, 0, 0] = −25",
        "27 cells of x go into it",
        "c = 0: 0·(−1) + 0·(−1) + 0·1 + 0·0 + 156·1 + 155·(−1) + 0·0 + 153·1 + 154·1 = 308",
        "c = 1: 0·1 + 0·0 + 0·0 + 0·1 + 167·(−1) + 166·(−1) + 0·1 + 164·0 + 165·(−1) = −498",
        "c = 2: 0·0 + 0·1 + 0·1 + 0·0 + 163·1 + 162·0 + 0·1 + 160·(−1) + 161·1 = 164",
        "308 − 498 + 164 + 1 = −25",
    ]
    assert lines[32].startswith("dx[0, 0, 0] = ")
    assert lines[32].endswith("2 cells of dy go into it")  # one window of each of two kernels


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_operation_is_stepped_through(op, lang):
    shown = scene(op)
    found = list(text.steps(shown, lang))
    assert len(found) == shown.engine["y"].size + shown.engine["dx"].size
    assert all(step.lit for step in found)
    for step in found[:: max(1, len(found) // 5)]:
        assert list(text.drawn(shown, step))


def test_groups_see_their_own_channels():
    shown = scene("conv", input=(4, 3, 3), groups=2, filters=4, kernel=2)
    last = next(step for step in text.steps(shown) if step.lines[0].startswith("y[3, 1, 1]"))
    assert {one // 9 for one in last.lit["x"]} == {2, 3}
    assert [line[:5] for line in last.lines[2:-1]] == ["c = 2", "c = 3"]
    for step in text.steps(shown):
        assert step.array == "dx" or step.lines[-1].endswith(f"= {text.short(shown.engine['y'].ravel()[step.flat])}")


def test_at_a_terminal_the_reader_says_where_to_go(monkeypatch):
    monkeypatch.setattr(text, "draws", lambda: True)
    asked, typed = [], iter(["", "", "b", "40", "0", "x", "q"])

    def ask(prompt):
        asked.append(prompt)
        return next(typed)

    shown = scene()
    printed = [one for one in text.walk(shown, "en", ask) if isinstance(one, str) and "] = " in one and "[" in one]
    places = [line.split(" = ")[0] for line in printed if line.startswith(("y[", "dx["))]
    assert places == ["y[0, 0, 0]", "y[0, 0, 1]", "y[0, 0, 2]", "y[0, 0, 1]", "dx[0, 1, 1]", "y[0, 0, 0]", "y[0, 0, 1]"]
    assert asked[0] == "step 1 of 140; Enter: on, b: back, a number: that step, q: end "
    assert len(list(text.walk(shown, "en", lambda prompt: (_ for _ in ()).throw(EOFError)))) > 0


def test_lit_cells_stand_in_brackets():
    shown = scene()
    _, _, third = text.planes(shown.numbers["x"], frozenset({0, 37, 80}), False)
    assert "[" in third.plain
    assert np.isclose(third.plain.count("["), 1)


def test_a_network_has_a_page_and_no_text(capsys):
    with pytest.raises(ValueError, match=r"explore: --text steps through an operation; of a network there is a page"):
        next(text.walk(None))
