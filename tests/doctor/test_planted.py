"""The doctor's figures: of the planted bugs nine in ten are named rightly, none wrongly; right code is told nothing."""

import inspect
from collections import Counter

import numpy as np
import pytest

from minidl.kernels import textbook
from minidl.proof.student.batch_norm import CHANNELS
from minidl.proof.student.claims import LESSON_CLAIMS
from minidl.proof.student.examine import KNOWN, examine
from tests.doctor import planted_norms, planted_pools, planted_rows, planted_windows  # noqa: F401 - they plant
from tests.doctor.planting import BUGS
from tests.kernels import unsized

KERNELS = [name for name in KNOWN if name not in {claim.name for claim in LESSON_CLAIMS}]
FAMILIES = {"conv", "depthwise", "pool", "lrn", "batch norm", "linear", "softmax", "col2im"}


def verdict(bug, seed):
    """Return "rightly", "not recognised", "wrongly", or "not found", and what was said."""
    found = examine(bug.kernel, bug.function, seed=seed)
    if found is None:
        return "not found", ""
    if found.kind == "form":
        return ("rightly" if bug.says and bug.says in found.text else "not recognised"), found.text
    if found.kind != "wrong" or not found.named:
        return "not recognised", found.text
    return ("rightly" if bug.says and any(bug.says in name for name in found.named) else "wrongly"), found.text


VERDICTS = [(bug, *verdict(bug, seed)) for seed, bug in enumerate(BUGS)]


@pytest.mark.parametrize(
    ("bug", "found", "text"), VERDICTS, ids=[f"{bug.kernel}-{bug.function.__name__}" for bug, _, _ in VERDICTS]
)
def test_every_planted_bug_is_found_and_never_called_by_a_wrong_name(bug, found, text):
    assert found == ("rightly" if bug.says else "not recognised"), text
    if not bug.says:
        assert "the mistake is not recognised" in text


def test_the_figures():
    """At least 60 bugs over the eight families, nine in ten of each named."""
    asked = [(bug.family, found) for bug, found, _ in VERDICTS if bug.family in FAMILIES]
    assert {family for family, _ in asked} == FAMILIES
    assert len(asked) >= 60
    for family in FAMILIES:
        found = Counter(verdict for one, verdict in asked if one == family)
        assert found["rightly"] >= 0.9 * found.total(), family
        assert found["wrongly"] == found["not found"] == 0


def running_statistics(x, mean, var, momentum):
    new = x.mean(CHANNELS), x.var(CHANNELS, ddof=1)
    return tuple((1 - momentum) * old + momentum * one for old, one in zip((mean, var), new, strict=True))


RIGHT = {
    "conv2d_loops": unsized.conv2d,
    "conv2d": unsized.conv2d,
    "im2col": unsized.im2col,
    "running_statistics": running_statistics,
}


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", KERNELS)
def test_right_code_is_told_nothing(name, seed):
    assert examine(name, RIGHT.get(name) or getattr(textbook, name), seed=seed) is None


@pytest.mark.parametrize("name", KERNELS)
def test_what_nobody_has_named_is_not_recognised(name):
    """Numbers that come from nowhere are wrong, and no mistake leads to them."""
    right, rng = RIGHT.get(name) or getattr(textbook, name), np.random.default_rng(4)

    def noisy(*arguments):
        results = right(*arguments)
        several = results if isinstance(results, tuple) else (results,)
        first, *rest = several
        first = (np.asarray(first) + rng.uniform(0.5, 1.5, np.shape(first))).astype(np.asarray(first).dtype)
        return (first, *rest) if isinstance(results, tuple) else first

    noisy.__signature__ = inspect.signature(right)
    found = examine(name, noisy)
    assert found.kind == "wrong"
    assert found.named == ()
    assert "the mistake is not recognised" in found.text


def test_the_smallest_case_is_shown_in_whole_numbers():
    bugs = [bug for bug in BUGS if bug.kernel == "col2im" and "+=" in bug.says]
    shown = examine("col2im", bugs[0].function).shown
    assert shown.right.size <= 16
    assert all(float(number).is_integer() for number in shown.arguments["cols"].ravel())
    assert not np.array_equal(shown.yours, shown.right)


def test_what_raises_says_where():
    def softmax(x, axis):
        return x / None

    found = examine("softmax", softmax)
    assert found.kind == "raised"
    assert "TypeError" in found.text
    assert "test_planted.py" in found.text


def test_what_is_not_written_is_no_mistake():
    def softmax(x, axis):
        raise NotImplementedError("later")

    assert (examine("softmax", softmax).kind, examine("softmax", softmax).text) == ("unwritten", "later")


@pytest.mark.parametrize(
    ("name", "function", "says"),
    [
        ("softmax", None, r"the file has no function softmax(x, axis)"),
        ("softmax", 3, "softmax must be a function; it is a int"),
        ("softmax", lambda x: x, "softmax must take (x, axis), by position; it takes (x)"),
        ("softmax", lambda x, axis: None, "softmax returned None; is the return statement missing?"),
        ("softmax", lambda x, axis: x.astype("float32"), "softmax must return float64 for float64 arguments"),
        ("lrn", lambda x, size, alpha, beta, k: x, "lrn must return (y, scale); it returned a ndarray"),
        (
            "sgd",
            lambda p, g, *rest: (p - rest[1] * g, p),
            "sgd (velocity) must return None here; it returned a ndarray",
        ),
    ],
)
def test_a_wrong_form_is_said(name, function, says):
    found = examine(name, function)
    assert found.kind == ("form" if function else "missing")
    assert says in found.text


def test_an_unknown_name_says_what_is_near():
    with pytest.raises(ValueError, match="there is no function 'softmaxx'; did you mean softmax"):
        examine("softmaxx", np.exp)
