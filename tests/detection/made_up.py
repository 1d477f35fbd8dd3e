"""Made-up truth and answers: ties, boxes twice, classes without boxes, crowds, difficult boxes, empty pictures."""

import numpy as np

from minidl.detection import Boxes, Detections

CLASSES = 4  # of which the last never occurs


def some_boxes(rng, count):
    """Corners on whole and half pixels, so that overlaps are often the same, of three sizes."""
    size = rng.choice([16, 50, 130], (count, 1)) * rng.choice([0.5, 0.75, 1.0, 1.25], (count, 2))
    corner = np.round(rng.uniform(0, 100, (count, 2)) * 2) / 2
    return np.concatenate([corner, corner + size], axis=1)


def moved(rng, boxes):
    """Near the boxes, some of them exactly there."""
    shift = rng.choice([-8, -4, -1, 0, 0, 0, 1, 4, 8], (len(boxes), 4))
    found = boxes + shift
    found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
    return found


def made_up(rng):
    """One set: the answers and the truths of a few pictures."""
    found, truths = [], []
    for _ in range(rng.integers(1, 5)):
        n = int(rng.choice([0, 1, 3, 8]))
        boxes = some_boxes(rng, n)
        if n == 8:
            boxes[4:6] = boxes[:2]  # twice
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) * rng.choice([0.5, 1.0], n)
        labels = rng.integers(0, CLASSES - 1, n)
        truths.append(Boxes(boxes, labels, rng.random(n) < 0.2, rng.random(n) < 0.15, area))
        again = rng.integers(0, n, int(rng.choice([0, 4, 12]))) if n else np.zeros(0, int)
        answers = np.concatenate([moved(rng, boxes[again]), some_boxes(rng, int(rng.choice([0, 2])))])
        kinds = np.append(labels[again], np.zeros(len(answers) - len(again), int))
        other = rng.random(len(kinds)) < 0.2
        kinds[other] = rng.integers(0, CLASSES, other.sum())
        scores = np.round(rng.random(len(kinds)), 1 if rng.random() < 0.5 else 3)
        found.append(Detections(answers, kinds, scores))
    return found, truths
