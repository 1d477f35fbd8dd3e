"""How long it takes to build a network: no longer than drawing its weights.

    python -m benchmarks.build [NAME ...]          # default: a choice from 5 to 144 million parameters

Per network: parameters, seconds to build it (median of several), seconds to draw as many float32 numbers from the same
generator, evenly or normally distributed as the network's initialisation asks for, and seconds with `init.unfilled()`,
which is everything but the drawing.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from benchmarks._asked import Parser, network, run
from minidl import models, nn
from minidl._random import default_generator

NAMES = ("efficientnet_lite0", "googlenet", "resnet18", "resnet50", "resnet152", "alexnet", "vgg16", "vgg19_bn")


def seconds(work: Callable[[], object], rounds: int = 3) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def draw(size: int) -> None:
    block = np.empty(min(size, 1 << 20), dtype=np.float32)
    for start in range(0, size, block.size):
        default_generator().standard_normal(out=block[: size - start], dtype=np.float32)


def unfilled(name: str) -> None:
    with nn.init.unfilled():
        models.get_model(name)


def main() -> None:
    parser = Parser("benchmarks.build", __doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", type=network)
    asked = parser.parse_args()
    print(f"{'network':20} {'parameters':>12} {'build, s':>9} {'draw, s':>9} {'ratio':>6} {'unfilled, s':>12}")
    for name in asked.names or NAMES:
        with nn.init.unfilled():
            size = sum(parameter.numel() for parameter in models.get_model(name).parameters())
        build = seconds(lambda: models.get_model(name))  # noqa: B023 - called at once
        drawing, empty = seconds(lambda: draw(size)), seconds(lambda: unfilled(name))  # noqa: B023
        print(f"{name:20} {size:12,} {build:9.3f} {drawing:9.3f} {build / drawing:6.2f} {empty:12.4f}")


if __name__ == "__main__":
    run("benchmarks.build", main)
