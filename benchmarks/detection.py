"""Suppression of many boxes, and pictures with boxes a second: `python -m benchmarks.detection`."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks._asked import Parser, run
from minidl.data.boxes import BoxLoader, open_boxes
from minidl.detection import nms

BOXES, ROUNDS, PICTURES, EPOCHS = 10_000, 9, 320, 9


def kinds(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Boxes of several kinds: (N, 4) of x1, y1, x2, y2."""
    centre = rng.uniform(0, 640, (BOXES, 2))
    things = rng.uniform(0, 640, (100, 2))[rng.integers(0, 100, BOXES)] + rng.normal(0, 4, (BOXES, 2))
    sizes = {
        "small, anywhere": (centre, 5, 15),
        "of all sizes": (centre, 5, 200),
        "around 100 things": (things, 60, 90),
    }
    found = {}
    for name, (middle, least, most) in sizes.items():
        half = rng.uniform(least, most, (BOXES, 2)) / 2
        found[name] = np.concatenate([middle - half, middle + half], axis=1)
    return found


def make_pictures(folder: Path, rng: np.random.Generator) -> Path:
    """Write pictures of 640×480 with ten boxes each, as noisy as photographs are: some 90 kB of JPEG."""
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for number in range(PICTURES):
        rough = Image.fromarray(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)).resize((640, 480))
        rough.save(folder / "images" / f"{number}.jpg", quality=90)
        boxes = np.concatenate([rng.uniform(0.2, 0.8, (10, 2)), rng.uniform(0.05, 0.3, (10, 2))], axis=1)
        lines = [f"0 {' '.join(map(str, box))}\n" for box in boxes.tolist()]
        (folder / "labels" / f"{number}.txt").write_text("".join(lines))
    (folder / "classes.txt").write_text("thing\n")
    return folder


def reading(rng: np.random.Generator) -> None:
    with tempfile.TemporaryDirectory() as folder:
        split = open_boxes(make_pictures(Path(folder), rng), val_share=0.01).train
        steps = [{"name": "jitter"}, {"name": "resize", "size": 448}, {"name": "flip"}, {"name": "hsv"}]
        loader = BoxLoader(split, 16, transforms=steps, shuffle=True, workers=2)
        list(loader.epoch(0))  # which loads the kernel
        rates, costs = [], []
        for epoch in range(1, 1 + EPOCHS):
            began, used = time.perf_counter(), time.process_time()
            n = sum(len(batch.x) for batch in loader.epoch(epoch))
            rates.append(n / (time.perf_counter() - began))
            costs.append(1000 * (time.process_time() - used) / n)
    print(
        f"read and augmented, two threads: {statistics.median(rates):.0f} pictures/s (wanted: 300; {min(rates):.0f} to "
        f"{max(rates):.0f} in {EPOCHS} epochs), {statistics.median(costs):.1f} ms of CPU each"
    )


def main() -> None:
    parser = Parser("benchmarks.detection", __doc__)
    parser.add_argument("--only", choices=("suppression", "reading"))
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    if asked.only != "reading":
        suppression(rng)
    if asked.only != "suppression":
        reading(rng)


def suppression(rng: np.random.Generator) -> None:
    scores = rng.random(BOXES)
    for name, boxes in kinds(rng).items():
        for array in (boxes, boxes.astype("float32")):
            kept, times = nms(array, scores), []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                nms(array, scores)
                times.append(time.perf_counter() - began)
            middle = 1000 * sorted(times)[ROUNDS // 2]
            print(f"{BOXES:,} boxes {name:18} {array.dtype!s:8} {len(kept):6,} stay   {middle:6.1f} ms (wanted: 20)")


if __name__ == "__main__":
    run("benchmarks.detection", main)
