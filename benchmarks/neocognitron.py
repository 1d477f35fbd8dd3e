"""The Neocognitron on the digits beside LeNet-5 and a linear model, straight and moved by 1 to 4 pixels.

    python -m benchmarks.neocognitron [--seeds 0 1 2] [--planes FILE]

All learn from the same 1,438 digits, which none of them has seen moved: centred in 32×32, 20 pixels high, so that
nothing of a digit is lost when it is moved by 4. LeNet-5 and the linear model are trained with Adam for 20 epochs on
pictures with mean 0 and deviation 1; the Neocognitron sees the means of 2×2 pixels, learns without labels, and is told
them once it has learnt. Two to three minutes where nothing else runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks._asked import Parser, at_least, need, new_file, run
from benchmarks._tables import publish, table

STEPS = range(5)
WAYS = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]


def pictures() -> tuple[Any, Any]:
    """Return the digits, 20×20 in the middle of 32×32, from 0 to 1: (x, labels) to learn from and to be asked."""
    from minidl.data import interpolate
    from minidl.data.formats.digits import digits

    parts = []
    for part in digits():
        x = np.asarray(part.x)
        x = (x - x.min()) / (x.max() - x.min())
        x = interpolate(x[:, :, 2:30, 2:30], 20)
        parts.append((np.pad(x, ((0, 0), (0, 0), (6, 6), (6, 6))).astype(np.float32), part.labels))
    return parts[0], parts[1]


def moved(x: np.ndarray, steps: int) -> list[np.ndarray]:
    """Return the pictures moved by so many pixels in each of the eight directions; not at all: once."""
    from minidl.data import shift

    ways = WAYS if steps else [(0, 0)]
    return [shift(x, np.tile(np.multiply(way, steps), (len(x), 1)), "constant") for way in ways]


def accuracies(name: Callable[[np.ndarray], np.ndarray], x: np.ndarray, labels: np.ndarray) -> list[float]:
    """Return the percentage that is named right, for every number of pixels."""
    return [100 * float(np.mean([(name(one) == labels).mean() for one in moved(x, steps)])) for steps in STEPS]


def trained(net: Any, train: Any, test: Any, seed: int, epochs: int) -> Callable[[np.ndarray], np.ndarray]:
    """Train a network with a loss; return what names pictures."""
    from minidl import Tensor, no_grad
    from minidl.training import fit

    mean, deviation = train[0].mean(), train[0].std()

    def scaled(x: np.ndarray) -> np.ndarray:
        return (x - mean) / deviation

    train, test = ((scaled(x), labels) for x, labels in (train, test))
    fit(net, train, test, epochs=epochs, batch_size=32, optimizer="adam", lr=0.001, seed=seed, progress=False)
    net.eval()

    def name(x: np.ndarray) -> np.ndarray:
        with no_grad():
            return net(Tensor(scaled(x))).numpy().argmax(axis=1)

    return name


def organised(stages: Any, train: Any, seed: int) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
    """Let a Neocognitron learn, and tell it the labels; return it, and what names pictures."""
    from minidl import Tensor, models, ops

    x, labels = train
    order = np.random.default_rng(seed).permutation(len(x))  # it sees each once, one after the other
    seen = ops.avg_pool2d(Tensor(x[order]), 2)
    net = models.Neocognitron(stages, rng=np.random.default_rng(seed)).learn(seen).remember(seen, labels[order])
    return net, lambda x: net.recognise(ops.avg_pool2d(Tensor(x), 2))


def draw_planes(net: Any, x: np.ndarray, file: str) -> None:
    """Draw a picture, and of every stage its strongest S-planes with the C-planes behind them."""
    from minidl import Tensor, ops
    from minidl.training.tasks.organisation import planes
    from minidl.viz._figure import save
    from minidl.viz.planes import plot_planes

    save(plot_planes(*planes(net, ops.avg_pool2d(Tensor(x), 2))), file)


def main() -> None:
    parser = Parser("benchmarks.neocognitron", __doc__)
    parser.add_argument("--seeds", type=at_least(0), nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--planes", metavar="FILE", type=new_file, help="draw the planes of a digit into a picture, and measure nothing"
    )
    asked = parser.parse_args()
    need("sklearn")
    from minidl import models, nn
    from minidl.models.neocognitron import DIGITS, STAGES

    seeds = asked.seeds
    train, (x, labels) = pictures()
    if asked.planes:
        draw_planes(organised(DIGITS, train, seeds[0])[0], x[labels == 3][:1], asked.planes)
        return

    def linear(rng: np.random.Generator) -> Any:
        return nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, 10, rng=rng))

    contenders: dict[str, Callable[[int], Callable[[np.ndarray], np.ndarray]]] = {
        "Neocognitron": lambda seed: organised(DIGITS, train, seed)[1],
        "Neocognitron, constants of 1980": lambda seed: organised(STAGES, train, seed)[1],
        "LeNet-5": lambda seed: trained(
            models.lenet5_modern(rng=np.random.default_rng(seed)), train, (x, labels), seed, 20
        ),
        "linear": lambda seed: trained(linear(np.random.default_rng(seed)), train, (x, labels), seed, 20),
    }
    rows = []
    for name, make in contenders.items():
        found, seconds = [], []
        for seed in seeds:
            began = time.perf_counter()
            contender = make(seed)
            seconds.append(time.perf_counter() - began)
            found.append(accuracies(contender, x, labels))
        cells = [f"{mean:.1f} ± {spread:.1f}" for mean, spread in zip(np.mean(found, axis=0), np.std(found, axis=0))]
        rows.append([name, *cells, f"{np.median(seconds):.0f} s"])
        print(*rows[-1], sep=" | ", flush=True)
    columns = ["right of 359 digits, %", "centred", *[f"{steps} px" for steps in STEPS[1:]], "learns in"]
    publish(
        "neocognitron",
        "The Neocognitron beside LeNet-5 and a linear model",
        table(columns, rows) + f"\n\nMean and spread over {len(seeds)} seeds; moved: the mean of eight directions.",
    )


if __name__ == "__main__":
    run("benchmarks.neocognitron", main)
