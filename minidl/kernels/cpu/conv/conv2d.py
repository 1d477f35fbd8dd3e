"""The convolutions of this kernel set, as the dispatcher calls them: judged, divided by an algorithm, and run.

What an algorithm prepares for weights and biases that cannot change is kept (`prepacked.py`), and so is the whole plan
of a call; `prepare_conv2d_fused` hands that plan out, for a caller who runs it again and again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import _backend
from minidl._checks import Shape
from minidl._memory import POOL
from minidl.kernels.cpu.conv.algorithms import Bias, circumstances, plan
from minidl.kernels.cpu.conv.epilogue import PLAIN, Epilogue, Run
from minidl.kernels.cpu.conv.geometry import measure
from minidl.kernels.cpu.conv.prepacked import is_constant, prepacked
from minidl.kernels.cpu.door import door
from minidl.kernels.cpu.memory.layout import pixels
from minidl.kernels.cpu.simd.compile import forked


def _check_shape(name: str, array: Any, shape: tuple[int, ...]) -> None:
    """Refuse what has not the shape, or the dtype, that follows from the others."""
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        found = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"conv2d: {name} must be an array of float32; received {found}")
    if array.shape != shape:
        raise ValueError(f"conv2d: {name} must have the shape {shape} here; received {name}.shape={array.shape}")


def _forward(
    x: np.ndarray,
    w: np.ndarray,
    b: Bias,
    settings: tuple[Any, ...],
    residual: np.ndarray | None = None,
    activation: str | None = None,
) -> np.ndarray:
    (n, o, oh, ow), run = _run(x.shape, w, b, settings)
    if run is None:
        return NotImplemented
    if residual is not None:
        _check_shape("residual", residual, (n, o, oh, ow))
    y = POOL.empty((n, oh, ow, o), x.dtype)
    run(pixels(x), y, PLAIN if residual is None and activation is None else Epilogue.of(residual, activation))
    return y.transpose(0, 3, 1, 2)


def _run(x_shape: tuple[int, ...], w: np.ndarray, b: Bias, settings: tuple[Any, ...]) -> tuple[Shape, Run | None]:
    """Return the shape of y (N, O, OH, OW) and what makes it, None for the textbook; kept where nothing can change."""
    constant = is_constant(w)
    if constant and (b is None or is_constant(b)):
        name = x_shape, settings, id(b), *circumstances()
        return prepacked(w, name, lambda: (*_made(x_shape, w, b, settings, constant), b))[:2]  # b lives as its identity
    return _made(x_shape, w, b, settings, constant)


def _made(
    x_shape: tuple[int, ...], w: np.ndarray, b: Bias, settings: tuple[Any, ...], constant: bool
) -> tuple[Shape, Run | None]:
    sizes = measure(x_shape, w.shape, *settings)
    found = plan(sizes, "prepacked" if constant else "forward")
    return sizes.y_shape, None if found is None else found.run(w, b)


@door("x (N C H W), w (O I KH KW), b (O)?")
def conv2d(x: np.ndarray, w: np.ndarray, b: Bias, *settings: Any) -> np.ndarray:
    """y (N, O, OH, OW)."""
    return _forward(x, w, b, settings)


@door("x (N C H W), w (O I KH KW), b (O)?, residual (N O OH OW)?")
def conv2d_fused(
    x: np.ndarray, w: np.ndarray, b: Bias, residual: np.ndarray | None, activation: str | None, *settings: Any
) -> np.ndarray:
    """activation(y + residual) (N, O, OH, OW), while the results are still near."""
    return _forward(x, w, b, settings, residual, activation)


@door("x (N C H W), w (O I KH KW), b (O)?, residual (N O OH OW)?")
def prepare_conv2d_fused(
    x: np.ndarray, w: np.ndarray, b: Bias, residual: np.ndarray | None, activation: str | None, *settings: Any
) -> Callable[[np.ndarray, np.ndarray | None], np.ndarray]:
    """Return conv2d_fused as a function of x and the residual, for arrays of these kinds and weights that stay."""
    if not is_constant(w) or not (b is None or is_constant(b)):
        return NotImplemented
    (n, o, oh, ow), run = _run(x.shape, w, b, settings)
    if run is None:
        return NotImplemented
    block, x_shape, y_shape, alone = (n, oh, ow, o), x.shape, (n, o, oh, ow), Epilogue.of(None, activation)

    def prepared(x: np.ndarray, residual: np.ndarray | None) -> np.ndarray:
        if forked[0]:
            return NotImplemented
        _check_shape("x", x, x_shape)
        if residual is not None:
            _check_shape("residual", residual, y_shape)
        y = POOL.empty(block, np.float32)
        run(pixels(x), y, alone if residual is None else Epilogue.of(residual, activation))
        return y.transpose(0, 3, 1, 2)

    return prepared


@door("dy (N O OH OW), w (O I KH KW), x_shape (N C H W)")
def conv2d_dx(dy: np.ndarray, w: np.ndarray, x_shape: tuple[int, ...], *settings: Any) -> np.ndarray:
    """dx (N, C, H, W)."""
    found = plan(measure(x_shape, w.shape, *settings, dy.shape[2:]), "dx")
    if found is None:
        return NotImplemented
    dx = _backend.empty_channels_last(x_shape, dy.dtype)
    found.run(pixels(dy), w, pixels(dx))
    return dx


@door("dy (N O OH OW), x (N C H W), w_shape (O I KH KW)")
def conv2d_dw(dy: np.ndarray, x: np.ndarray, w_shape: tuple[int, ...], *settings: Any) -> np.ndarray:
    """dw (O, C/G, KH, KW)."""
    found = plan(measure(x.shape, w_shape, *settings, dy.shape[2:]), "dw")
    return NotImplemented if found is None else found.run(pixels(dy), pixels(x))
