"""How many pictures a second the loader gives: 64×64, from JPEG files and from the cache, on two cores.

Decode, flip, shift, normalise, batches of 64. Run from the root of the repository:

    MINIDL_DATA=DIR python -m benchmarks.data

The pictures are those of DIR/tiny-imagenet-10; without MINIDL_DATA, 5,000 of the same size are made. The best of some
epochs counts, because other processes can only take time away; how busy the machine was stands beside it.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from benchmarks._asked import Parser, given_data, run
from benchmarks._machine import describe

CORES, WORKERS, REPEATS = 2, 2, 7
CHANGES = [{"name": "flip"}, {"name": "shift", "pixels": 4}, {"name": "normalize"}]


def make_pictures(folder: Path) -> Path:
    """Write 5,000 JPEG files of 64×64 that are as large as those of Tiny-ImageNet, some 2 kB."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for part, count in (("train", 2500), ("val", 10)):
        for name in ("one", "two"):
            (folder / part / name).mkdir(parents=True)
            for i in range(count):
                rough = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
                rough.resize((64, 64), Image.Resampling.BICUBIC).save(folder / part / name / f"{i}.jpg", quality=80)
    return folder


def epoch(loader, number: int) -> tuple[float, float]:
    """Return pictures a second, and pictures for each second of processor time."""
    n, began, began_cpu = 0, time.perf_counter(), time.process_time()
    for x, _ in loader.epoch(number):
        n += len(x)
    return n / (time.perf_counter() - began), n / (time.process_time() - began_cpu)


def show(what: str, runs: list[tuple[float, float]], wanted: int) -> None:
    best, core = max(rate for rate, _ in runs), max(rate for _, rate in runs)
    median = sorted(rate for rate, _ in runs)[len(runs) // 2]
    verdict = "ok" if best >= wanted else "NOT REACHED"
    print(
        f"{what:<32} {best:8,.0f}/s (median {median:,.0f}/s; {core:,.0f} for each second of one core)   "
        f"at least {wanted:,}/s   {verdict}",
        flush=True,
    )


def main() -> None:
    Parser("benchmarks.data", __doc__).parse_args()
    given = given_data("tiny-imagenet-10")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    print("\n".join(describe()), flush=True)
    from minidl import data

    with tempfile.TemporaryDirectory() as temporary:
        folder = given or make_pictures(Path(temporary))
        train = data.open_dataset(folder).train
        loaders = [
            data.Loader(
                train, 64, transforms=CHANGES, statistics="imagenet", shuffle=True, workers=WORKERS, cache_bytes=size
            )
            for size in (0, 1 << 30)
        ]
        files = [epoch(loaders[0], number) for number in range(REPEATS)]
        cached = [epoch(loaders[1], number) for number in range(1 + 5 * REPEATS)][1:]
    print(f"{len(train):,} pictures of {'Tiny-ImageNet' if given else 'noise'}, {WORKERS} threads, best of {REPEATS}\n")
    show("from JPEG files", files, 3000)
    show("from the cache", cached, 20000)
    if hasattr(os, "getloadavg"):
        print(f"load afterwards {os.getloadavg()[0]:.1f}; more than {CORES} means that other processes took part")


if __name__ == "__main__":
    run("benchmarks.data", main)
