"""Small work: a step of LeNet-5 on digits with both kernel sets, and what an operation costs beside its kernel.

    python -m benchmarks.small

Small calls stay with the textbook by themselves; "cpu" sends every one of them to the fast kernels. An operation of one
number shows what Python takes: judging the arguments, the graph, the walk back.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks._asked import Parser, run
from benchmarks._tables import publish, table
from benchmarks._timing import calls_for, take_turns

ROUNDS = 15
BATCH = 16  # pictures, as `minidl train` takes them
MOST_MORE = 15.0  # microseconds


def lenet_step() -> Callable[[], None]:
    """Return a training step of LeNet-5 on 16 pictures of 32×32: forward, loss, backward, SGD with momentum."""
    import minidl
    from minidl import Tensor, models, ops, optim

    minidl.manual_seed(0)
    net = models.lenet5_modern()
    optimiser = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((BATCH, 1, 32, 32), dtype=np.float32), rng.integers(0, 10, BATCH)

    def step() -> None:
        net.zero_grad()
        ops.cross_entropy(net(Tensor(x)), labels).backward()
        optimiser.step()

    return step


def lenet_rows() -> list[list[str]]:
    """Measure the step with the sets as they are chosen, and with either for everything."""
    from minidl import kernels

    step = lenet_step()

    def within(kernel_set: str) -> Callable[[], None]:
        def work() -> None:
            with kernels.use(kernel_set):
                step()

        return work

    found = take_turns({"": step, "textbook": within("textbook"), "cpu": within("cpu")}, ROUNDS, calls_for(step))
    slowest = 1.05 * found["textbook"].median  # what two readings of the same work differ by
    return [
        [name or "as chosen by size", f"{reading.median * 1e3:.2f}", f"{reading.best * 1e3:.2f}", verdict]
        for name, reading in found.items()
        for verdict in ["ok, as fast" if reading.median <= slowest else "SLOWER THAN THE TEXTBOOK"]
    ]


def relu_rows() -> list[list[str]]:
    """Measure relu of one number with its gradient: the operation, and its kernels called directly."""
    from minidl import Tensor, kernels, ops

    x, dy = np.ones(1, np.float32), np.ones(1, np.float32)
    tensor = Tensor(x, requires_grad=True)

    def operation() -> None:
        tensor.grad = None
        ops.relu(tensor).backward(dy)

    def directly() -> None:
        kernels.relu_dx(dy, kernels.relu(x))

    found = take_turns({"ops.relu": operation, "its kernels": directly}, ROUNDS, 1000)
    times = [reading.best * 1e6 for reading in found.values()]
    more = times[0] - times[1]
    verdict = f"{'ok' if more <= MOST_MORE else 'NOT REACHED'}, at most {MOST_MORE:.0f}"
    return [[f"{time:.1f}" for time in (*times, more)] + [verdict]]


def main() -> None:
    """Measure both."""
    Parser("benchmarks.small", __doc__).parse_args()
    body = table([f"LeNet-5, a step of {BATCH}", "median ms", "best ms", ""], lenet_rows())
    body += "\n\n" + table(["ops.relu of one number, µs", "its kernels, µs", "more, µs", "asked"], relu_rows())
    publish("small", "Small work, float32", body)


if __name__ == "__main__":
    run("benchmarks.small", main)
