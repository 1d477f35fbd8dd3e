"""Planted bugs: each is caught, and called by its name."""

import pytest

import minidl
from tests.gradcheck import planted


def check(bug, **settings):
    with minidl.kernels.use(bug.kernels), pytest.raises(minidl.GradientError) as caught:
        minidl.gradcheck(bug.f, bug.inputs, **settings)
    return caught.value.report


@pytest.mark.parametrize("mode", ["elements", "direction"])
@pytest.mark.parametrize("key", planted.BUGS)
def test_planted_bugs_are_caught_and_named(key, mode):
    bug = planted.BUGS[key]
    report = check(bug, mode=mode)
    wrong = {a.name: a for a in report.failed}
    assert bug.argument in wrong
    pattern = wrong[bug.argument].pattern
    assert pattern is not None, str(report)
    assert pattern.name == bug.name, str(report)
    assert bug.says in pattern.text
    assert len(str(report).splitlines()) <= 25
