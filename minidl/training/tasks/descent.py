"""One step down the slope of a loss, for every kind of training that makes one loss small."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from minidl import _random
from minidl.optim import clip_grad_norm
from minidl.tensor import Tensor
from minidl.training import non_finite
from minidl.training.state import State


def descend(
    state: State,
    group: Sequence[Any],
    *,
    count: Callable[[Any], int],
    loss_of: Callable[[Any], Tensor],
    cause: Callable[[Any], str],
) -> float:
    """Forward and backward of each batch, and one step of the optimiser; return the mean loss.

    The gradient of several batches is that of all their parts together: each counts as many as it has of them.

    Args:
        state: the training; `loss_sum` and `seen` go on counting.
        group: the batches of the step.
        count: how many parts a batch has: pictures, symbols.
        loss_of: its mean loss.
        cause: where a loss that is not finite began; it is asked with the generator as it was before that loss.

    Raises:
        NonFiniteError: if a loss is NaN or infinite; nothing has been learnt from it then.
    """
    total, mean = sum(map(count, group)), 0.0
    state.optimizer.zero_grad()
    for batch in group:
        generator = _random.default_generator().bit_generator.state
        loss = loss_of(batch)
        value, n = loss.item(), count(batch)
        if not math.isfinite(value):
            _random.default_generator().bit_generator.state = generator  # what was drawn shall be drawn again
            where = f"in epoch {state.epoch + 1}, step {state.step + 1}, the loss is {value}"
            raise non_finite.error(where, cause(batch), state.optimizer.lr)
        (loss if n == total else loss * (n / total)).backward()
        state.loss_sum += value * n
        state.seen += n
        mean += value * n / total
    if state.config.clip_norm is not None:
        clip_grad_norm(state.optimizer.parameters, state.config.clip_norm)
    state.optimizer.step()
    return mean
