"""The same network in minidl, PyTorch and ONNX Runtime: one training step, or one look at a batch.

Weights are random; dropout is on in training; gradients are forgotten before each step, and nobody takes the
optimiser's. Imports stand inside functions, so that a process that measures memory loads one library only.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np

# The networks of the comparison, and what torchvision or timm call them.
PEERS = {
    "alexnet_owt": "alexnet",
    "vgg16": "vgg16",
    "googlenet_bn": "googlenet",
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "resnext50_32x4d": "resnext50_32x4d",
    "densenet121": "densenet121",
    "squeezenet1_1": "squeezenet1_1",
    "mobilenet_v2": "mobilenet_v2",
    "efficientnet_b0": "efficientnet_b0",
}
MORE = {"efficientnet_lite0": "tf_efficientnet_lite0"}  # by name only
TRANSFORMERS = {"vit_b_16": "vit_b_16"}
ALL = PEERS | MORE | TRANSFORMERS
CLASSES = 1000
COMPILED = "minidl compiled"


def batch(n: int, size: int = 224) -> tuple[np.ndarray, np.ndarray]:
    """Return n random pictures and labels."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, 3, size, size), dtype=np.float32), rng.integers(0, CLASSES, n)


def minidl_step(
    name: str, n: int, size: int = 224, kernel_set: Any = None, *, compiled: bool = False
) -> Callable[[], float]:
    """Return a training step of minidl, with one set of kernels if given, or of a compiled network."""
    import minidl
    from minidl import Tensor, kernels, models, ops

    x, labels = batch(n, size)
    net = models.get_model(name, aux_logits=False)
    if compiled:
        minidl.compile(net)

    def step() -> float:
        net.zero_grad()
        with nullcontext() if kernel_set is None else kernels.use(kernel_set):
            loss = ops.cross_entropy(net(Tensor(x)), labels)
            loss.backward()
        return loss.item()

    return step


def minidl_look(name: str, n: int, size: int = 224) -> Callable[[], Any]:
    """Return the forward pass of minidl, batch norm folded into the convolutions."""
    import minidl
    from minidl import Tensor, models

    x, _ = batch(n, size)
    net = minidl.fuse(models.get_model(name, aux_logits=False).eval())

    def look() -> np.ndarray:
        with minidl.no_grad():
            return net(Tensor(x)).data

    return look


def _torch_net(name: str) -> Any:
    import torch

    torch.set_num_threads(threads())
    if ALL[name].startswith("tf_"):
        import timm

        return timm.create_model(ALL[name])
    import torchvision

    extra = {"aux_logits": False, "init_weights": False} if name == "googlenet_bn" else {}
    return getattr(torchvision.models, ALL[name])(**extra)


def torch_step(name: str, n: int, size: int = 224, *, channels_last: bool) -> Callable[[], float]:
    """Return a training step of PyTorch."""
    import torch

    order = torch.channels_last if channels_last else torch.contiguous_format
    net = _torch_net(name).to(memory_format=order).train()
    pictures, numbers = batch(n, size)
    x, labels = torch.from_numpy(pictures).to(memory_format=order), torch.from_numpy(numbers)

    def step() -> float:
        net.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(net(x), labels)
        loss.backward()
        return loss.item()

    return step


def torch_look(name: str, n: int, size: int = 224, *, channels_last: bool) -> Callable[[], Any]:
    """Return the forward pass of PyTorch in inference mode."""
    import torch

    order = torch.channels_last if channels_last else torch.contiguous_format
    net = _torch_net(name).to(memory_format=order).eval()
    x = torch.from_numpy(batch(n, size)[0]).to(memory_format=order)

    def look() -> Any:
        with torch.inference_mode():
            return net(x)

    return look


def onnx_look(name: str, n: int, size: int = 224) -> Callable[[], Any]:
    """Return the forward pass of ONNX Runtime, which folds and fuses when it reads the network."""
    import onnxruntime
    import torch

    x = batch(n, size)[0]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = os.path.join(folder, "net.onnx")
        torch.onnx.export(
            _torch_net(name).eval(), (torch.from_numpy(x),), path, input_names=["x"], dynamo=False, verbose=False
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x": x})


def threads() -> int:
    """Return the number of threads for everybody."""
    import minidl

    return minidl.get_num_threads()


STEPS: dict[str, Callable[..., Callable[[], Any]]] = {
    "minidl": minidl_step,
    COMPILED: lambda *a: minidl_step(*a, compiled=True),
    "torch NCHW": lambda *a: torch_step(*a, channels_last=False),
    "torch channels_last": lambda *a: torch_step(*a, channels_last=True),
}
LOOKS: dict[str, Callable[..., Callable[[], Any]]] = {
    "minidl": minidl_look,
    "torch NCHW": lambda *a: torch_look(*a, channels_last=False),
    "torch channels_last": lambda *a: torch_look(*a, channels_last=True),
    "ONNX Runtime": onnx_look,
}
