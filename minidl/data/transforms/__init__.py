"""Changes of pictures: pure functions of arrays, and the same as steps of a pipeline that a recipe can name.

`flip(x, chosen)` is told what to do; `Flip(p=0.5)` draws it; `build([{"name": "flip"}])` makes it from data.
"""

from minidl.data.transforms._base import Transform
from minidl.data.transforms.colour import (
    Brightness,
    Contrast,
    Normalize,
    PcaJitter,
    Saturation,
    add_colour,
    brightness,
    contrast,
    normalize,
    saturation,
)
from minidl.data.transforms.crop import (
    CenterCrop,
    Flip,
    Pad,
    RandomCrop,
    RandomResizedCrop,
    Shift,
    crop,
    flip,
    pad,
    shift,
)
from minidl.data.transforms.mixing import Cutout, Mixup, cutout, mixup
from minidl.data.transforms.pipeline import IMAGENET, TRANSFORMS, Pipeline, build
from minidl.data.transforms.resize import Resize, interpolate, interpolation_matrix, resize

__all__ = [
    "IMAGENET",
    "TRANSFORMS",
    "Brightness",
    "CenterCrop",
    "Contrast",
    "Cutout",
    "Flip",
    "Mixup",
    "Normalize",
    "Pad",
    "PcaJitter",
    "Pipeline",
    "RandomCrop",
    "RandomResizedCrop",
    "Resize",
    "Saturation",
    "Shift",
    "Transform",
    "add_colour",
    "brightness",
    "build",
    "contrast",
    "crop",
    "cutout",
    "flip",
    "interpolate",
    "interpolation_matrix",
    "mixup",
    "normalize",
    "pad",
    "resize",
    "saturation",
    "shift",
]


def __dir__() -> list[str]:
    return [*__all__]
