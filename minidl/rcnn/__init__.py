"""R-CNN, regions with features of a convolutional network: stage by stage, a file for each.

    propose          where a thing might be                        proposals.safetensors
    finetune         the network learns windows (may be left out)  network.safetensors
    make_features    what the network makes of every window        features-train.safetensors, …
    train_svm        a linear machine for each class               svm.safetensors
    train_boxes      a regression for each class                   boxes.safetensors
    evaluate_rcnn    how good it is                                results.json
    write_report     the same as a page, with pictures             report.html
    Finder           all of them, for a picture

All files lie in one folder. Each says what it was made from, so that a stage refuses what is stale; a stage whose file
is there, made of the same, does nothing. The arithmetic is that of `minidl.detection`.

Source: Girshick et al., "Rich feature hierarchies for accurate object detection and semantic segmentation"
(arXiv:1311.2524), with its appendices A (windows), B (what is right and wrong) and C (regression).
"""

from minidl.rcnn._boxes import train_boxes
from minidl.rcnn._evaluate import Results, evaluate_rcnn
from minidl.rcnn._eye import Look
from minidl.rcnn._features import make_features
from minidl.rcnn._files import Folder
from minidl.rcnn._finder import Finder
from minidl.rcnn._finetune import finetune
from minidl.rcnn._propose import Proposed, propose
from minidl.rcnn._report import write_report
from minidl.rcnn._svm import Learnt, train_svm

__all__ = [
    "Finder",
    "Folder",
    "Learnt",
    "Look",
    "Proposed",
    "Results",
    "evaluate_rcnn",
    "finetune",
    "make_features",
    "propose",
    "train_boxes",
    "train_svm",
    "write_report",
]


def __dir__() -> list[str]:
    return [*__all__]
