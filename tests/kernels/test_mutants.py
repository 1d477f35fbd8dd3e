"""The bugs of the two lists can still be planted: each line that they spoil stands once in its file."""

import pytest

from tests.kernels.mutants import KERNELS, MUTANTS, ROOT


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_line_is_there(mutant):
    assert (ROOT / KERNELS / mutant.file).read_text(encoding="utf-8").count(mutant.right) == 1
    assert mutant.right != mutant.wrong


def test_every_bug_has_its_name():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 25
