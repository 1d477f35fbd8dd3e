"""Plans of one network that learns: for each kind of pictures, its way forward and back as kernels alone.

Between the kernels of a training step stands Python, 7 to 30 % of the time, and all that it finds out is the same as in
the step before. So when pictures of a shape come for the third time, the step is gone through once without computing
anything (`kernels/_journey.py`), and from then on the network is one operation, with one way forward and one way back.

It must do the same for all pictures, and nothing that a note does not know:

- All its modules are minidl's own: their `forward` never looks at a number to decide what comes next.
- Nobody observes, or has chosen other kernels; the pictures are float32, and the result is one tensor.
- A trial (`_rehearsal.py`) has given the very bits that the network gives.
- Which parameters want a gradient, how many threads there are, and which modules and settings the network has: whatever
  of that is another one, another plan is needed.

Where parameters and running statistics lie is looked up at every step. Where something does not fit, the network is run
as it stands: nobody is told, and nothing is lost but time.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import kernels
from minidl._log import log
from minidl._looks import Brief
from minidl.compiled._learner import Learner
from minidl.compiled._rehearsal import Plan, compare, rehearsed
from minidl.kernels._sets import in_use
from minidl.nn import Module
from minidl.tensor import Context, Function, Tensor

AFTER = 2  # runs with pictures of a kind; the next one is planned
MOST = 8  # kinds of pictures that a network remembers, and changes after which nothing is planned any more


class Plans(Brief):
    """The plans of one network, by the kind of its pictures."""

    def __init__(self, net: Module):
        self._changes = 0
        self._look(net)

    def __len__(self) -> int:
        return sum(isinstance(it, Plan) for it in self._known.values())

    def _words(self) -> list[str]:
        return [f"{len(self)} kinds of pictures"]

    def _look(self, net: Module) -> None:
        self._learner = Learner(net)
        self._known: dict[Any, Plan | int | None] = {}  # a plan; how often it was seen; None where it has none

    def run(self, net: Module, x: Tensor) -> Any:
        """Return the result for x, as a plan makes it if there is one."""
        fast = kernels.SETS["cpu"]
        if not net.training or not fast.is_open:
            return net.forward(x)
        arrays = self._learner.settled()
        if arrays is None and self._changes < MOST:
            self._changes += 1
            self._look(net)
            arrays = self._learner.settled()
        if arrays is None or not self._learner.may or self._changes == MOST:
            return net.forward(x)
        wanted = tuple([it.requires_grad for it in self._learner.parameters])
        kind = x.shape, x.requires_grad, wanted, in_use.get() is None, *fast.offers("circumstances")()
        known = self._known.get(kind, 0)
        if known is None or (known == 0 and len(self._known) >= MOST):
            return net.forward(x)
        if isinstance(known, int):
            self._known[kind] = known + 1
            if known < AFTER:
                return net.forward(x)
            self._known[kind] = known = _made(self._learner, x)
        if known is None or (begun := known.journey.begin(x._data, arrays)) is NotImplemented:
            return net.forward(x)
        return as_one(known, self._learner, x, begun)


def _made(learner: Learner, x: Tensor) -> Plan | None:
    """Return a plan for pictures of the kind of x; None where there is none."""
    try:
        with np.errstate(all="ignore"):
            plan = rehearsed(learner, x)
            compare(learner, x, plan, as_one)
    except Exception as reason:  # whatever it is that does not fit: the network goes on as it stands
        log("compile: the network is not planned: %s: %s", type(reason).__name__, reason)
        return None
    log("compile: the network is planned: %d launches, %d bytes between", len(plan.journey), plan.journey.nbytes)
    return plan


def as_one(plan: Plan, learner: Learner, x: Tensor, begun: Any) -> Tensor:
    """Return the result of a way that has begun, as that of one operation."""
    tensors = x, *(it for it in learner.parameters if it.requires_grad)
    watched = [learner.parameters[number] for number in plan.watched] + [x] * plan.watches_x
    return CompiledNetwork.apply(*tensors, begun=begun, watched=watched, watches_y=plan.watches_y)


class CompiledNetwork(Function):
    """A network as one operation; keeps what its kernels have made on the way forward."""

    @staticmethod
    def forward(ctx: Context, *arrays: Any, begun: Any, watched: Sequence[Tensor], watches_y: bool) -> np.ndarray:
        """y, which has been made."""
        ctx.back, y = begun
        if watches_y:
            ctx.save(y)
        ctx._watched = [(weakref.ref(it), it._version) for it in watched]
        return y

    @staticmethod
    def backward(ctx: Context, dy: np.ndarray) -> tuple[np.ndarray | None, ...]:
        """The gradients of the pictures, where they want one, and of the parameters that do."""
        ctx.saved  # noqa: B018 - which says so where something that is needed has been changed
        found = ctx.back.finish(dy)
        return tuple(found) if ctx.needs[0] else (None, *found)
