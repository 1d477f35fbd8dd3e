"""minidl and PyTorch on one device, seen alike: a training step, waiting for it, its peak memory, its copies."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], float]
LR = 0.01


class OutOfMemory(RuntimeError):
    """The device has not enough memory for a step."""


class Minidl:
    """The textbook kernels on CuPy's arrays, or on NumPy's where a script is only tried."""

    name = "minidl"

    def __init__(self, device: str):
        self.device, self._used, self._peak, self._hook = device, 0, 0, None
        self._memory_error: type[BaseException] = MemoryError
        if device == "cuda":
            import cupy

            self._cupy, self._memory_error = cupy, cupy.cuda.memory.OutOfMemoryError
            self._hook = self._watching_memory()

    def _watching_memory(self) -> Any:
        """Return a hook that adds up what is lent: CuPy's pool tells what it holds now, and no peak."""
        outer = self

        class Hook(self._cupy.cuda.MemoryHook):
            name = "peak"

            def malloc_postprocess(self, **told: Any) -> None:
                outer._used += told["mem_size"]
                outer._peak = max(outer._peak, outer._used)

            def free_postprocess(self, **told: Any) -> None:
                outer._used -= told["mem_size"]

        return Hook()

    def network(self, name: str) -> tuple[Any, dict[str, np.ndarray]]:
        """Return the network on the device, and its weights for the others."""
        import minidl
        from minidl import models

        minidl.manual_seed(0)
        net = models.get_model(name, aux_logits=False)
        weights = net.state_dict()
        return net.to(self.device).train(), weights

    def step(self, net: Any, x: np.ndarray, labels: np.ndarray) -> Step:
        """Return a training step: forward, loss, backward, SGD with momentum; its batch lies on the device."""
        from minidl import Tensor, kernels, ops, optim

        optimizer = optim.SGD(net.parameters(), lr=LR, momentum=0.9)
        pictures, numbers = Tensor(x).to(self.device), Tensor(labels).to(self.device)

        def step() -> float:
            try:
                with kernels.use("textbook"):
                    loss = ops.cross_entropy(net(pictures), numbers)
                    net.zero_grad()
                    loss.backward()
                    optimizer.step()
                    return loss.item()
            except self._memory_error as error:
                raise OutOfMemory(str(error)) from None

        return step

    def wait(self) -> None:
        """Return when everything that was launched has been done."""
        if self.device == "cuda":
            self._cupy.cuda.Device().synchronize()

    def peak(self, step: Step) -> float:
        """Return the largest number of MiB that was lent at one moment of a step; NaN on the CPU."""
        if self._hook is None:
            return float("nan")
        pool = self._cupy.get_default_memory_pool()
        self._used = self._peak = pool.used_bytes()
        with self._hook:
            step()
            self.wait()
        return self._peak / 2**20

    def let_go(self) -> None:
        """Give memory back to the device, for whoever comes next."""
        gc.collect()
        if self.device == "cuda":
            self._cupy.get_default_memory_pool().free_all_blocks()


class Torch:
    """PyTorch, computing in full float32 as minidl does, not in TF32."""

    name = "PyTorch"

    def __init__(self, device: str):
        import torch

        self.device, self._torch = device, torch
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False

    def network(self, name: str, weights: dict[str, np.ndarray]) -> Any:
        """Return torchvision's network of that name on the device, with these weights."""
        import torchvision

        net = getattr(torchvision.models, name)()
        net.load_state_dict({key: self._torch.from_numpy(array) for key, array in weights.items()}, strict=False)
        return net.to(self.device).train()

    def step(self, net: Any, x: np.ndarray, labels: np.ndarray) -> Step:
        """Return the same step as minidl's."""
        torch = self._torch
        optimizer = torch.optim.SGD(net.parameters(), lr=LR, momentum=0.9)
        pictures, numbers = torch.from_numpy(x).to(self.device), torch.from_numpy(labels).to(self.device)

        def step() -> float:
            try:
                loss = torch.nn.functional.cross_entropy(net(pictures), numbers)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                return loss.item()
            except torch.OutOfMemoryError as error:
                raise OutOfMemory(str(error)) from None

        return step

    def wait(self) -> None:
        """Return when everything that was launched has been done."""
        if self.device == "cuda":
            self._torch.cuda.synchronize()

    def peak(self, step: Step) -> float:
        """Return the largest number of MiB that was lent at one moment of a step; NaN on the CPU."""
        if self.device != "cuda":
            return float("nan")
        self._torch.cuda.reset_peak_memory_stats()
        step()
        self.wait()
        return self._torch.cuda.max_memory_allocated() / 2**20

    def let_go(self) -> None:
        """Give memory back to the device, for whoever comes next."""
        gc.collect()
        if self.device == "cuda":
            self._torch.cuda.empty_cache()


def copies_of(step: Step, wait: Callable[[], None]) -> str:
    """Return how many copies to and from the device a step makes: PyTorch's profiler sees those of others, too."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        step()
        wait()
    names = [event.name for event in seen.events()]
    to, back = (sum(f"Memcpy {way}" in name for name in names) for way in ("HtoD", "DtoH"))
    return f"{to} to, {back} from"
