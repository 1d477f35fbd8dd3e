"""Every planted bug is caught by the proof table of its operation, and without a bug every table passes."""

import importlib
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from minidl import kernels, proof
from tests.contract import check_function
from tests.mutations.mutant import Mutant, attribute, kernel

MODULES = sorted(
    path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith(("test_", "mutant"))
)
MUTANTS = [mutant for name in MODULES for mutant in importlib.import_module(f"tests.mutations.{name}").MUTANTS]


# No table proves them: steps of optimisers, what writes into a given array, what has no gradient. Their tests compare
# them with loops, or with the kernels that they are made of.
ELSEWHERE = {"adam", "rmsprop", "sgd", "add_to", "copy_to", "batch_norm_running", "excite", "nms", "render"}


def check(caught_by):
    """Run what must catch a mutant."""
    if callable(caught_by):
        caught_by()
        return
    table = proof.tables()[caught_by]
    for case in table.cases:
        rng = np.random.default_rng(0)
        check_function(table.function, table.oracle, case.draw(rng), case.settings, rng=rng, views=table.views)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_is_caught(mutant):
    """By a comparison (AssertionError; GradientError is one), or because the engine or the checker refuses it."""
    with mutant.plant(), pytest.raises((AssertionError, ValueError)) as caught:
        check(mutant.caught_by)
    if isinstance(caught.value, ValueError):
        assert re.match(
            "backward: dy must have|.* backward must return|gradcheck: (f gives two|.*backward changed)",
            str(caught.value),
        )


@pytest.mark.parametrize(
    "caught_by", sorted({mutant.caught_by for mutant in MUTANTS}, key=str), ids=lambda it: getattr(it, "__name__", it)
)
def test_without_a_mutant_all_is_well(caught_by):
    check(caught_by)


def test_planting_reaches_the_library():
    reached = []

    def seen(original, *args, **settings):
        reached.append(original)
        return original(*args, **settings)

    from minidl.ops.activation import Relu

    for plant in (kernel("relu", seen), attribute(Relu, "backward", seen)):
        with plant():
            check("relu")  # it is no bug, and so it is not caught
    assert len(set(reached)) == 2


def test_every_operation_and_every_kernel_has_a_bug():
    caught_by = {mutant.caught_by for mutant in MUTANTS}
    assert set(proof.tables()) - caught_by == set()
    planted = {getattr(mutant.plant, "kernel", None) for mutant in MUTANTS}
    assert set(kernels.NAMES) - planted == ELSEWHERE


def test_there_are_enough_mutants_and_each_has_its_name():
    assert all(isinstance(mutant, Mutant) for mutant in MUTANTS)
    assert not [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1]
    assert len(MUTANTS) >= 200
