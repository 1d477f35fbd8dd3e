"""PyTorch code as students write it: each line gives PyTorch's result, or one line that names the way."""

import json
import re

import numpy as np
import pytest

import minidl
from tests.words import lines
from tests.words.expected import FILE, shared
from tests.words.world import minidl_called_torch, of_minidl, plain, result_of

EXPECTED = json.loads(FILE.read_text(encoding="utf-8"))
ANSWERED = [line for part in lines.ALL.values() for line in part if not isinstance(line, str)]


def check_same(found, expected, line):
    """Compare two results: numbers to 1e-5, dtypes and shapes exactly."""
    if isinstance(expected, dict):
        assert isinstance(found, dict), f"{line}: {found} instead of {expected}"
        assert (found["dtype"], found["shape"]) == (expected["dtype"], expected["shape"]), line
        a, b = (np.array(one["numbers"], dtype=np.float64) for one in (found, expected))
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, err_msg=line)
    elif isinstance(expected, list):
        assert len(found) == len(expected), f"{line}: {found} instead of {expected}"
        for one, other in zip(found, expected):
            check_same(one, other, line)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-6), line
    else:
        assert found == expected, line


def test_there_are_enough_lines_and_each_has_its_result():
    assert len(shared()) + len(ANSWERED) >= 150
    assert list(EXPECTED) == shared(), "write them anew: python -m tests.words.expected"


@pytest.mark.parametrize("part", lines.ALL)
def test_lines_give_pytorchs_result(part):
    with minidl_called_torch():
        for line in lines.ALL[part]:
            if isinstance(line, str):
                minidl.manual_seed(0)
                try:
                    found = plain(result_of(line, of_minidl()))
                except Exception as error:
                    pytest.fail(f"{line}: {type(error).__name__}: {error}")
                check_same(found, EXPECTED[line], line)


@pytest.mark.parametrize("part", lines.ALL)
def test_lines_that_are_answered_say_in_one_line_what_to_write(part):
    with minidl_called_torch():
        for line, message, *_ in (pair for pair in lines.ALL[part] if not isinstance(pair, str)):
            with pytest.raises((AttributeError, ImportError, RuntimeError, TypeError, ValueError)) as caught:
                result_of(line, of_minidl())
            assert "\n" not in str(caught.value), line
            assert re.search(message, str(caught.value)), f"{line}: {caught.value!r}"
