"""The search for the first number that is not finite: a parameter, or the output of a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minidl import _backend
from minidl._backend import Array
from minidl._looks import Brief
from minidl.nn import Module
from minidl.tensor import Event, Tensor, no_grad, observe
from minidl.training.loss import objective

PICTURES = "the pictures of this batch are not finite"


class NonFiniteError(Brief, RuntimeError):
    """A training met NaN or an infinity and stopped; the message names the layer, the step and a cure."""


def is_finite(array: Array) -> bool:
    """Tell whether all numbers of an array are finite."""
    return bool(_backend.array_module(array).isfinite(array).all())


def bad_state(net: Module) -> str | None:
    """Return the name of the first parameter or buffer that holds a number that is not finite, or None."""
    values = [("parameter", name, parameter._data) for name, parameter in net.named_parameters()]
    values += [("buffer", name, buffer) for name, buffer in net.named_buffers()]
    return next((f"{kind} {name}" for kind, name, array in values if not is_finite(array)), None)


def explain(net: Module, x: Array, labels: Array) -> str:
    """Say where the first number that is not finite comes from, by running the batch once more ("" if there is none).

    Random layers repeat only if the generator was put back before.
    """
    if not is_finite(x):
        return PICTURES
    return cause(net, {"": lambda: objective(net(Tensor(x)), labels)})


def cause(net: Module, runs: Mapping[str, Callable[[], Any]]) -> str:
    """Say where the first number that is not finite comes from ("" if there is none): a parameter, a layer.

    Args:
        net: the network, or several in one module.
        runs: what computes the loss once more, in this order; by what stands before the paths of its layers.
    """
    found = []
    if parameter := bad_state(net):
        found.append(f"{parameter} is not finite")
    for within, run in runs.items():
        if event := _first_bad(run):
            path = within + event.module if event.module else within.rstrip(".")
            layer = f"{path} ({event.op})" if path else f"{event.op} of the network itself"
            found.append(f"the first output that is not finite comes from {layer}")
            break
    return " and ".join(found)


def _first_bad(run: Callable[[], Any]) -> Event | None:
    """Return the first operation whose result is not finite."""
    first: list[Event] = []

    def watch(event: Event) -> None:
        if not first and not is_finite(event.output):
            first.append(event)

    with no_grad(), observe(watch):
        run()
    return first[0] if first else None


def error(where: str, cause: str, lr: Any) -> NonFiniteError:
    """Return the error for a training that is at `where` ("in epoch 2, step 7, the loss is nan")."""
    cause = cause or "a second look finds all outputs finite"
    cure = f"try a smaller learning rate (lr={lr:g} now)"
    if cause == PICTURES:
        cure = "look for NaN and infinities in the data and in what the transforms make of them"
    return NonFiniteError(f"train: {where}: {cause}; {cure}")
