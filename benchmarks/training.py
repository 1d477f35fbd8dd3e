"""What the trainer costs beside a loop written by hand: LeNet-5, batches of 64, one thread.

Both loops take the same batches, which lie ready, and the same steps of SGD. The hand-written one does what nobody can
leave out: forward, loss, backward, step, and the loss as a number. They train the same network and take turns of STEPS
steps, now the one first, now the other. The median of the ratios of two turns counts, because other processes disturb
now the one, now the other.

    python -m benchmarks.training
"""

from __future__ import annotations

import statistics
import time

from benchmarks._asked import Parser, run
from benchmarks._machine import describe

BATCH, STEPS, TURNS, WANTED = 64, 40, 41, 1.02


class Ready:
    """Batches that lie ready: the trainer's own work is measured, not the loader's."""

    def __init__(self, batches):
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, number: int, start_step: int = 0):
        """Yield them."""
        yield from self.batches[start_step:]


def by_hand(net, optimizer, batches) -> float:
    """Return the seconds of an epoch."""
    from minidl import Tensor, ops

    began, losses = time.perf_counter(), []
    for x, labels in batches:
        loss = ops.cross_entropy(net(Tensor(x)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return time.perf_counter() - began


def by_trainer(state, batches, evaluated) -> float:
    """Return the seconds of an epoch without its evaluation."""
    from minidl import training

    clock = {}

    class Clock(training.Callback):
        def on_epoch_begin(self, state, steps):
            clock["began"] = time.perf_counter()

        def on_step(self, state, loss):
            clock["ended"] = time.perf_counter()

    state.epoch, state.history = 0, []
    training.fit(state, Ready(batches), evaluated, callbacks=[Clock()])
    return clock["ended"] - clock["began"]


def measure(name: str, batches, evaluated) -> None:
    from minidl import models, optim, training
    from minidl.training.threads import hold_threads

    settings = {"lr": 0.01, "momentum": 0.9, "weight_decay": 1e-3}
    net = models.get_model(name)
    optimizer = optim.SGD(net.parameters(), nesterov=True, **settings)
    config = training.Config(model=name, epochs=1, schedule={"name": "constant"}, threads=1, **settings)
    state = training.State(net, optimizer, config)
    ratios, steps = [], []
    with hold_threads(1):
        for turn in range(TURNS + 2):
            loops = [lambda: by_hand(net, optimizer, batches), lambda: by_trainer(state, batches, evaluated)]
            first = turn % 2  # who comes second is slower by a hair
            times = {which: loops[which]() for which in (first, 1 - first)}
            hand, trainer = times[0], times[1]
            if turn >= 2:  # the first warm up
                ratios.append(trainer / hand)
                steps.append(1e3 * hand / STEPS)
    ratio = statistics.median(ratios)
    spread = f"{statistics.quantiles(ratios, n=4)[0]:.3f} to {statistics.quantiles(ratios, n=4)[2]:.3f}"
    verdict = "ok" if ratio <= WANTED else "NOT REACHED"
    print(
        f"{name:<16} {statistics.median(steps):6.2f} ms a step by hand; trainer / hand {ratio:.4f} "
        f"(half of the turns {spread})   at most {WANTED}   {verdict}",
        flush=True,
    )


def main() -> None:
    Parser("benchmarks.training", __doc__).parse_args()
    print("\n".join(describe()), flush=True)
    import numpy as np

    from minidl import data

    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCH * STEPS, 1, 32, 32), dtype=np.float32)
    labels = rng.integers(0, 10, len(x))
    batches = [(x[i : i + BATCH], labels[i : i + BATCH]) for i in range(0, len(x), BATCH)]
    evaluated = data.Pictures(x[:4], labels[:4], tuple("0123456789"))
    print(f"batches of {BATCH}, {TURNS} turns of {STEPS} steps each\n")
    for name in ("lenet5_modern", "lenet5"):
        measure(name, batches, evaluated)


if __name__ == "__main__":
    run("benchmarks.training", main)
