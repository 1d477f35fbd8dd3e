"""Every mistake of the functions without windows that has a name is made, and called by it."""

import pytest

from minidl.proof.student import batch_norm, kinds, lrn, rows, simple
from minidl.proof.student.claims import LAYER_CLAIMS
from minidl.proof.student.kinds import Subject
from minidl.proof.student.watch import Watched, Wrong

MODULES = (lrn, batch_norm, rows, simple)


def told_by(claim, monkeypatch):
    """Make every mistake in every case; return what is told of each, case by case."""
    told = {}

    def every_mistake(s, parts, arguments, right, wrong):
        for what, name, array in wrong():
            place = [part for part, _ in parts].index(name)
            results = list(right)
            if right[place] is None:  # SGD without momentum has no velocity
                continue
            results[place] = array.astype(right[place].dtype) if hasattr(array, "astype") else array
            answer = tuple(results) if len(results) > 1 else results[0]
            function = Watched(claim.name, lambda *_, answer=answer: answer, claim.parameters)
            try:
                kinds.against_formula(Subject(function, {}), parts, arguments, right, wrong)
            except Wrong as error:
                told.setdefault(what, []).append(error.named)
            else:
                told.setdefault(what, [])
        return 0.0

    for module in MODULES:
        monkeypatch.setattr(module, "against_formula", every_mistake)
    for check in claim.checks:
        if check.name in ("loops", "formula"):
            for case in check.cases:
                if case.dtype == "float64":
                    check.run(Subject(None, {}), case)
    return told


@pytest.mark.parametrize("claim", LAYER_CLAIMS, ids=lambda claim: claim.name)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_whoever_makes_a_mistake_is_told_that_one(claim, monkeypatch):
    """In the case that shows it best no more than one other mistake leads to the same numbers."""
    told = told_by(claim, monkeypatch)
    assert len(told) >= 3
    for what, names in told.items():
        assert names, f"no case shows: {what}"
        assert all(what in named for named in names), what
        assert min(map(len, names)) <= 2, what
