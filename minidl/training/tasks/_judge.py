"""Who judges made pictures while a network learns to make them: a small network that knows the real ones.

A LeNet-5 learns the classes of the pictures for validation, which no generator is shown. The figure is the Fréchet
distance between its last features of these and of as many made ones (`generation.frechet_distance`). That is cheap – a
few seconds once, and less than a second an epoch – and comparable within one data set, not between several: it is not
the distance of other programs, whose features are those of a network that knows ImageNet.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import _random, models, ops
from minidl.data import interpolate
from minidl.generation import frechet_distance
from minidl.optim import Adam
from minidl.tensor import Tensor, no_grad

SIDE = 32  # of what LeNet-5 sees
MOST = 1000  # real pictures, evenly taken from all
BATCH = 32
STEPS = 400  # a dozen epochs of the digits


class Judge:
    """Real pictures, and a network that has learnt their classes.

    Args:
        pictures: (N, C, H, W), from 0 to 1.
        labels: their classes (N,); where all are the same, the network stays as it was drawn.
        seed: of its weights, and of the order of the pictures.

    Raises:
        ValueError: if there are fewer than two pictures.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> real = rng.random((6, 1, 32, 32), dtype=np.float32)
        >>> judge = Judge(real, np.zeros(6, np.int64), seed=0)
        >>> round(judge.distance(real), 6), judge.distance(1 - real) > 0
        (0.0, True)
    """

    def __init__(self, pictures: np.ndarray, labels: np.ndarray, seed: int):
        if len(pictures) < 2:
            raise ValueError(f"train: a distance needs two pictures to validate with; there are {len(pictures)}")
        chosen = np.linspace(0, len(pictures) - 1, min(MOST, len(pictures))).astype(int)
        x, labels = pictures[chosen], labels[chosen]
        self.n = len(x)
        rng = _random.addressed(seed, "judge")
        classes = int(labels.max()) + 1
        self.net: Any = models.lenet5_modern(num_classes=classes, in_channels=x.shape[1], rng=rng)
        if labels.min() < labels.max():
            self._learn(_seen(x), labels, rng)
        self.net.eval()
        self.real = self.features(x)

    def _learn(self, x: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> None:
        optimizer = Adam(self.net.parameters(), lr=1e-3)
        for _ in range(STEPS):
            batch = rng.choice(len(x), min(BATCH, len(x)), replace=False)
            optimizer.zero_grad()
            ops.cross_entropy(self.net(Tensor(x[batch])), labels[batch]).backward()
            optimizer.step()

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """Return the 84 numbers of each picture that the last layer is given."""
        x, made = _seen(pictures), []
        with no_grad():
            for start in range(0, len(x), BATCH):
                made.append(self._last_but_one(Tensor(x[start : start + BATCH])))
        return np.concatenate(made)

    def _last_but_one(self, x: Tensor) -> np.ndarray:
        net = self.net
        x = net.pool2(ops.relu(net.conv2(net.pool1(ops.relu(net.conv1(x))))))
        return ops.relu(net.fc2(ops.relu(net.fc1(ops.flatten(x))))).numpy()

    def distance(self, pictures: np.ndarray) -> float:
        """Return how far made pictures (M, C, H, W), from 0 to 1, are from the real ones."""
        return frechet_distance(self.features(pictures), self.real)


def _seen(pictures: np.ndarray) -> np.ndarray:
    """Return pictures from 0 to 1 as the network sees them: 32×32, from -1 to 1."""
    if pictures.shape[2:] != (SIDE, SIDE):
        times = pictures.shape[2] // SIDE
        if times > 1:  # means of windows first: interpolation would look at a few pixels only
            pictures = ops.avg_pool2d(Tensor(pictures), times).numpy()
        pictures = interpolate(pictures, SIDE)
    return (2 * pictures - 1).astype(np.float32)
