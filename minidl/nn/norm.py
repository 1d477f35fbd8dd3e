"""Normalisation as layers; the operations of the same names in `minidl.ops` have the arithmetic."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from minidl import ops
from minidl._checks import check_choice, check_divides, check_flag, check_fraction, check_positive, to_int
from minidl.nn._repr import changed
from minidl.nn.module import Module, Parameter
from minidl.ops.norm import ACTIVATIONS, check_lrn
from minidl.ops.own_norm import to_normalized_shape
from minidl.tensor import Tensor, is_observed, is_recording


class _BatchNorm(Module):
    axes: tuple[int, ...]
    running_mean: Any
    running_var: Any

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        activation: str | None = None,
    ):
        super().__init__()
        name = type(self).__name__
        if momentum is None:
            raise ValueError(
                f"{name}: momentum=None (PyTorch's average over all batches) is not offered; give a number, usually 0.1"
            )
        check_fraction(name, "momentum", momentum)
        check_positive(name, "eps", eps, zero=True)
        check_choice(name, "activation", activation, ACTIVATIONS)
        check_flag(name, "affine", affine)
        check_flag(name, "track_running_stats", track_running_stats)
        self.num_features = to_int(name, "num_features", num_features, least=1)
        self.eps, self.momentum, self.activation = eps, momentum, activation
        self.affine, self.track_running_stats = affine, track_running_stats
        ones, zeros = np.ones(num_features, "float32"), np.zeros(num_features, "float32")
        _register_line(self, (self.num_features,), weight=bool(affine), bias=bool(affine))
        self.register_buffer("running_mean", zeros.copy() if track_running_stats else None)
        self.register_buffer("running_var", ones.copy() if track_running_stats else None)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Normalise x, add the residual, activate; in training the running statistics move towards the batch's."""
        if isinstance(x, Tensor) and x.ndim not in self.axes:
            shapes = " or ".join(("(N, C)", "(N, C, H, W)")[axes == 4] for axes in self.axes)
            raise ValueError(f"{type(self).__name__}: x must be {shapes}; x.shape={x.shape}")
        # The gradient checker runs forward alone in training mode, on purpose; it observes, and is not warned.
        if self.training and self.track_running_stats and not is_recording() and not is_observed():
            warnings.warn(
                f"{type(self).__name__}: in training mode under no_grad; the output depends on the other pictures of "
                f"the batch and the running statistics change; call eval() first",
                UserWarning,
                stacklevel=3,
            )
        return ops.batch_norm(
            x,
            self.weight,
            self.bias,
            self.running_mean,
            self.running_var,
            training=self.training or not self.track_running_stats,
            momentum=self.momentum,
            eps=self.eps,
            activation=self.activation,
            residual=residual,
        )

    def extra_repr(self) -> str:
        """Return the number of channels and the settings that differ from the defaults."""
        return f"{self.num_features}" + changed(
            self, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, activation=None
        )


class BatchNorm2d(_BatchNorm):
    """Batch norm over (N, C, H, W).

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: weight of the new value in the running statistics.
        affine: whether there are a weight and a bias for each channel.
        track_running_stats: whether to keep running statistics; without them eval() uses those of the batch, too.
        activation: None, "relu", "relu6", "silu" or "hardswish", applied in the same step.

    Shape:
        x (N, C, H, W), residual of that shape or None -> y (N, C, H, W) = activation(norm(x) + residual)

    Raises:
        ValueError: if a number is out of range, the activation is unknown, or x has other axes.

    Warns:
        UserWarning: if it runs in training mode under no_grad, where eval() was probably forgotten.

    Example:
        >>> from minidl import nn
        >>> nn.BatchNorm2d(64, activation="relu")
        BatchNorm2d(64, activation='relu')
        >>> list(nn.BatchNorm2d(64).state_dict())
        ['weight', 'bias', 'running_mean', 'running_var']
    """

    axes = (4,)


class BatchNorm1d(_BatchNorm):
    """Batch norm over (N, C); see `BatchNorm2d` for the arguments.

    Example:
        >>> from minidl import nn
        >>> nn.BatchNorm1d(10, momentum=0.01)
        BatchNorm1d(10, momentum=0.01)
    """

    axes = (2,)


class GroupNorm(Module):
    """Group norm over (N, C, H, W), or any axes behind C; see `minidl.ops.group_norm`.

    Args:
        num_groups: how many groups of neighbouring channels.
        num_channels: C.
        eps: added to the variance.
        affine: whether there are a weight and a bias for each channel.

    Raises:
        ValueError: if a number is out of range, num_groups does not divide num_channels, or x has other channels.

    Example:
        >>> from minidl import nn
        >>> nn.GroupNorm(8, 64)
        GroupNorm(8, 64)
        >>> list(nn.GroupNorm(8, 64).state_dict())
        ['weight', 'bias']
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True):
        super().__init__()
        self.num_groups = to_int("GroupNorm", "num_groups", num_groups, least=1)
        self.num_channels = to_int("GroupNorm", "num_channels", num_channels, least=1)
        check_divides("GroupNorm", "num_groups", self.num_groups, "num_channels", self.num_channels)
        check_positive("GroupNorm", "eps", eps, zero=True)
        check_flag("GroupNorm", "affine", affine)
        self.eps, self.affine = eps, affine
        _register_line(self, (self.num_channels,), weight=affine, bias=affine)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x."""
        if isinstance(x, Tensor) and x.shape[1:2] != (self.num_channels,):
            raise ValueError(f"GroupNorm: x must have {self.num_channels} channels (N, C, ...); x.shape={x.shape}")
        return ops.group_norm(x, self.num_groups, self.weight, self.bias, eps=self.eps)

    def extra_repr(self) -> str:
        """Return the numbers of groups and channels, and the settings that differ from the defaults."""
        return f"{self.num_groups}, {self.num_channels}" + changed(self, eps=1e-5, affine=True)


class LayerNorm(Module):
    """Layer norm over the last axes; see `minidl.ops.layer_norm`.

    Args:
        normalized_shape: the sizes of those axes, a tuple; an int for the last one alone.
        eps: added to the variance.
        elementwise_affine: whether there are a weight and a bias for each place of those axes.
        bias: whether there is a bias.

    Raises:
        ValueError: if a number is out of range, or x does not end in normalized_shape.

    Example:
        >>> from minidl import nn
        >>> nn.LayerNorm((16, 5, 5))
        LayerNorm((16, 5, 5))
    """

    def __init__(self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True):
        super().__init__()
        self.normalized_shape = to_normalized_shape("LayerNorm", normalized_shape)
        check_positive("LayerNorm", "eps", eps, zero=True)
        check_flag("LayerNorm", "elementwise_affine", elementwise_affine)
        check_flag("LayerNorm", "bias", bias)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        affine = bool(elementwise_affine)
        _register_line(self, self.normalized_shape, weight=affine, bias=affine and bool(bias))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x."""
        return ops.layer_norm(x, self.normalized_shape, self.weight, self.bias, eps=self.eps)

    def extra_repr(self) -> str:
        """Return the shape, and the settings that differ from the defaults."""
        without_bias = self.elementwise_affine and self.bias is None
        return (
            f"{self.normalized_shape}"
            + changed(self, eps=1e-5, elementwise_affine=True)
            + ", bias=False" * without_bias
        )


def _register_line(layer: Module, shape: tuple[int, ...], *, weight: bool, bias: bool) -> None:
    """Give a norm its weight of ones and its bias of zeros, or None in their places."""
    layer.register_parameter("weight", Parameter(np.ones(shape, "float32")) if weight else None)
    layer.register_parameter("bias", Parameter(np.zeros(shape, "float32")) if bias else None)


class LocalResponseNorm(Module):
    """Local response norm over (N, C, H, W); see `minidl.ops.local_response_norm` for the arguments.

    The convention has to be said, because the paper's and PyTorch's differ.

    Args:
        size: number of channels in the window.
        alpha: weight of the sum.
        beta: exponent.
        k: what the divisor begins with; None (default) is 2 as in AlexNet's paper, or 1 as in PyTorch.
        convention: "paper" takes alpha as it is; "torch" divides it by size.

    Raises:
        ValueError: if the convention is not said, or a number is none that `minidl.ops.local_response_norm` takes.

    Example:
        >>> from minidl import nn
        >>> nn.LocalResponseNorm(5, convention="paper")
        LocalResponseNorm(5, alpha=0.0001, beta=0.75, k=2.0, convention='paper')
    """

    def __init__(
        self,
        size: int = 5,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float | None = None,
        convention: str | None = None,
    ):
        super().__init__()
        if convention is None:
            raise ValueError(
                "LocalResponseNorm: expects convention='torch', PyTorch's (alpha divided by size, k=1), or "
                "convention='paper', AlexNet's (alpha as it is, k=2), which was meant here until now"
            )
        k = (2.0 if convention == "paper" else 1.0) if k is None else k
        check_lrn("LocalResponseNorm", size, alpha, beta, k, convention)
        self.size, self.alpha, self.beta, self.k, self.convention = size, alpha, beta, k, convention

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x."""
        return ops.local_response_norm(
            x, self.size, alpha=self.alpha, beta=self.beta, k=self.k, convention=self.convention
        )

    def extra_repr(self) -> str:
        """Return all numbers: papers differ in them."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}, convention={self.convention!r}"
