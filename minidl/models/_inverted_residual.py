"""The inverted residual, the block of MobileNetV2, MobileNetV3, MnasNet and EfficientNet (there called MBConv).

A bottleneck is wide, narrow, wide; this block is narrow, wide, narrow: 1×1 up to many channels, depthwise k×k there,
1×1 down again **without** an activation, which in a narrow place would throw information away, and a shortcut between
the narrow ends where the shape stays. Source: Sandler et al., "MobileNetV2" (arXiv:1801.04381), section 3.
"""

from __future__ import annotations

from typing import Any

from minidl import nn, ops
from minidl.tensor import Tensor


class InvertedResidual(nn.Module):
    """Expand, depthwise, (squeeze and excite,) project, and a shortcut where the shape stays.

    The layers lie in a `Sequential` whose name and order, and so the names of the parameters, are those that
    torchvision has in each family; families with other names than MobileNetV3 and EfficientNet override both.

    Args:
        in_channels: C; the shortcut needs it to be out_channels, and a stride of 1.
        wide: channels in the middle; where that is in_channels there is no 1×1 up.
        out_channels: O.
        kernel_size: of the depthwise convolution.
        stride: of the depthwise convolution.
        activation: a name such as "relu6" or "silu".
        excite: squeeze-and-excitation in the middle, or None.
        drop: probability that training leaves the block out for a picture (stochastic depth).
        layer: settings of every convolution with norm, such as padding and norm_layer.
    """

    place = "block"

    def __init__(
        self,
        in_channels: int,
        wide: int,
        out_channels: int,
        kernel_size: int,
        stride: int,
        *,
        activation: str,
        excite: nn.Module | None = None,
        drop: float = 0.0,
        layer: dict[str, Any],
    ):
        super().__init__()
        parts: list[Any] = []
        if wide != in_channels:
            parts.append(nn.Conv2dNormActivation(in_channels, wide, 1, activation=activation, **layer))
        parts.append(
            nn.Conv2dNormActivation(wide, wide, kernel_size, stride, groups=wide, activation=activation, **layer)
        )
        if excite is not None:
            parts.append(excite)
        parts.append(nn.Conv2dNormActivation(wide, out_channels, 1, activation=None, **layer))
        setattr(self, self.place, nn.Sequential(*self.arrange(parts)))
        self.has_shortcut = stride == 1 and in_channels == out_channels
        self.stochastic_depth = nn.StochasticDepth(drop, "row") if drop else nn.Identity()

    def arrange(self, parts: list[Any]) -> list[nn.Module]:
        """Return the layers in the order of their names: here each convolution and its norm are one part."""
        return parts

    def forward(self, x: Tensor) -> Tensor:
        """x + F(x) where the shape stays, else F(x)."""
        block = getattr(self, self.place)
        if not self.has_shortcut:
            return block(x)
        if self.training and isinstance(self.stochastic_depth, nn.StochasticDepth):
            return ops.add(self.stochastic_depth(block(x)), x)
        *front, last = block
        y = x
        for layer in front:
            y = layer(y)
        return last(y, x)  # the last norm adds the shortcut in its own pass


def laid_open(block: nn.Conv2dNormActivation) -> list[nn.Module]:
    """Return the layers of a convolution with norm one by one; Identity keeps the place of an activation it fuses."""
    fused = getattr(block[1], "activation", None) is not None
    return [*block, nn.Identity()] if fused else [*block]
