"""Every case of every proof table on the GPU: the numbers of the CPU, and nothing that moves silently."""

from collections import Counter

import numpy as np
import pytest

import minidl
from minidl import Tensor, proof
from tests.contract import cast, memory_orders

TABLES = list(proof.tables().values())
CASES = [pytest.param(table, case, id=f"{table.op}-{case.name}") for table in TABLES for case in table.cases]
TWO_OPERANDS = [
    pytest.param(table, case, id=f"{table.op}-{case.name}")
    for table in TABLES
    for case in table.cases
    if sum(array is not None for array in case.draw(np.random.default_rng(0))) > 1
]


def moves_of(table, arrays, settings):
    """What one forward and one backward pass move, and say so in their documentation; all others move nothing."""
    if table.op in ("dropout", "dropout2d", "stochastic_depth"):
        return {"put": 1}, {}  # the draws come from the CPU, so that both devices get the same
    weights = sum(name in settings for name in ("weight", "pos_weight"))  # plain numbers
    if table.op in ("cross_entropy", "nll_loss"):
        averaged = settings.get("reduction", "mean") == "mean"
        reads = 1 + averaged if arrays[1].dtype.kind in "iu" else 0  # how many are wrong, how many count
        return dict(+Counter(put=weights, read=reads)), {}
    if table.op in ("roi_pool", "roi_align"):
        boxes = settings["boxes"]  # which come over, and what bins take of pixels goes back
        return dict(+Counter(get=len(boxes) if isinstance(boxes, list) else 1, put=2 * (table.op == "roi_align"))), {}
    if table.op == "embedding":
        return {"read": 1}, {}  # whether all indices are in the table
    if table.op == "binary_cross_entropy_with_logits":
        return dict(+Counter(put=weights, read=1)), {}  # whether the targets are from 0 to 1
    key = settings.get("key")
    parts = [part for part in (key if isinstance(key, tuple) else (key,)) if isinstance(part, (list, np.ndarray))]
    is_mask = any(np.asarray(part).dtype.kind == "b" for part in parts)
    lists = sum(isinstance(part, list) for part in parts)
    forward = Counter(put=lists)
    # A mask: how many places it has; an index: itself, to judge it.
    forward += Counter(read=1) if is_mask else Counter(get=len(parts) - lists)
    return dict(forward), {"read": 1} if is_mask else {}


def run(table, arrays, settings, dy=None):
    """Run forward, and backward where there is a dy; return the tensors, the result and the bytes it kept."""
    tensors = [None if array is None else Tensor(array, requires_grad=array.dtype.kind == "f") for array in arrays]
    kept = []
    with minidl.observe(lambda event: kept.append(event.saved_bytes)):
        y = table.function(*tensors, **settings)
    if dy is not None:
        y.backward(dy)
    return tensors, y, kept


def drawn(table, case, dtype, rng):
    """Draw the arrays of a case and an upstream gradient."""
    arrays = cast(case.draw(rng), dtype)
    y = run(table, arrays, case.settings)[1]
    return arrays, rng.standard_normal(y.shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("table", "case"), CASES)
def test_the_gpu_has_the_numbers_of_the_cpu(table, case, dtype, gpu, rng):
    arrays, dy = drawn(table, case, dtype, rng)
    tensors, y, kept = run(table, arrays, case.settings, dy)
    gpu_tensors, gpu_y, gpu_kept = run(table, gpu.put(arrays), gpu.put(case.settings), gpu.put(dy))
    gpu.assert_same(gpu_y.data, y.data)
    assert gpu_y.device == "cuda"
    assert gpu_kept == kept
    for index, (tensor, gpu_tensor) in enumerate(zip(tensors, gpu_tensors, strict=True)):
        if tensor is not None and tensor.grad is not None:
            gpu.assert_same(gpu_tensor.grad, tensor.grad, f"gradient {index}")


@pytest.mark.parametrize(("table", "case"), CASES)
def test_nothing_moves_silently(table, case, gpu, rng):
    if gpu.moves is None:
        pytest.skip("on CUDA nobody counts what moves; the stand-in does")
    arrays, dy = drawn(table, case, "float64", rng)
    arrays, settings, dy = gpu.put(arrays), gpu.put(case.settings), gpu.put(dy)
    gpu.moves.clear()
    _, y, _ = run(table, arrays, settings)
    forward, backward = moves_of(table, arrays, case.settings)
    assert dict(gpu.moves) == forward
    gpu.moves.clear()
    y.backward(dy)
    assert dict(gpu.moves) == backward


@pytest.mark.parametrize(("table", "case"), TWO_OPERANDS)
def test_operands_from_two_devices_are_refused(table, case, gpu, rng):
    arrays = cast(case.draw(rng), "float64")
    for index, array in enumerate(arrays):
        if array is not None:
            moved = [gpu.put(array) if number == index else other for number, other in enumerate(arrays)]
            left = [array if number == index else gpu.put(other) for number, other in enumerate(arrays)]
            for mixed in (moved, left):
                with pytest.raises(TypeError, match=r"(?s)cuda.*cpu|cpu.*cuda"):
                    run(table, mixed, gpu.put(case.settings))


def test_arrays_among_the_settings_are_refused_on_the_other_device(gpu, rng):
    x, rows = rng.standard_normal((4, 3)), np.array([0, 2])
    with pytest.raises(TypeError, match="index: x is on cuda but .* on cpu; move one of them"):
        Tensor(gpu.put(x))[rows]
    with pytest.raises(TypeError, match="index: x is on cpu but .* on cuda; move one of them"):
        Tensor(x)[gpu.put(rows)]
    weight = Tensor(gpu.put(np.ones(3)))
    with pytest.raises(
        TypeError, match="batch_norm: running_mean must be float64 on cuda like x; it is float64 on cpu"
    ):
        minidl.ops.batch_norm(Tensor(gpu.put(x)), weight, weight, np.zeros(3), np.ones(3), training=True)


def test_an_index_out_of_bounds_is_an_error_here_too(gpu):
    x = Tensor(gpu.put(np.zeros((3, 4))))
    for key in (gpu.put(np.array([0, 3])), [-4], (slice(None), gpu.put(np.array([[4]]))), 3):
        with pytest.raises(IndexError, match=r"out of bounds.*x.shape=\(3, 4\)"):
            x[key]


@pytest.mark.parametrize("op", ["conv2d", "max_pool2d", "avg_pool2d", "batch_norm", "relu", "add", "multiply"])
def test_any_memory_order(op, gpu, rng):
    """Pictures that are channels-last, reversed, or every second element of a larger block."""
    table = proof.tables()[op]
    case = next(case for case in table.cases if case.draw(np.random.default_rng(0))[0].ndim > 2)
    arrays, dy = drawn(table, case, "float64", rng)
    tensors, y, _ = run(table, arrays, case.settings, dy)
    for number, x in enumerate(memory_orders(arrays[0])):
        order = np.argsort([-abs(stride) for stride in x.strides])  # an upload keeps no order but C and Fortran
        back = [list(order).index(axis) for axis in range(x.ndim)]
        block = gpu.put(np.ascontiguousarray(x.transpose(order)))
        strided = gpu.cupy.empty((*block.shape[:-1], 2 * block.shape[-1]), block.dtype)
        strided[..., ::2] = block
        for device_x in (block.transpose(back), strided[..., ::2].transpose(back)):
            gpu_tensors, gpu_y, _ = run(table, [device_x, *gpu.put(arrays[1:])], gpu.put(case.settings), gpu.put(dy))
            np.testing.assert_allclose(gpu_y.numpy(), y.data, rtol=1e-12, atol=1e-14, err_msg=f"order {number}")
            gradient = gpu_tensors[0].grad.get()
            np.testing.assert_allclose(gradient, tensors[0].grad, rtol=1e-12, atol=1e-14, err_msg=f"order {number}")


def test_channels_last_stays_channels_last(gpu, rng):
    x = gpu.put(rng.standard_normal((2, 5, 4, 3))).transpose(0, 3, 1, 2)
    w = gpu.put(rng.standard_normal((6, 3, 3, 3)))
    y = minidl.ops.relu(minidl.ops.conv2d(Tensor(x), Tensor(w), padding=1))
    assert y.data.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("mode", ["direction", "elements"])
def test_gradcheck_on_the_gpu(mode, gpu, rng):
    arrays = [gpu.put(rng.standard_normal(shape)) for shape in ((1, 2, 4, 4), (2, 2, 3, 3), (2,))]

    def f(x, w, b):
        return minidl.ops.max_pool2d(minidl.ops.relu(minidl.ops.conv2d(x, w, b, padding=1)), 2)

    assert minidl.gradcheck(f, arrays, mode=mode).verdict == "ok"


def test_numbers_join_in_on_either_side(gpu):
    x = Tensor(gpu.put(np.array([1.0, 2.0])), requires_grad=True)
    y = ((3 - x) * np.float64(2) / 4 + x**2).sum()
    before = dict(gpu.moves or {})
    y.backward()
    assert dict(gpu.moves or {}) == before
    gpu.assert_same(x.grad, np.array([1.5, 3.5]))
    assert y.item() == 6.5
    assert len(x) == 2


def test_a_function_of_ones_own_runs_on_the_gpu(gpu):
    class Cube(minidl.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save(x)
            return x * x * x

        @staticmethod
        def backward(ctx, dy):
            (x,) = ctx.saved
            return 3 * x * x * dy

    x = Tensor(gpu.put(np.array([1.0, 2.0])), requires_grad=True)
    Cube.apply(x).backward(gpu.put(np.ones(2)))
    gpu.assert_same(x.grad, np.array([3.0, 12.0]))
    with pytest.raises(
        TypeError, match="backward: dy must be float64 on cuda like the tensor; received float64 on cpu"
    ):
        Cube.apply(x).backward(np.ones(2))


def test_initialisers_fill_tensors_where_they_are(gpu):
    for name in (name for name in minidl.nn.init.__all__ if name.endswith("_")):
        minidl.manual_seed(3)
        here, there = (Tensor(put(np.full((4, 3, 2, 2), 7.0, "float32")), True) for put in (np.asarray, gpu.put))
        more = {"val": 0.5} if name == "constant_" else {}
        getattr(minidl.nn.init, name)(here, **more)
        minidl.manual_seed(3)
        assert getattr(minidl.nn.init, name)(there, **more) is there
        assert there.device == "cuda"
        gpu.assert_same(there.data, here.data, name)


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss", "BCEWithLogitsLoss"])
def test_losses_take_their_weights_along(name, gpu, rng):
    settings = {"weight": [0.5, 2.0, 0.25], **({"pos_weight": [3.0, 1.0, 2.0]} if name == "BCEWithLogitsLoss" else {})}
    layer = getattr(minidl.nn, name)(**settings)
    x = rng.standard_normal((4, 3)).astype("float32")
    t = rng.random((4, 3)).astype("float32") if "pos_weight" in settings else np.array([0, 2, 1, 1])
    expected = layer(Tensor(x), t).data
    loss = layer.to("cuda")(Tensor(gpu.put(x)), gpu.put(t))
    gpu.assert_same(loss.data, expected)
