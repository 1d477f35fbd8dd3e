"""One thing of every public class of pictures with boxes, and of what is found in them."""

from collections import Counter
from pathlib import Path

import numpy as np

from minidl import detection, models, nn, rcnn
from minidl.data import boxes
from minidl.rcnn import _files
from minidl.rcnn._answers import Judges
from minidl.rcnn._eye import Eye


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
    yield from of_rcnn(words, dataset, answers, found)


def of_rcnn(words, dataset, answers, truth):
    """Yield what the stages of R-CNN leave and make; none of them is run for it."""
    about = _files.About({"most": 200}, {"data": "0" * 16}, "f" * 16, {})
    proposed = rcnn.Proposed(about, dataset, {"train": [truth.boxes] * 3, "val": [truth.boxes] * 3})
    score = detection.evaluate([answers], [truth], words)
    judges = Judges(words, np.zeros((len(words), 9)), np.zeros(len(words)), None, 1.0)
    eye, finder = Eye.__new__(Eye), rcnn.Finder.__new__(rcnn.Finder)
    eye.model, eye.width, eye.size = "efficientnet_lite0", 1280, 224
    finder.eye, finder.classes, finder.judges = eye, words, judges
    yield from [rcnn.Folder("a/rather/long/path/" * 9), about, proposed, rcnn.Learnt(words[0], 8, 500, 3, 200, 0)]
    yield from [judges, rcnn.Results("val", proposed, about, judges, score, score, [answers], [truth]), eye, finder]
    yield rcnn.Look("alexnet", "a/rather/long/path/" * 9, 64, context=5, shape="square")
