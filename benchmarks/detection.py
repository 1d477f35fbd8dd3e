"""How long suppression of many boxes takes: `python -m benchmarks.detection`."""

from __future__ import annotations

import time

import numpy as np

from minidl.detection import nms

BOXES, ROUNDS = 10_000, 9


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


def main() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(BOXES)
    for name, boxes in kinds(rng).items():
        for array in (boxes, boxes.astype("float32")):
            kept, times = nms(array, scores), []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                nms(array, scores)
                times.append(time.perf_counter() - began)
            middle = 1000 * sorted(times)[ROUNDS // 2]
            print(f"{BOXES:,} boxes {name:18} {array.dtype!s:8} {len(kept):6,} stay   {middle:6.1f} ms")


if __name__ == "__main__":
    main()
