"""Normalisation as layers; `minidl.ops.batch_norm` and `minidl.ops.local_response_norm` have the arithmetic."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from minidl import ops
from minidl._checks import check_choice, check_flag, check_fraction, check_positive, to_int
from minidl.nn._repr import changed
from minidl.nn.module import Module, Parameter
from minidl.ops.norm import ACTIVATIONS
from minidl.tensor import Tensor, _observers, _recording


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
        self.register_parameter("weight", Parameter(ones) if affine else None)
        self.register_parameter("bias", Parameter(zeros) if affine else None)
        self.register_buffer("running_mean", zeros.copy() if track_running_stats else None)
        self.register_buffer("running_var", ones.copy() if track_running_stats else None)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Normalise x, add the residual, activate; in training the running statistics move towards the batch's."""
        if isinstance(x, Tensor) and x.ndim not in self.axes:
            shapes = " or ".join(("(N, C)", "(N, C, H, W)")[axes == 4] for axes in self.axes)
            raise ValueError(f"{type(self).__name__}: x must be {shapes}; x.shape={x.shape}")
        # The gradient checker runs forward alone in training mode, on purpose; it observes, and is not warned.
        if self.training and self.track_running_stats and not _recording.get() and not _observers.get():
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


class LocalResponseNorm(Module):
    """Local response norm over (N, C, H, W); see `minidl.ops.local_response_norm` for the arguments.

    Its defaults are those of PyTorch's layer in name and order but of AlexNet's paper in value.

    Example:
        >>> from minidl import nn
        >>> nn.LocalResponseNorm(5)
        LocalResponseNorm(5, alpha=0.0001, beta=0.75, k=2.0, convention='paper')
    """

    def __init__(
        self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0, convention: str = "paper"
    ):
        super().__init__()
        self.size, self.alpha, self.beta, self.k, self.convention = size, alpha, beta, k, convention

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x."""
        return ops.local_response_norm(
            x, self.size, alpha=self.alpha, beta=self.beta, k=self.k, convention=self.convention
        )

    def extra_repr(self) -> str:
        """Return all numbers: papers differ in them."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}, convention={self.convention!r}"
