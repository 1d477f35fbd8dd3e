"""The receptive field as a gradient finds it: which pixels really had a part in one number of a map.

The gradient of one unit with respect to the picture is 0 wherever a pixel can be changed without effect. It always lies
within the theoretical field, and is often smaller: of a maximum only the winner counts, a relu that is off passes
nothing on. In a copy with positive weights whose maxima are averages nothing is lost, and both are equal.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import _backend, kernels
from minidl._backend import Array
from minidl._checks import check_flag, is_int, nearest, shown
from minidl._looks import Brief
from minidl.cost.example import input_shape
from minidl.cost.field import Box, Field, Pair
from minidl.cost.field_walk import receptive_fields
from minidl.cost.trail import walk
from minidl.kernels.textbook.pool import covering_padding
from minidl.kernels.textbook.windows import crop, pad, taps
from minidl.nn import Module, Parameter
from minidl.tensor import Tensor


@dataclass(frozen=True)
class Reached(Brief):
    """What one unit of a layer has seen of a picture.

    Attributes:
        layer: its path; "" is the whole network.
        unit: (row, column) of the unit in its map; () where the result is no map.
        gradient: (H, W), how strongly each pixel acts on the unit: the largest absolute gradient of its channels.
        field: the theoretical field of that layer; None where there is no rule.
    """

    layer: str
    unit: tuple[int, ...]
    gradient: Array
    field: Field | None

    @property
    def box(self) -> Box | None:
        """The rows and the columns between which all pixels with a gradient lie; None if there are none."""
        rows, columns = (np.flatnonzero(self.gradient.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return None
        return range(int(rows[0]), int(rows[-1]) + 1), range(int(columns[0]), int(columns[-1]) + 1)

    @property
    def expected(self) -> Box | None:
        """What the theoretical field of the unit has of the picture, without a margin that no window reaches."""
        if self.field is None:
            return None
        unit = self.unit if len(self.unit) == 2 else (0, 0)
        (rows, columns), most = self.field.box((unit[0], unit[1])), self.field.reach or map(range, self.gradient.shape)
        (all_rows, all_columns) = most
        return _common(rows, all_rows), _common(columns, all_columns)

    @property
    def is_within(self) -> bool:
        """Whether no pixel outside of the theoretical field has a part in the unit."""
        box, expected = self.box, self.expected
        if box is None or expected is None:
            return box is None
        return all(seen.start >= most.start and seen.stop <= most.stop for seen, most in zip(box, expected))

    def _words(self) -> list[str]:
        def sides(box: Box | None) -> str:
            return "nothing" if box is None else "×".join(str(len(side)) for side in box)

        of = f"of {sides(self.expected)}" if self.expected else "no rule for the theoretical field"
        return [self.layer or "the network", f"unit {self.unit}", f"reaches {sides(self.box)} {of} pixels"]


def empirical_field(
    net: Module,
    size: int | Sequence[int] | None = None,
    layer: str | None = None,
    unit: Pair | None = None,
    *,
    picture: Array | None = None,
    positive: bool = False,
) -> Reached:
    """Return which pixels have a part in one unit of a layer, from the gradient of that unit, in evaluation.

    Args:
        net: a network for pictures with weights; its modes and gradients are left as they are.
        size: as for `count`; without meaning where a picture is given.
        layer: path of a layer, such as "layer1.0.conv1", of which the last result counts if it runs several times; None
            (default) means the result of the network.
        unit: (row, column) in the layer's map; None (default) means the middle. All its channels count together, each
            with a weight of its own.
        picture: (C, H, W); None (default) means one of random numbers.
        positive: whether to ask a copy of the network instead, in which every weight is positive and every maximum an
            average, so that no pixel of the theoretical field is lost.

    Raises:
        ValueError: if there is no such layer or unit, or the gradient is not finite, as with weights never set.
        TypeError: if net is no module, or unit no pair.

    Example:
        >>> from minidl import cost, nn
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3))
        >>> found = cost.empirical_field(net, (1, 16, 16), unit=(2, 2), positive=True)
        >>> found.box, found.field.size, found.is_within
        ((range(4, 12), range(4, 12)), (8, 8), True)
    """
    check_flag("empirical_field", "positive", positive)
    first: Any = next(net.parameters(), None)
    device, dtype = ("cpu", "float32") if first is None else (first.device, str(first.dtype))
    given = None if picture is None else np.asarray(picture)
    shape = input_shape(net, size) if given is None else given.shape
    if len(shape) != 3:
        raise ValueError(f"empirical_field: expects pictures (C, H, W); received size={tuple(shape)}")
    field = _theory(net, shape, layer)
    rng = np.random.default_rng(0)
    if given is None:
        given = rng.uniform(0.5, 1.5, shape) if positive else rng.standard_normal(shape)
    asked, dtype = (_positive(net), "float64") if positive else (net, dtype)
    array = _backend.to_device(given[None].astype(dtype), device)
    # The book's kernels: what a fast one makes in tiles (Winograd) is not 0 but tiny beside the field.
    with _asked(asked), kernels.use(Means if positive else "textbook"):
        x = Tensor(array, requires_grad=True)
        y = _result(asked, x, layer)
        place = _place(y.shape, field, unit)
        dy = np.zeros(y.shape, str(y.dtype))
        at = (slice(None), slice(None), *place) if len(place) == 2 else (...,)
        dy[at] = rng.uniform(0.5, 1.5, dy[at].shape)
        y.backward(_backend.to_device(dy, device))
    gradient = np.zeros(shape) if x.grad is None else _backend.to_numpy(x.grad)[0]
    if not np.isfinite(gradient).all():
        raise ValueError(
            "empirical_field: the gradient is not finite; give the network weights (nn.init.unfilled leaves it without)"
        )
    return Reached(layer or "", place, abs(gradient).max(axis=0), field)


def _common(one: range, other: range) -> range:
    start = max(one.start, other.start)
    return range(start, max(start, min(one.stop, other.stop)))


def _theory(net: Module, shape: Sequence[int], layer: str | None) -> Field | None:
    """Return the theoretical field of a layer's result."""
    with _results(net, layer) as found:
        events = walk(net, tuple(shape))
    fields = receptive_fields(events)
    if layer is None:
        return fields[-1]
    if not found:
        raise ValueError(f"empirical_field: {layer} does not run in evaluation")
    return next((field for event, field in zip(events, fields) if event.output is found[-1]._data), None)


def _result(net: Module, x: Tensor, layer: str | None) -> Tensor:
    """Return what a layer makes of x."""
    with _results(net, layer) as found:
        y = net(x)
    return y if layer is None else found[-1]


@contextmanager
def _results(net: Module, layer: str | None) -> Iterator[list[Tensor]]:
    """Keep what a layer returns in the block."""
    modules = dict(net.named_modules())
    if layer is not None and layer not in modules:
        raise ValueError(f"empirical_field: there is no layer {shown(layer)}; did you mean {nearest(layer, modules)}?")
    module, found = modules[layer or ""], []
    forward = module.forward

    def listening(*inputs: Any, **settings: Any) -> Any:
        result = forward(*inputs, **settings)
        if not isinstance(result, Tensor):
            raise TypeError(
                f"empirical_field: {layer or 'the network'} must give one tensor; it gives a {type(result).__name__}"
            )
        found.append(result)
        return result

    object.__setattr__(module, "forward", listening)
    try:
        yield found
    finally:
        object.__delattr__(module, "forward")


def _place(shape: Sequence[int], field: Field | None, unit: Any) -> tuple[int, ...]:
    """Return (row, column) of the unit, or () where the result is no map of rows and columns."""
    if len(shape) != 4:
        if unit is not None:
            raise ValueError(f"empirical_field: the result is no map (N, C, H, W), leave unit out; its shape={shape}")
        return ()
    if unit is None:
        return shape[2] // 2, shape[3] // 2
    if not isinstance(unit, (tuple, list)) or len(unit) != 2 or not all(map(is_int, unit)):
        raise TypeError(f"empirical_field: unit must be a pair (row, column) of ints; received unit={shown(unit)}")
    if not all(0 <= one < length for one, length in zip(unit, shape[2:])):
        raise ValueError(f"empirical_field: the map has {shape[2]}×{shape[3]} units; received unit={shown(unit)}")
    return int(unit[0]), int(unit[1])


@contextmanager
def _asked(net: Module) -> Iterator[None]:
    """Let a network be in evaluation, and keep its gradients as they are, while the block runs."""
    wanted = [(parameter, parameter.requires_grad) for parameter in net.parameters()]
    with net.modes_kept():
        net.eval()
        try:
            for parameter, _ in wanted:
                parameter.requires_grad = False
            yield
        finally:
            for parameter, before in wanted:
                parameter.requires_grad = before


def _positive(net: Module) -> Module:
    """Return a copy in float64 whose weights are positive, and small enough that nothing saturates."""
    rng, net = np.random.default_rng(1), copy.deepcopy(net)
    for module in net.modules():
        for name, parameter in module.named_parameters(recurse=False):
            values = rng.uniform(0.5, 1.5, parameter.shape)
            if parameter.ndim > 1:
                values *= 0.5 / max(1, int(np.prod(parameter.shape[1:])))
            elif name == "bias":
                values *= 0.1
            setattr(module, name, Parameter(_backend.to_device(values, parameter.device)))
        for name, buffer in module.named_buffers(recurse=False):
            values = _backend.to_numpy(buffer).astype("float64")
            values = np.zeros_like(values) if name == "running_mean" else values
            values = np.ones_like(values) if name == "running_var" else values
            setattr(module, name, _backend.to_device(values, _backend.device_of(buffer)))
    return net


class Means:
    """A kernel set whose max pooling is an average, so that every pixel of a window has its part."""

    @staticmethod
    def max_pool2d(
        x: Array,
        kernel_size: Pair,
        stride: Pair,
        padding: Any,
        dilation: Pair,
        out_size: Pair,
        with_winners: bool = True,
    ) -> tuple[Array, Array | None]:
        """Take the sum of every window, divided by the number of its places."""
        padded = pad(x, covering_padding(x.shape, kernel_size, stride, padding, dilation, out_size))
        y = sum(padded[:, :, rows, columns] for _, _, rows, columns in taps(kernel_size, stride, dilation, out_size))
        y = y / (kernel_size[0] * kernel_size[1])
        return y, y if with_winners else None

    @staticmethod
    def max_pool2d_dx(
        dy: Array,
        winners: Array,
        x_shape: tuple[int, ...],
        kernel_size: Pair,
        stride: Pair,
        padding: Any,
        dilation: Pair,
    ) -> Array:
        """Send the share of every place back to it."""
        cover = covering_padding(x_shape, kernel_size, stride, padding, dilation, dy.shape[2:])
        dx = pad(_backend.full(x_shape, 0, dy.dtype, like=dy), cover)
        for _, _, rows, columns in taps(kernel_size, stride, dilation, dy.shape[2:]):
            dx[:, :, rows, columns] += dy / (kernel_size[0] * kernel_size[1])
        return crop(dx, cover)
