"""One thing of every public class of pictures with boxes, and of what is found in them."""

from collections import Counter
from pathlib import Path

import numpy as np

from minidl import detection, models, nn
from minidl.data import boxes


def things(words):
    """Yield the things; `words` are long names of classes."""
    found = boxes.Boxes(np.tile([0.0, 0.0, 3.0, 4.0], (500, 1)), np.zeros(500, int), crowd=np.ones(500))
    none = np.zeros(500, bool)
    record = boxes.Record(Path(words[0] * 9), words[0], (480, 640), found, np.zeros((2, 4)), none, none)
    split = boxes.Split((record,) * 3, words)
    dataset = boxes.BoxDataset("voc", "/a/rather/long/path/" * 9, words, {"train": split, "val": split}, words, words)
    specs = [
        {"name": name, **({"size": 9} if "size" in kind.__annotations__ else {})} for name, kind in boxes.STEPS.items()
    ]
    pipeline, frame = boxes.build(specs), boxes.Frame.of(480, 640)
    part = boxes.info.BoxPart((3,) * 200, ((1.0, 2.0),) * 200, (1, 2, 3), {}, 0, Counter({(480, 640): 3}), {})
    yield from [found, record, split, dataset, pipeline, *pipeline.steps, frame, part]
    yield boxes.BoxLoader(split, 2, transforms=pipeline, workers=0)
    yield boxes.BoxBatch(np.zeros((1, 3, 2, 2), "float32"), [found], [frame], np.zeros(1, int))
    yield boxes.BoxInfo("voc", "there", words, words, {"train": part})
    answers = detection.Detections(found.boxes, found.labels, np.ones(500))
    yield from [
        answers,
        detection.precision_recall([answers], [found], 0),
        detection.evaluate([answers], [found], words),
    ]
    with nn.init.unfilled():
        yield models.yolo_tiny()
