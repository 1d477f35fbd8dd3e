"""Networks whose weights are memory that nobody has written to: whatever lies in it, building them does not warn."""

import warnings

import numpy as np
import pytest

from minidl import models
from minidl.models._learners import LEARNERS
from minidl.nn import init

ANYTHING = np.frombuffer(np.uint32([0x7FA00000, 0x7F7FFFFF]), np.float32)  # a NaN that complains, the largest number
SMALL = 10**6  # larger arrays are left as they come


@pytest.mark.parametrize("name", sorted({*LEARNERS, "lenet5", "vit_b_16"}))
def test_memory_that_holds_anything(name, monkeypatch):
    empty = np.empty

    def full_of_anything(shape, dtype=float, **settings):
        array = empty(shape, dtype=dtype, **settings)
        if array.dtype == np.float32 and array.size < SMALL:
            array.reshape(-1).view(np.uint32)[:] = np.resize(ANYTHING.view(np.uint32), array.size)
        return array

    monkeypatch.setattr(np, "empty", full_of_anything)
    with warnings.catch_warnings(), init.unfilled():
        warnings.simplefilter("error")
        LEARNERS[name].builder() if name in LEARNERS else models.get_model(name)
