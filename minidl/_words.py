"""Words that hands know from PyTorch and NumPy, and what becomes of each here: data, and nothing else.

A word **works**, is **answered** with minidl's way, which its error names in one line (code, and a remark behind a
semicolon), or is **refused** with the reason, because nothing here does the same. `_values.py` makes the errors from
these tables, and the tests walk them.
"""

from __future__ import annotations

from typing import NamedTuple


class Word(NamedTuple):
    """What becomes of a word, and how it is written here (or why it is refused)."""

    fate: str
    way: str


FATES = WORKS, ANSWERED, REFUSED = "works", "answered", "refused"


def _all(fate: str, words: dict[str, str]) -> dict[str, Word]:
    return {name: Word(fate, way) for name, way in words.items()}


# Methods and attributes of a tensor, called x.

TENSOR = {
    **_all(
        WORKS,
        {
            "all": "x.all(axis)",
            "any": "x.any(axis)",
            "argmax": "x.argmax(axis)",
            "argmin": "x.argmin(axis)",
            "backward": "x.backward()",
            "data": "x.data; an array",
            "detach": "x.detach()",
            "device": "x.device",
            "dtype": "x.dtype",
            "flatten": "x.flatten(start_axis=1)",
            "grad": "x.grad; an array",
            "item": "x.item()",
            "max": "x.max(axis); the values alone",
            "mean": "x.mean(axis)",
            "ndim": "x.ndim",
            "numpy": "x.numpy(); a copy",
            "requires_grad": "x.requires_grad",
            "reshape": "x.reshape(2, -1)",
            "shape": "x.shape",
            "size": "x.size; the number of elements",
            "sum": "x.sum(axis)",
            "to": 'x.to("cuda")',
            "transpose": "x.transpose(1, 0); all axes in their new order",
            "var": "x.var(axis)",
        },
    ),
    **_all(
        ANSWERED,
        {
            "T": "x.transpose()",
            "abs": "abs(x)",
            "absolute": "abs(x)",
            "add": "x + y",
            "allclose": "np.allclose(x.data, y.data)",
            "amax": "x.max(axis)",
            "amin": "-(-x).max(axis)",
            "argsort": "np.argsort(x.data, axis)",
            "argwhere": "np.argwhere(x.data)",
            "astype": "Tensor(x.data.astype('float64'))",
            "bmm": "x @ y",
            "bool": "x != 0",
            "chunk": "ops.split(x, count, axis)",
            "clamp": "ops.clip(x, low, high)",
            "clamp_max": "ops.clip(x, high=high)",
            "clamp_min": "ops.clip(x, low=low)",
            "clip": "ops.clip(x, low, high)",
            "clone": "x * 1; without its history: Tensor(x.numpy())",
            "contiguous": "x; every operation takes any memory order",
            "copy": "Tensor(x.numpy())",
            "cpu": 'x.to("cpu")',
            "cuda": 'x.to("cuda")',
            "cumsum": "np.cumsum(x.data, axis)",
            "dim": "x.ndim",
            "div": "x / y",
            "dot": "x @ y",
            "double": "Tensor(x.data.astype('float64'))",
            "dropout": "ops.dropout(x, p, training=True)",
            "eq": "x == y",
            "equal": "(x == y).all()",
            "exp": "ops.exp(x)",
            "expand": "x + np.zeros(shape, x.dtype); or leave it to broadcasting",
            "flip": "x[::-1]",
            "float": "Tensor(x.data.astype('float32'))",
            "ge": "x >= y",
            "greater": "x > y",
            "gt": "x > y",
            "half": "Tensor(x.data.astype('float32')); float16 is not computed with",
            "hardtanh": "ops.clip(x, -1, 1)",
            "index_select": "x[indices]",
            "int": "Tensor(x.data.astype('int32'))",
            "is_contiguous": "x.data.flags.c_contiguous",
            "is_cuda": 'x.device == "cuda"',
            "is_floating_point": "x.dtype.kind == 'f'",
            "is_leaf": "x.requires_grad; and whether x was made by hand",
            "isnan": "np.isnan(x.data)",
            "le": "x <= y",
            "less": "x < y",
            "log": "ops.log(x)",
            "log_softmax": "ops.log_softmax(x, axis)",
            "logical_and": "(x != 0) & (y != 0)",
            "logical_not": "x == 0",
            "logical_or": "(x != 0) | (y != 0)",
            "long": "Tensor(x.data.astype('int64'))",
            "lt": "x < y",
            "masked_fill": "ops.where(mask, value, x)",
            "masked_select": "x[mask]",
            "matmul": "x @ y",
            "maximum": "ops.where(x > y, x, y)",
            "median": "np.median(x.data, axis)",
            "min": "-(-x).max(axis)",
            "minimum": "ops.where(x < y, x, y)",
            "mm": "x @ y",
            "movedim": "x.transpose(…); all axes in their new order",
            "mul": "x * y",
            "multiply": "x * y",
            "narrow": "x[start : start + length]",
            "nbytes": "x.data.nbytes",
            "ne": "x != y",
            "neg": "-x",
            "nelement": "x.size",
            "new_zeros": "Tensor(np.zeros(shape, x.dtype))",
            "nonzero": "np.argwhere(x.data)",
            "norm": "ops.sqrt((x * x).sum())",
            "numel": "x.size",
            "permute": "x.transpose(1, 0); all axes in their new order",
            "pow": "x ** 2",
            "prod": "ops.exp(ops.log(x).sum(axis)); where all are positive",
            "ravel": "x.reshape(-1)",
            "reciprocal": "1 / x",
            "relu": "ops.relu(x)",
            "repeat": "ops.concat([x, x], axis)",
            "requires_grad_": "x.requires_grad = True",
            "retain_grad": "minidl.observe; it tells of every gradient",
            "register_hook": "minidl.observe; it tells of every gradient",
            "round": "np.round(x.data)",
            "rsqrt": "1 / ops.sqrt(x)",
            "sigmoid": "ops.sigmoid(x)",
            "softmax": "ops.softmax(x, axis)",
            "sort": "np.sort(x.data, axis)",
            "split": "ops.split(x, [2, 3], axis); by the sizes of the parts",
            "sqrt": "ops.sqrt(x)",
            "square": "x * x",
            "squeeze": "x.reshape(…); without the axes of size 1",
            "std": "ops.sqrt(x.var(axis))",
            "sub": "x - y",
            "swapaxes": "x.transpose(…); all axes in their new order",
            "t": "x.transpose()",
            "take": "x.reshape(-1)[indices]",
            "tanh": "ops.tanh(x)",
            "tolist": "x.data.tolist()",
            "topk": "np.argsort(x.data, axis); the last k",
            "type": "x.dtype; another one: Tensor(x.data.astype('float64'))",
            "unbind": "tuple(x)",
            "unflatten": "x.reshape(…)",
            "unsqueeze": "x[None]; for the second axis x[:, None]",
            "view": "x.reshape(…)",
            "view_as": "x.reshape(y.shape)",
            "where": "ops.where(condition, x, y)",
            "zero_": "x[...] = 0; under no_grad() where x wants a gradient",
            "add_": "x += y; under no_grad() where x wants a gradient",
            "sub_": "x -= y; under no_grad() where x wants a gradient",
            "mul_": "x *= y; under no_grad() where x wants a gradient",
            "div_": "x /= y; under no_grad() where x wants a gradient",
            "fill_": "x[...] = value; under no_grad() where x wants a gradient",
            "copy_": "x.data = array",
            "detach_": "x = x.detach()",
            "normal_": "x.data = array; of draws, see nn.init",
            "uniform_": "x.data = array; of draws, see nn.init",
        },
    ),
    **_all(
        REFUSED,
        {
            "grad_fn": "the graph is no part of the public face; minidl.observe tells of every operation",
            "is_sparse": "all tensors are dense",
            "share_memory_": "tensors live in one process",
        },
    ),
}

# Operators without an operation, under the names of NumPy's functions: x // y and y // x are one word.

OPERATORS = {
    "floor_divide": Word(REFUSED, "//: it has no gradient; x / y has one, and x.data // y gives the numbers alone"),
    "remainder": Word(REFUSED, "%: there is no such operation; x.data % y gives the numbers alone"),
    "divmod": Word(REFUSED, "divmod: there is no such operation; divmod(x.data, y) gives the numbers alone"),
    "left_shift": Word(REFUSED, "<<: there is no such operation; x.data << y gives the numbers alone"),
    "right_shift": Word(REFUSED, ">>: there is no such operation; x.data >> y gives the numbers alone"),
}

# NumPy's functions, called with a tensor x. What works says nothing about gradients, or makes a new array of x's shape:
# no graph is cut. All others give arrays where nobody wants a gradient, and are answered where somebody does.

NUMPY_WORKS = (
    "all allclose any argmax argmin argsort argwhere array2string array_equal array_equiv array_repr "
    "array_str count_nonzero digitize empty_like flatnonzero full_like isclose iscomplexobj isfinite "
    "isinf isnan isrealobj logical_and logical_not logical_or logical_xor may_share_memory ndim "
    "nonzero ones_like result_type searchsorted shape shares_memory signbit size zeros_like"
)

NUMPY = {
    **dict.fromkeys(NUMPY_WORKS.split(), Word(WORKS, "")),
    **_all(
        ANSWERED,
        {
            "abs": "abs(x)",
            "absolute": "abs(x)",
            "amax": "x.max(axis)",
            "amin": "-(-x).max(axis)",
            "append": "ops.concat([x, y], axis)",
            "average": "x.mean(axis)",
            "block": "ops.concat(tensors, axis)",
            "broadcast_to": "x + np.zeros(shape, x.dtype); or leave it to broadcasting",
            "clip": "ops.clip(x, low, high)",
            "column_stack": "ops.concat(tensors, axis=1)",
            "concatenate": "ops.concat(tensors, axis)",
            "copy": "x * 1",
            "dot": "x @ y",
            "dstack": "ops.concat(tensors, axis=2)",
            "exp": "ops.exp(x)",
            "expand_dims": "x[None]; for the second axis x[:, None]",
            "fabs": "abs(x)",
            "flip": "x[::-1]",
            "fmax": "ops.where(x > y, x, y)",
            "fmin": "ops.where(x < y, x, y)",
            "hstack": "ops.concat(tensors, axis=1)",
            "inner": "x @ y",
            "linalg.norm": "ops.sqrt((x * x).sum())",
            "log": "ops.log(x)",
            "matmul": "x @ y",
            "max": "x.max(axis)",
            "maximum": "ops.where(x > y, x, y)",
            "mean": "x.mean(axis)",
            "min": "-(-x).max(axis)",
            "minimum": "ops.where(x < y, x, y)",
            "moveaxis": "x.transpose(…); all axes in their new order",
            "pad": "ops.pad(x, padding)",
            "permute_dims": "x.transpose(…)",
            "prod": "ops.exp(ops.log(x).sum(axis)); where all are positive",
            "ravel": "x.reshape(-1)",
            "reciprocal": "1 / x",
            "repeat": "ops.concat([x, x], axis)",
            "reshape": "x.reshape(…)",
            "split": "ops.split(x, sizes, axis)",
            "sqrt": "ops.sqrt(x)",
            "square": "x * x",
            "squeeze": "x.reshape(…); without the axes of size 1",
            "stack": "ops.concat([x[None], y[None]], axis=0)",
            "std": "ops.sqrt(x.var(axis, correction=0))",
            "sum": "x.sum(axis)",
            "swapaxes": "x.transpose(…); all axes in their new order",
            "take": "x[indices]",
            "tanh": "ops.tanh(x)",
            "tile": "ops.concat([x, x], axis)",
            "transpose": "x.transpose(…)",
            "var": "x.var(axis, correction=0)",
            "vstack": "ops.concat(tensors, axis=0)",
            "where": "ops.where(condition, x, y)",
        },
    ),
}

# NumPy's functions that write into their first argument, which for a tensor would be a copy.

NUMPY_WRITES = ("copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask")
