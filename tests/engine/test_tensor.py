"""What a tensor is, and what its operators do."""

import numpy as np
import pytest

from minidl import Tensor
from minidl.nn import Parameter


def test_numbers_become_float32_and_arrays_stay_as_they_are():
    array = np.ones(3)
    assert Tensor(array)._data is array
    assert np.shares_memory(Tensor(array).data, array)
    assert Tensor(array).dtype == np.float64
    assert Tensor([1, 2]).dtype == np.float32
    assert Tensor(3.0).shape == ()
    assert Tensor(np.float64(3.0)).dtype == np.float64
    assert Tensor(np.ones(2, dtype=np.int64)).dtype == np.int64


@pytest.mark.parametrize(
    ("array", "requires_grad", "message"),
    [
        (Tensor([1.0]), False, "Tensor: the argument is a Tensor already"),
        (["a"], False, "Tensor: expects numbers; received dtype=<U1"),
        (np.ones(2, dtype=int), True, "Tensor: only float32 and float64 have gradients; received dtype=int64"),
        (np.ones(2, dtype=np.float16), True, "received dtype=float16"),
    ],
)
def test_what_is_no_tensor(array, requires_grad, message):
    with pytest.raises(TypeError, match=message):
        Tensor(array, requires_grad=requires_grad)


def test_properties():
    x = Tensor(np.zeros((2, 3), dtype=np.float32))
    assert (x.shape, x.ndim, x.numel(), x.dtype, x.device, len(x)) == ((2, 3), 2, 6, np.float32, "cpu", 2)


def test_numpy_returns_a_copy():
    x = Tensor(np.zeros(2))
    x.numpy()[0] = 1
    assert x.data[0] == 0


def test_item_and_float_need_one_element():
    assert Tensor([[2.5]]).item() == 2.5
    assert float(Tensor(2.5)) == 2.5
    with pytest.raises(ValueError, match=r"item: the tensor must have one element, it has 2; shape=\(2,\)"):
        Tensor([1.0, 2.0]).item()


def test_detach_shares_the_array_and_not_the_history():
    x = Tensor([1.0], requires_grad=True)
    y = (x * 2.0).detach()
    assert not y.requires_grad
    assert y._node is None


def test_data_can_be_replaced_by_its_like_only():
    x = Tensor(np.zeros((2, 3)))
    x.data = np.ones((2, 3))
    assert x._version == 1
    with pytest.raises(TypeError, match="Tensor.data: array must be a plain array like the tensor; received a list"):
        x.data = [1]
    with pytest.raises(ValueError, match=r"array must have the tensor's shape \(2, 3\); received array.shape=\(3, 2\)"):
        x.data = np.ones((3, 2))
    with pytest.raises(TypeError, match="array must be float64 on cpu like the tensor; received float32 on cpu"):
        x.data = np.ones((2, 3), dtype=np.float32)


def test_repr_shows_values_shape_and_dtype():
    assert repr(Tensor([1.0, 2.0])) == "Tensor([1., 2.], shape=(2,), dtype=float32)"
    assert "requires_grad=True" in repr(Tensor([1.0], requires_grad=True))
    assert len(repr(Tensor(np.zeros((100, 100))))) < 500


def test_operators_take_numbers_and_arrays_on_both_sides():
    x = Tensor(np.array([1.0, 2.0]))
    array = np.array([10.0, 20.0])
    for result, expected in [
        (x + 1, [2, 3]),
        (1 + x, [2, 3]),
        (x - 1, [0, 1]),
        (1 - x, [0, -1]),
        (x * 3, [3, 6]),
        (3 * x, [3, 6]),
        (x / 2, [0.5, 1]),
        (2 / x, [2, 1]),
        (x**2, [1, 4]),
        (-x, [-1, -2]),
        (array + x, [11, 22]),
        (x + array, [11, 22]),
        (array - x, [9, 18]),
        (np.float64(2) * x, [2, 4]),
    ]:
        assert isinstance(result, Tensor)
        np.testing.assert_array_equal(result.data, expected)
    matrix = Tensor(np.eye(2))
    np.testing.assert_array_equal((np.eye(2) @ matrix).data, np.eye(2))
    np.testing.assert_array_equal((matrix @ np.eye(2)).data, np.eye(2))


def test_a_number_takes_the_dtype_of_the_tensor():
    assert (Tensor([1.0]) * 2.0).dtype == np.float32
    assert (Tensor(np.ones(1)) * 2.0).dtype == np.float64
    assert (Tensor([1.0]) * np.float64(2.0)).dtype == np.float32


def test_mixed_dtypes_are_an_error():
    with pytest.raises(TypeError, match="add: all operands must have one dtype, but x is float32, y is float64"):
        Tensor([1.0]) + np.ones(1)


def test_methods_reach_the_operations():
    x = Tensor(np.arange(6.0).reshape(2, 3))
    assert x.sum().item() == 15
    assert x.mean(axis=0).shape == (3,)
    assert x.reshape(3, 2).shape == x.reshape((3, 2)).shape == (3, 2)
    assert x.T.shape == (3, 2)
    assert x.flatten(0).shape == (6,)
    assert x[0, 1].item() == 1
    assert [row.shape for row in x] == [(3,), (3,)]


def test_a_parameter_wants_a_gradient():
    assert Parameter(np.zeros(2)).requires_grad
