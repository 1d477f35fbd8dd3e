"""Blocks that many networks are made of, with the parameter names of torchvision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import ops
from minidl._checks import IntOrPair, PaddingOrSame, to_pair
from minidl.nn.activation import activation_layer
from minidl.nn.container import Sequential
from minidl.nn.conv import Conv2d
from minidl.nn.module import Module
from minidl.nn.norm import BatchNorm2d
from minidl.ops.norm import ACTIVATIONS as FUSED
from minidl.tensor import Tensor


class Conv2dNormActivation(Sequential):
    """Convolution, normalisation, activation: "0" is the convolution and "1" the normalisation.

    The normalisation applies the activation in the same step where it can (relu, relu6, silu, hardswish); any other one
    follows as "2". An activation has no parameters, so the names are those of torchvision either way.

    Args:
        in_channels: C.
        out_channels: O.
        kernel_size: (KH, KW), or one int for both.
        stride: step of the window.
        padding: as in `Conv2d`; None (default) keeps the size of the picture at stride 1 (for odd kernels).
        groups: groups of channels that only see each other.
        norm_layer: makes the normalisation, called as norm_layer(O) or norm_layer(O, activation=...); None for none.
        activation: a name such as "relu" or "leaky_relu", or None for none.
        dilation: distance between the taps.
        bias: whether the convolution has biases; None (default): only without a normalisation, which has its own.
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Shape:
        x (N, C, H, W), and a residual of the shape of y or None -> y (N, O, OH, OW)

    Raises:
        ValueError: if a number is out of range or the activation is unknown.

    Example:
        >>> from minidl import nn
        >>> nn.Conv2dNormActivation(3, 32, stride=2, activation="silu")
        Conv2dNormActivation(
          (0): Conv2d(3, 32, kernel_size=(3, 3), stride=2, padding=1, bias=False)
          (1): BatchNorm2d(32, activation='silu')
        )
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrPair = 3,
        stride: IntOrPair = 1,
        padding: PaddingOrSame | None = None,
        groups: int = 1,
        *,
        norm_layer: Callable[..., Module] | None = BatchNorm2d,
        activation: str | None = "relu",
        dilation: IntOrPair = 1,
        bias: bool | None = None,
        rng: np.random.Generator | None = None,
    ):
        if padding is None:
            kernel = to_pair("Conv2dNormActivation", "kernel_size", kernel_size, least=1)
            steps = to_pair("Conv2dNormActivation", "dilation", dilation, least=1)
            rows, columns = ((size - 1) // 2 * step for size, step in zip(kernel, steps, strict=True))
            padding = rows if rows == columns else (rows, columns)
        if norm_layer is not None and not callable(norm_layer):
            found = type(norm_layer).__name__
            raise TypeError(f"Conv2dNormActivation: norm_layer must be a class of norms or None; received a {found}")
        bias = norm_layer is None if bias is None else bias
        layers: list[Module] = [
            Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, rng=rng)
        ]
        if activation is not None and not isinstance(activation, str):
            activation_layer("Conv2dNormActivation", "activation", activation)  # which refuses it
        fused = norm_layer is not None and activation is not None and activation in FUSED
        if norm_layer is not None:
            layers.append(_made(norm_layer, out_channels, {"activation": activation} if fused else {}))
        if activation is not None and not fused:
            layers.append(activation_layer("Conv2dNormActivation", "activation", activation))
        super().__init__(*layers)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Run x through all layers; the norm adds the residual, if there is one, before its activation."""
        if residual is None:
            return super().forward(x)
        conv, norm, *rest = self
        x = norm(conv(x), residual)
        for layer in rest:
            x = layer(x)
        return x


def _made(norm_layer: Callable[..., Module], channels: int, settings: dict[str, Any]) -> Module:
    """Return a norm for so many channels, which may have an activation inside."""
    try:
        norm: Any = norm_layer(channels, **settings)
    except TypeError as error:
        named = "".join(f", {name}={value!r}" for name, value in settings.items())
        raise TypeError(
            f"Conv2dNormActivation: norm_layer({channels}{named}) must be a norm, as BatchNorm2d makes it; it failed "
            f"with {type(error).__name__}: {error}"
        ) from error
    if not isinstance(norm, Module):
        raise TypeError(
            f"Conv2dNormActivation: norm_layer({channels}) must be a module; it gave a {type(norm).__name__}"
        )
    return norm


class SqueezeExcitation(Module):
    """Weigh the channels of each picture against each other: x · gate(fc2(act(fc1(average of x)))).

    Args:
        input_channels: C.
        squeeze_channels: the width of the narrow place between the two 1×1 convolutions `fc1` and `fc2`.
        activation: the activation between them, a name such as "relu" or "silu".
        scale_activation: the gate at the end, "sigmoid" or "hardsigmoid".
        rng: generator of the initial weights; None (default) takes the one of `minidl.manual_seed`.

    Shape:
        x (N, C, H, W) -> y (N, C, H, W)

    Raises:
        ValueError: if a number is below 1 or an activation is unknown.

    Source: Hu et al., "Squeeze-and-excitation networks", arXiv:1709.01507, section 3.

    Example:
        >>> from minidl import nn
        >>> list(nn.SqueezeExcitation(16, 4).state_dict())
        ['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias']
    """

    def __init__(
        self,
        input_channels: int,
        squeeze_channels: int,
        activation: str = "relu",
        scale_activation: str = "sigmoid",
        *,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        self.fc1 = Conv2d(input_channels, squeeze_channels, 1, rng=rng)
        self.fc2 = Conv2d(squeeze_channels, input_channels, 1, rng=rng)
        self.activation = activation_layer("SqueezeExcitation", "activation", activation)
        self.scale_activation = activation_layer("SqueezeExcitation", "scale_activation", scale_activation)

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels of x."""
        s = ops.global_avg_pool2d(x)  # (N, C)
        s = ops.reshape(s, (*s.shape, 1, 1))  # (N, C, 1, 1), as the convolutions want it
        s = self.scale_activation(self.fc2(self.activation(self.fc1(s))))
        return ops.scale_channels(x, s)
