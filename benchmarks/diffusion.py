"""The diffusion transformer on the digits: are its pictures what they should be, and what do lent tokens do?

    python -m benchmarks.diffusion [--seeds 0 1 2] [--epochs N] [--samples N] [--sheet FILE]

It is trained as `minidl train dit_tiny --data digits` does it. Then pictures of every class, none chosen, are shown to
a LeNet-5 that learnt the digits and has never seen a made picture: which share is taken for what was asked for?

Lent tokens: the first test digit of every class lends its left half to pictures of the same class, and to such of the
next one. Distances are root mean squares in that half, of pixels from 0 to 1, between the pictures and the digit.
Minutes are those of a processor core, as in `benchmarks.dcgan`.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._asked import Parser, at_least, need, new_file, run
from benchmarks._tables import publish, table
from benchmarks.dcgan import digits, expert, seen

SAMPLES = 1000
LENT = 8  # pictures for each digit whose tokens are lent
REGION = (0, 0, 16, 32)  # x0, y0, x1, y1


def right(net: Any, diffuser: Any, samples: int, seed: int, guidance: float) -> tuple[float, np.ndarray]:
    """Return which percentage of class-conditional pictures is taken for what it should be, and the pictures."""
    from minidl.generation import generate

    classes = np.repeat(np.arange(10), samples // 10)
    pictures = generate(diffuser, len(classes), rng=np.random.default_rng(seed), classes=classes, guidance=guidance)
    _, told = seen(net, pictures)
    return 100 * float((told == classes).mean()), pictures


def lent(net: Any, diffuser: Any, shift: int, seed: int) -> dict[str, tuple[float, float]]:
    """Return, without tokens and with them, the mean distance in the region and the share that is the asked class.

    Args:
        net: who tells the classes.
        diffuser: who makes the pictures.
        shift: 0 asks for the class of the digit, 1 for the next one.
        seed: of the noise, which is the same without and with.
    """
    from minidl.generation import generate

    _, _, others, labels = digits()
    x0, y0, x1, y1 = REGION
    found: dict[str, tuple[float, float]] = {}
    for name in ("without", "with"):
        distances, told = [], []
        for label in range(10):
            like = others[np.flatnonzero(labels == label)[0]].astype(np.float32)
            asked = (label + shift) % 10
            settings: dict[str, Any] = {"like": like, "region": REGION} if name == "with" else {}
            rng = np.random.default_rng([seed, label])
            made = generate(diffuser, LENT, rng=rng, classes=asked, **settings)
            distances.append(np.sqrt(((made - like)[:, :, y0:y1, x0:x1] ** 2).mean(axis=(1, 2, 3))))
            told.append(seen(net, made)[1] == asked)
        found[name] = float(np.mean(distances)), 100 * float(np.mean(told))
    return found


def main() -> None:
    parser = Parser("benchmarks.diffusion", __doc__)
    parser.add_argument("--seeds", type=at_least(0), nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=at_least(1), help="others than those of the recipe; nothing is published then")
    parser.add_argument("--samples", type=at_least(10), default=SAMPLES, help="pictures that are judged, 1,000")
    parser.add_argument(
        "--sheet", metavar="FILE", type=new_file, help="draw six pictures of each class of the first seed"
    )
    asked = parser.parse_args()
    need("sklearn")
    from minidl import training, viz
    from minidl.training import make_config

    net, known = expert()
    print(f"LeNet-5 names {known:.1f} % of the test digits right", flush=True)
    rows = []
    for seed in asked.seeds:
        settings = {"seed": seed} | ({} if asked.epochs is None else {"epochs": asked.epochs})
        began = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            diffuser = training.train(make_config("dit_tiny", **settings), out=Path(folder, "run")).state.net
        minutes = (time.process_time() - began) / 60
        plain, _ = right(net, diffuser, asked.samples, seed, 1.0)
        guided, pictures = right(net, diffuser, asked.samples, seed, 3.0)
        same, other = (lent(net, diffuser, shift, seed) for shift in (0, 1))
        words = [
            f"{it['without'][0]:.3f} → {it['with'][0]:.3f}, {it['without'][1]:.0f} → {it['with'][1]:.0f} %"
            for it in (same, other)
        ]
        rows.append([str(seed), f"{guided:.1f}", f"{plain:.1f}", *words, f"{minutes:.1f}"])
        print(*rows[-1], sep=" | ", flush=True)
        if asked.sheet and seed == asked.seeds[0]:
            chosen = [start + i for start in range(0, len(pictures), asked.samples // 10) for i in range(6)]
            viz.draw_samples(asked.sheet, pictures[chosen], columns=6)
    columns = [
        "seed",
        "right, guidance 3, %",
        "right, guidance 1, %",
        "lent: same class",
        "lent: next class",
        "minutes of a core",
    ]
    body = (
        f"{table(columns, rows)}\n\n{asked.samples:,} pictures of the average of the weights, {asked.samples // 10} of "
        f"each class, in 50 steps of DDIM with guidance 3; right is what the LeNet-5 takes for the asked class "
        f"(it names {known:.1f} % of the test digits right). Lent: the left half of a test digit is taken from it; "
        "without → with tokens, its distance there, and the share of pictures that are taken for the asked class."
    )
    if asked.epochs is None and asked.samples == SAMPLES:
        publish("diffusion", "dit_tiny on the digits", body)


if __name__ == "__main__":
    run("benchmarks.diffusion", main)
