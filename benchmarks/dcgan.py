"""Adversaries on the digits: which classes their pictures are taken for, and how far they are from real ones.

    python -m benchmarks.dcgan [--seeds 0 1 2] [--model dcgan] [--epochs N] [--sheet FILE]

DCGAN, or with `--model gan` the networks of 2014, is trained as `minidl train` does it. Then 1,000 pictures of the last
epoch, none chosen, are shown to a LeNet-5 that learnt the digits and has never seen a made picture. Distances are
Fréchet distances in its last features (84 numbers). Fewer pictures look farther away, so all are between as many: the
real digits that were trained on are cut in half at random, and as many made ones are compared with either half. Minutes
are those of a processor core, which hold whatever else runs; with MINIDL_NUM_THREADS=1 a clock shows as many where
nothing else runs.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._asked import Parser, at_least, need, new_file, run
from benchmarks._tables import publish, table

SAMPLES = 1000
EPOCHS = 20  # of the LeNet-5


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the digits from 0 to 1: x, labels of those to learn from and of the others."""
    from minidl.data.formats.digits import digits

    train, test = digits()
    low, high = train.x.min(), train.x.max()
    x, others = ((np.asarray(part.x) - low) / (high - low) for part in (train, test))
    return x, train.labels, others.clip(0, 1), test.labels


def expert() -> tuple[Any, float]:
    """Return a LeNet-5 that tells the digits apart, and the percentage of the test digits that it names right."""
    from minidl import models
    from minidl.training import fit

    x, labels, others, test_labels = digits()
    net = models.lenet5_modern(rng=np.random.default_rng(0))
    pairs = ((2 * x - 1, labels), (2 * others - 1, test_labels))
    state = fit(net, *pairs, epochs=EPOCHS, batch_size=32, optimizer="adam", lr=0.001, progress=False)
    return net.eval(), 100 * state.history[-1]["val_top1"]


def seen(net: Any, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the features that the last layer is given, and the class that each picture is taken for."""
    from minidl import Tensor, no_grad, ops

    with no_grad():
        x = Tensor((2 * pictures - 1).astype(np.float32))
        x = net.pool2(ops.relu(net.conv2(net.pool1(ops.relu(net.conv1(x))))))
        features = ops.relu(net.fc2(ops.relu(net.fc1(ops.flatten(x)))))
        return features.numpy(), net.fc3(features).numpy().argmax(axis=1)


def main() -> None:
    parser = Parser("benchmarks.dcgan", __doc__)
    parser.add_argument("--seeds", type=at_least(0), nargs="+", default=[0, 1, 2])
    parser.add_argument("--model", default="dcgan", choices=("dcgan", "gan"))
    parser.add_argument("--epochs", type=at_least(1), help="others than those of the recipe; nothing is published then")
    parser.add_argument("--sheet", metavar="FILE", type=new_file, help="draw 64 pictures of the first seed")
    asked = parser.parse_args()
    need("sklearn")
    from minidl import training, viz
    from minidl.generation import frechet_distance, sample
    from minidl.training import make_config

    net, right = expert()
    real, _ = seen(net, digits()[0])
    order = np.random.default_rng(0).permutation(len(real))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    n = len(halves[0])
    between = frechet_distance(*(real[half] for half in halves))
    print(
        f"LeNet-5 names {right:.1f} % of the test digits right; between halves of {n} digits: {between:.2f}", flush=True
    )
    rows = []
    for seed in asked.seeds:
        settings = {"seed": seed} | ({} if asked.epochs is None else {"epochs": asked.epochs})
        began = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            state = training.train(make_config(asked.model, **settings), out=Path(folder, "run")).state
        minutes = (time.process_time() - began) / 60
        pictures = sample(state.net, SAMPLES, np.random.default_rng(seed))
        features, classes = seen(net, pictures)
        shares = np.bincount(classes, minlength=10) * 100 / SAMPLES
        distance = float(np.mean([frechet_distance(features[:n], real[half]) for half in halves]))
        told = f"{np.count_nonzero(shares)} of 10"
        span = f"{shares.min():.1f} to {shares.max():.1f}"
        rows.append([str(seed), told, span, f"{distance:.1f}", f"{distance / between:.2f}", f"{minutes:.1f}"])
        print(*rows[-1], [f"{share:.1f}" for share in shares], sep=" | ", flush=True)
        if asked.sheet and seed == asked.seeds[0]:
            viz.draw_samples(asked.sheet, pictures[:64])
    columns = ["seed", "classes", "share of a class, %", "distance", "times that of halves", "minutes of a core"]
    body = (
        f"With `--model {asked.model}`, trained as `minidl train {asked.model}` does it.\n\n"
        f"{table(columns, rows)}\n\n{SAMPLES:,} pictures of the last epoch. The LeNet-5 names {right:.1f} % of the "
        f"test digits right; the distance between two halves of the digits to learn from, {n} each, is {between:.2f}."
    )
    if asked.epochs is None:
        publish("dcgan" if asked.model == "dcgan" else "dcgan-2014", f"{asked.model} on the digits", body)


if __name__ == "__main__":
    run("benchmarks.dcgan", main)
