"""Cases of the normalisations and of the scaling of channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import _backend, ops
from minidl.proof import oracles
from minidl.proof.table import Case, Table, normal
from minidl.tensor import Tensor


def running_arrays(channels: int, like: Any) -> tuple[Any, Any]:
    """Return a running mean and variance that differ in every channel, as arrays like `like`."""
    xp = _backend.array_module(like)
    steps = xp.arange(channels, dtype=like.dtype)
    return steps / 4 - 0.3, steps / 3 + 0.5


def training_batch(step: int, channels: int, like: Any) -> Any:
    """Return a fixed batch (3, C, 2, 2) of training, another one in every step, as an array like `like`."""
    xp = _backend.array_module(like)
    return xp.cos(xp.arange(12 * channels, dtype=like.dtype) * (step + 1)).reshape(3, channels, 2, 2) * 2 + step


def batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    residual: Tensor | None = None,
    steps: int = 0,
    momentum: float = 0.1,
    **settings: Any,
) -> Tensor:
    """`ops.batch_norm` with running arrays that are new in every call: training changes them.

    Before the call, `steps` steps of training on fixed batches move them, so that evaluation shows where they are.
    """
    running = running_arrays(x.shape[1], x._data)
    for step in range(steps):
        batch = Tensor(training_batch(step, x.shape[1], x._data))
        ops.batch_norm(batch, None, None, *running, training=True, momentum=momentum)
    return ops.batch_norm(x, weight, bias, *running, momentum=momentum, residual=residual, **settings)


def batch_norm_oracle(
    x: np.ndarray,
    w: np.ndarray | None,
    b: np.ndarray | None,
    residual: np.ndarray | None = None,
    steps: int = 0,
    momentum: float = 0.1,
    **settings: Any,
) -> np.ndarray:
    """The loop batch norm with the same running arrays."""
    batches = [training_batch(step, x.shape[1], x) for step in range(steps)]
    running = oracles.running_statistics(batches, *running_arrays(x.shape[1], x), momentum)
    return oracles.batch_norm(x, w, b, *running, residual=residual, **settings)


def _steep(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw weights so large that a third of the results lies above 6 and a third below 0."""
    x, w, b = normal((3, 4, 3, 2), (4,), (4,))(rng)
    return x, 6 + abs(w), 3 + b


def _joined(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw a residual, too, large enough to decide on which side of a kink a sum lies."""
    x, w, b, residual = normal((3, 4, 3, 2), (4,), (4,), (3, 4, 3, 2))(rng)
    return x, w, b, 4 * residual


def _batch_norm_cases() -> tuple[Case, ...]:
    cases = []
    for training, mode in ((True, "training"), (False, "eval")):
        cases += [
            Case(f"{mode}, {activation or 'no activation'}", normal((3, 4, 3, 2), (4,), (4,)), settings)
            for activation in (None, "relu", "relu6", "silu", "hardswish")
            for settings in [{"training": training, "activation": activation}]
        ]
        cases += [
            Case(f"{mode}, residual, {activation or 'no activation'}", _joined, settings)
            for activation in (None, "relu", "relu6", "silu", "hardswish")
            for settings in [{"training": training, "activation": activation}]
        ]
        cases += [
            Case(f"{mode}, (N, C), residual", normal((5, 3), (3,), (3,), (5, 3)), {"training": training}),
            Case(f"{mode}, (N, C)", normal((5, 3), (3,), (3,)), {"training": training}),
            Case(f"{mode}, (N, C), relu", normal((5, 3), (3,), (3,)), {"training": training, "activation": "relu"}),
            Case(f"{mode}, relu6 cuts on both sides", _steep, {"training": training, "activation": "relu6"}),
            Case(f"{mode}, all pieces of hardswish", _steep, {"training": training, "activation": "hardswish"}),
            Case(f"{mode}, no weight, no bias", normal((2, 3, 2, 3), None, None), {"training": training}),
            Case(f"{mode}, no bias", normal((2, 3, 2, 3), (3,), None), {"training": training}),
            Case(f"{mode}, eps 1", normal((2, 3, 2, 3), (3,), (3,)), {"training": training, "eps": 1.0}),
            Case(f"{mode}, one picture, one channel", normal((1, 1, 3, 2), (1,), (1,)), {"training": training}),
        ]
    cases += [
        Case(
            f"eval after {steps} steps, momentum {momentum}",
            normal((2, 3, 2, 2), (3,), (3,)),
            {"training": False, "steps": steps, "momentum": momentum},
        )
        for steps, momentum in ((1, 0.1), (3, 0.3), (1, 1.0))
    ]
    return tuple(cases)


def local_response_norm_oracle(
    x: np.ndarray,
    size: int = 5,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 2.0,
    convention: str = "paper",
) -> np.ndarray:
    """The loop LRN, with the settings of `ops.local_response_norm`."""
    return oracles.local_response_norm(x, size, alpha / size if convention == "torch" else alpha, beta, k)


BATCH_NORM = Table("batch_norm", batch_norm, _batch_norm_cases(), batch_norm_oracle)


def _with_line(y: np.ndarray, w: np.ndarray | None, b: np.ndarray | None) -> np.ndarray:
    """w · y + b, where what is left out is 1 and 0."""
    return y * (1 if w is None else w) + (0 if b is None else b)


def group_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None, num_groups: int, **settings: Any) -> Tensor:
    """`ops.group_norm` with the tensors first."""
    return ops.group_norm(x, num_groups, weight, bias, **settings)


def group_norm_oracle(
    x: np.ndarray, w: np.ndarray | None, b: np.ndarray | None, num_groups: int, eps: float = 1e-5
) -> np.ndarray:
    """Every group of channels of every picture by itself."""
    size = x.shape[1] // num_groups
    groups = [
        [(n, c, *rest) for c in range(g * size, (g + 1) * size) for rest in np.ndindex(x.shape[2:])]
        for n in range(x.shape[0])
        for g in range(num_groups)
    ]
    y = oracles.standardised(x, groups, eps)
    lines = [None if line is None else line.reshape(-1, *[1] * (x.ndim - 2)) for line in (w, b)]
    return _with_line(y, *lines)


GROUP_NORM = Table(
    "group_norm",
    group_norm,
    (
        Case("two groups", normal((3, 4, 3, 2), (4,), (4,)), {"num_groups": 2}),
        Case("one group", normal((2, 3, 2, 2), (3,), (3,)), {"num_groups": 1}),
        Case("each channel alone", normal((2, 3, 2, 3), (3,), (3,)), {"num_groups": 3}),
        Case("three groups, eps 1", normal((2, 6, 2, 2), (6,), (6,)), {"num_groups": 3, "eps": 1.0}),
        Case("no weight, no bias", normal((2, 4, 2, 3), None, None), {"num_groups": 2}),
        Case("no bias", normal((2, 4, 2, 3), (4,), None), {"num_groups": 2}),
        Case("(N, C)", normal((3, 6), (6,), (6,)), {"num_groups": 2}),
        Case("(N, C, L)", normal((2, 4, 5), (4,), (4,)), {"num_groups": 2}),
    ),
    group_norm_oracle,
)


def layer_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None, normalized_shape: Any, **settings: Any) -> Tensor:
    """`ops.layer_norm` with the tensors first."""
    return ops.layer_norm(x, normalized_shape, weight, bias, **settings)


def layer_norm_oracle(
    x: np.ndarray, w: np.ndarray | None, b: np.ndarray | None, normalized_shape: Any, eps: float = 1e-5
) -> np.ndarray:
    """Every row by itself."""
    axes = len(normalized_shape) if isinstance(normalized_shape, tuple) else 1
    rows, rest = x.shape[: x.ndim - axes], list(np.ndindex(x.shape[x.ndim - axes :]))
    y = oracles.standardised(x, [[(*row, *place) for place in rest] for row in np.ndindex(rows)], eps)
    return _with_line(y, w, b)


LAYER_NORM = Table(
    "layer_norm",
    layer_norm,
    (
        Case("(N, M)", normal((3, 5), (5,), (5,)), {"normalized_shape": 5}),
        Case("pictures", normal((2, 3, 2, 2), (3, 2, 2), (3, 2, 2)), {"normalized_shape": (3, 2, 2)}),
        Case("rows of pictures, eps 1", normal((2, 3, 2, 4), (4,), (4,)), {"normalized_shape": (4,), "eps": 1.0}),
        Case("the last two axes", normal((2, 3, 4), (3, 4), (3, 4)), {"normalized_shape": (3, 4)}),
        Case("no weight, no bias", normal((2, 3, 4), None, None), {"normalized_shape": 4}),
        Case("no bias", normal((3, 4), (4,), None), {"normalized_shape": 4}),
        Case("one row without a batch", normal((6,), (6,), (6,)), {"normalized_shape": 6}),
    ),
    layer_norm_oracle,
)

LOCAL_RESPONSE_NORM = Table(
    "local_response_norm",
    ops.local_response_norm,
    (
        Case("AlexNet's numbers", normal((2, 7, 2, 3))),
        # With alpha = 1e-4 the window hardly matters: an error in it would hide below the tolerance.
        Case("alpha 1", normal((2, 7, 2, 3)), {"alpha": 1.0}),
        Case("torch", normal((2, 7, 2, 3)), {"alpha": 1.0, "k": 1.0, "convention": "torch"}),
        Case("even size", normal((2, 6, 2, 2)), {"size": 4, "alpha": 1.0}),
        Case("size 2", normal((1, 5, 2, 2)), {"size": 2, "alpha": 1.0}),
        Case("size 1", normal((2, 3, 2, 2)), {"size": 1, "alpha": 0.5}),
        Case("window larger than the channels", normal((2, 3, 2, 2)), {"size": 9, "alpha": 1.0}),
        Case("window larger, even", normal((2, 2, 2, 2)), {"size": 8, "alpha": 1.0}),
        Case("beta 0.5, k 0.5", normal((2, 5, 3, 2)), {"size": 3, "alpha": 2.0, "beta": 0.5, "k": 0.5}),
        Case("one channel", normal((2, 1, 3, 2)), {"alpha": 1.0}),
    ),
    local_response_norm_oracle,
)

SCALE_CHANNELS = Table(
    "scale_channels",
    ops.scale_channels,
    (
        Case("(N, C)", normal((2, 3, 4, 5), (2, 3))),
        Case("(N, C, 1, 1)", normal((2, 3, 4, 5), (2, 3, 1, 1))),
        Case("one pixel", normal((1, 2, 1, 1), (1, 2))),
    ),
    lambda x, s: np.stack([[x[n, c] * s.reshape(x.shape[:2])[n, c] for c in range(x.shape[1])] for n in range(len(x))]),
)
