"""A from-scratch deep-learning engine for convolutional networks on NumPy and CuPy, every gradient derived by hand.

Example:
    >>> import numpy as np
    >>> import minidl
    >>> from minidl import Tensor, models, ops
    >>> minidl.manual_seed(0)
    >>> net = models.get_model("lenet5_modern")
    >>> loss = ops.cross_entropy(net(Tensor(np.zeros((1, 1, 32, 32), dtype="float32"))), np.array([3]))
    >>> loss.backward()
    >>> net.conv1.weight.grad.shape
    (6, 1, 5, 5)
"""

import importlib
from typing import TYPE_CHECKING, Any

from minidl import _deprecated
from minidl._answers import answering
from minidl._random import manual_seed
from minidl._threads import get_num_threads, set_num_threads
from minidl._version import __version__ as __version__
from minidl.tensor import Event, Function, Tensor, no_grad, observe

if TYPE_CHECKING:
    from minidl import cost, cuda, data, kernels, models, nn, ops, optim, teach, training, viz, weights
    from minidl._functions import tensor as tensor
    from minidl._gradcheck import GradientError, gradcheck
    from minidl.compiled import compile
    from minidl.folding import fuse

_deprecated.install()
globals().pop("tensor")  # the file of that name, which is loaded; minidl.tensor is PyTorch's function, on first use

__all__ = [
    "Event",
    "Function",
    "GradientError",
    "Tensor",
    "compile",
    "cost",
    "cuda",
    "data",
    "fuse",
    "get_num_threads",
    "gradcheck",
    "kernels",
    "manual_seed",
    "models",
    "nn",
    "no_grad",
    "observe",
    "ops",
    "optim",
    "set_num_threads",
    "teach",
    "training",
    "viz",
    "weights",
]


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


# All but the tensors is imported on first use, so that `import minidl` stays quick.
_PLACES = {
    **dict.fromkeys(
        ("cost", "cuda", "data", "kernels", "models", "nn", "ops", "optim", "teach", "training", "viz", "weights")
    ),
    "export": None,
    "utils": None,
    "compile": "minidl.compiled",
    "fuse": "minidl.folding",
    "GradientError": "minidl._gradcheck",
    "gradcheck": "minidl._gradcheck",
}


def _look(name: str) -> Any:
    """Return what is imported on first use, or a word of PyTorch's that works; see `minidl/_words/torch.py`."""
    if name in _PLACES:
        place = _PLACES[name]
        return getattr(importlib.import_module(place), name) if place else importlib.import_module(f"minidl.{name}")
    return importlib.import_module("minidl._functions").look(name)


__getattr__ = answering("minidl", "torch.TORCH", look=_look, else_say=f"; it has {', '.join(__all__)}")
