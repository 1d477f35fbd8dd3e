"""The kinds of training: each brings its objective, its figures and its pictures to the one loop.

task               what every kind brings
descent            one step, for all that make one loss small
pictures           what those have in common that learn from a data set of pictures
organisation       stages that organise themselves, without a loss: the Neocognitron
classification     classes told apart: cross-entropy, accuracy
detection          things found in pictures: YOLO's loss, average precision
gan                adversaries: pictures made and found out
sequence           strings turned into others: cross-entropy of every next symbol, whole strings that are right
diffusion          noise told from pictures, to make pictures of noise

A kind needs a row in `settings.kinds.KINDS`, one here, and a network in `models._learners` that is trained for it.
"""

from importlib import import_module

from minidl._checks import nearest, shown
from minidl.training.tasks.pictures import PictureTask
from minidl.training.tasks.task import Task

__all__ = ["CLASSES", "PictureTask", "Task", "make_task"]

CLASSES = {  # file:class of each kind, loaded where it is used
    "classification": "classification:Classification",
    "detection": "detection:DetectionTask",
    "gan": "gan:Adversarial",
    "organisation": "organisation:Organisation",
    "sequence": "sequence:SequenceTask",
    "diffusion": "diffusion:Denoising",
}


def make_task(name: str) -> Task:
    """Return a kind of training by its name.

    Raises:
        ValueError: if there is no such kind; a newer minidl may have it.

    Example:
        >>> make_task("classification").kind.best
        'val_top1'
    """
    if name not in CLASSES:
        raise ValueError(f"train: there is no task {shown(name)}; did you mean {nearest(name, CLASSES)}?")
    file, _, kind = CLASSES[name].partition(":")
    task: Task = getattr(import_module(f"minidl.training.tasks.{file}"), kind)()
    return task


def __dir__() -> list[str]:
    return [*__all__]
