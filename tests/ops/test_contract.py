"""Every case of every proof table keeps the whole contract, in every kernel set."""

import pytest

from minidl import kernels, ops, proof
from tests.contract import check_function

CASES = [
    pytest.param(table, case, id=f"{table.op}-{case.name}") for table in proof.tables().values() for case in table.cases
]


@pytest.mark.parametrize("kernel_set", kernels.SETS)
@pytest.mark.parametrize(("table", "case"), CASES)
def test_contract(table, case, kernel_set, rng):
    with kernels.use(kernel_set):
        check_function(table.function, table.oracle, case.draw(rng), case.settings, rng=rng, views=table.views)


def test_every_operation_has_a_table():
    assert set(ops.__all__) - {"to_device"} == set(proof.tables())
