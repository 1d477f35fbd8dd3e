"""One picture on its way through a network, and the gradient of a loss on its way back: all arrays, as they were.

The observer tells both ways. A step of the way back belongs to the latest step of the way forward that is not taken yet
and has its operation, its layer and its shape: `Tensor.backward` visits in the reverse order of creation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl import _backend, kernels
from minidl.nn import Module
from minidl.tensor import Event, Tensor, observe
from minidl.training.loss import objective

AUX_WEIGHT = 0.3  # how much each auxiliary head counts in the loss


@dataclass
class Way:
    """A picture's way through a network, forward and, for a class, back.

    Attributes:
        steps: the operations in their order, until the answers.
        heads: the answers by name, (classes,) each; the first is the main one.
        ends: for each head the number of the step that made it.
        loss: the cross-entropy for the class, or None where there is no way back.
        dy: number of a step -> the gradient of the loss with respect to its result; those the loss does not reach have
            none.
        shares: number of a step -> for each of its inputs the gradient that goes into it, or None.
        dx: the gradient with respect to the picture.
        dw: name of a parameter -> its gradient, or None.
    """

    steps: list[Event]
    heads: dict[str, np.ndarray]
    ends: dict[str, int]
    loss: float | None = None
    dy: dict[int, np.ndarray] = field(default_factory=dict)
    shares: dict[int, tuple[np.ndarray | None, ...]] = field(default_factory=dict)
    dx: np.ndarray | None = None
    dw: dict[str, np.ndarray | None] = field(default_factory=dict)


def has_heads(net: Module, x: np.ndarray) -> bool:
    """Tell whether a network has auxiliary heads that can take this picture."""
    if not hasattr(net, "legal_sizes"):
        return False
    with net.modes_kept():
        net.training = True
        smallest, largest = net.legal_sizes()
        if min(x.shape[1:]) < smallest or (largest is not None and max(x.shape[1:]) > largest):
            return False
        return any("aux" in name.lower() for name, _ in net.named_children())


Label = int | Callable[[np.ndarray], int] | None


def follow(net: Module, x: np.ndarray, label: Label = None, *, heads: bool = False, all_heads: bool = True) -> Way:
    """Send a picture through a network and, for a class, the gradient of its loss back.

    Norms use their running statistics and nothing is dropped, as in evaluation. The network is put back as it was, its
    gradients too.

    Args:
        net: the network.
        x: the picture as the network expects it, (C, H, W).
        label: the class whose loss is taken, or a function that finds it from the answer; None (default) goes forward
            only.
        heads: whether auxiliary heads answer too.
        all_heads: whether their losses count, each with AUX_WEIGHT.

    Raises:
        ValueError: if the picture does not fit the network, or its answer has more than one axis.

    Example:
        >>> from minidl import models
        >>> way = follow(models.lenet5_modern(), np.zeros((1, 32, 32), "float32"), 3)
        >>> [step.op for step in way.steps][:3], way.dw["conv1.weight"].shape
        (['conv2d', 'relu', 'max_pool2d'], (6, 1, 5, 5))
    """
    steps: list[Event] = []
    with _as_it_was(net), kernels.use("textbook"), np.errstate(all="ignore"):
        net.eval()
        net.training = heads  # the heads alone look at it: norms and dropout have switches of their own
        device = next((parameter.device for parameter in net.parameters()), "cpu")
        picture = Tensor(_backend.to_device(np.asarray(x)[None], device), requires_grad=True)
        with observe(steps.append):
            output = net(picture)
        answers = _answers(output)
        way = Way(steps, {}, {})
        made = {id(step.output): number for number, step in enumerate(steps)}
        for name, tensor in answers.items():
            if tensor.ndim != 2:
                raise ValueError(
                    f"explore: the network must answer with one number a class, (N, classes); its answer has shape "
                    f"{tensor.shape}"
                )
            way.heads[name] = _backend.to_numpy(tensor._data)[0].astype(np.float64)
            way.ends[name] = made[id(tensor._data)]
        if label is not None:
            label = label(way.heads["main"]) if callable(label) else label
            _back(way, net, picture, output if all_heads else next(iter(answers.values())), label)
    return way


def _answers(output: Any) -> dict[str, Tensor]:
    if isinstance(output, Tensor):
        return {"main": output}
    names = getattr(output, "_fields", None)
    if names is None:
        found = type(output).__name__
        raise TypeError(f"explore: the network must answer with a tensor, or a named tuple of them; it gave a {found}")
    return {"main" if place == 0 else name: one for place, (name, one) in enumerate(zip(names, output, strict=True))}


def _back(way: Way, net: Module, picture: Tensor, output: Any, label: int) -> None:
    """Walk back from the loss, and sort the gradients to the steps."""
    walked: list[Event] = []
    loss = objective(output, np.array([label]), aux_weight=AUX_WEIGHT)
    way.loss = float(loss.item())
    with observe(walked.append):
        loss.backward()
    waiting = list(range(len(way.steps)))
    for event in walked:
        (dy,) = event.inputs
        for place in range(len(waiting) - 1, -1, -1):
            step = way.steps[waiting[place]]
            if (step.op, step.module, step.output.shape) == (event.op, event.module, dy.shape):  # type: ignore[union-attr]
                number = waiting[place]
                del waiting[place:]
                way.dy[number], way.shares[number] = _backend.to_numpy(dy), _on_cpu(event.output)
                break
    way.dx = None if picture.grad is None else _backend.to_numpy(picture.grad)[0]
    way.dw = {
        name: None if parameter.grad is None else np.array(_backend.to_numpy(parameter.grad))
        for name, parameter in net.named_parameters()
    }


def _on_cpu(gradients: Any) -> tuple[np.ndarray | None, ...]:
    return tuple(None if one is None else _backend.to_numpy(one) for one in gradients)


@contextmanager
def _as_it_was(net: Module) -> Iterator[None]:
    """Let all parameters want gradients for a while; modes, wishes and gradients are put back."""
    parameters = list(net.parameters())
    before = [(parameter.requires_grad, parameter.grad) for parameter in parameters]
    with net.modes_kept():
        try:
            for parameter in parameters:
                parameter.requires_grad, parameter.grad = True, None
            yield
        finally:
            for parameter, (wanted, grad) in zip(parameters, before, strict=True):
                parameter.requires_grad, parameter.grad = wanted, grad
