"""NumPy's functions, called with a tensor x.

What works says nothing about gradients, or makes a new array of x's shape: no graph is cut. All others give arrays
where nobody wants a gradient, and are answered where somebody does.
"""

from __future__ import annotations

from minidl._words import ANSWERED, WORKS, Word, same

NUMPY_WORKS = (
    "all allclose any argmax argmin argsort argwhere array2string array_equal array_equiv array_repr "
    "array_str count_nonzero digitize empty_like flatnonzero full_like isclose iscomplexobj isfinite "
    "isinf isnan isrealobj logical_and logical_not logical_or logical_xor may_share_memory ndim "
    "nonzero ones_like result_type searchsorted shape shares_memory signbit size zeros_like"
)

NUMPY = {
    **dict.fromkeys(NUMPY_WORKS.split(), Word(WORKS, "")),
    **same(
        ANSWERED,
        {
            "abs": "abs(x)",
            "absolute": "abs(x)",
            "amax": "x.amax(axis)",
            "amin": "x.amin(axis)",
            "append": "ops.concat([x, y], axis)",
            "average": "x.mean(axis)",
            "block": "ops.concat(tensors, axis)",
            "broadcast_to": "x.expand(shape); or leave it to broadcasting",
            "clip": "ops.clip(x, low, high)",
            "column_stack": "ops.concat(tensors, axis=1)",
            "concatenate": "ops.concat(tensors, axis)",
            "copy": "x.clone()",
            "dot": "x @ y",
            "dstack": "ops.concat(tensors, axis=2)",
            "exp": "ops.exp(x)",
            "expand_dims": "x.unsqueeze(axis)",
            "fabs": "abs(x)",
            "flip": "x.flip(0)",
            "fmax": "ops.where(x > y, x, y)",
            "fmin": "ops.where(x < y, x, y)",
            "hstack": "ops.concat(tensors, axis=1)",
            "inner": "x @ y",
            "linalg.norm": "x.norm()",
            "log": "ops.log(x)",
            "matmul": "x @ y",
            "max": "x.amax(axis)",
            "maximum": "ops.where(x > y, x, y)",
            "mean": "x.mean(axis)",
            "min": "x.amin(axis)",
            "minimum": "ops.where(x < y, x, y)",
            "moveaxis": "x.movedim(0, 1)",
            "pad": "ops.pad(x, padding)",
            "permute_dims": "x.permute(…)",
            "prod": "x.log().sum(axis).exp(); where all are positive",
            "ravel": "x.reshape(-1)",
            "reciprocal": "1 / x",
            "repeat": "ops.concat([x, x], axis)",
            "reshape": "x.reshape(…)",
            "split": "ops.split(x, sizes, axis)",
            "sqrt": "ops.sqrt(x)",
            "square": "x * x",
            "squeeze": "x.squeeze()",
            "stack": "minidl.stack([x, y])",
            "std": "x.std(axis, correction=0)",
            "sum": "x.sum(axis)",
            "swapaxes": "x.swapaxes(0, 1)",
            "take": "x[indices]",
            "tanh": "ops.tanh(x)",
            "tile": "ops.concat([x, x], axis)",
            "transpose": "x.permute(…)",
            "var": "x.var(axis, correction=0)",
            "vstack": "ops.concat(tensors, axis=0)",
            "where": "ops.where(condition, x, y)",
        },
    ),
}

# NumPy's functions that write into their first argument, which for a tensor would be a copy.

NUMPY_WRITES = ("copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask")
