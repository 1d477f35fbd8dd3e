"""A history as a training leaves it, and counts as an examination gives them."""

import numpy as np
import pytest


@pytest.fixture
def history():
    """Five epochs; the third and the fourth are equally good, so the third is the best."""
    losses = [2.1, 1.2, 0.7, 0.5, 0.1]
    accuracies = [0.2, 0.6, 0.8, 0.8, 0.75]
    return [
        {
            "epoch": epoch,
            "step": 10 * epoch,
            "lr": 0.1 / epoch,
            "train_loss": loss,
            "train_top1": top1 - 0.05,
            "val_loss": loss + 0.3,
            "val_top1": top1,
            "val_top5": 0.5 + top1 / 2,
        }
        for epoch, (loss, top1) in enumerate(zip(losses, accuracies), 1)
    ]


@pytest.fixture
def draw_counts(rng):
    """Return a function that draws a confusion matrix for so many classes, 50 pictures each."""

    def draw(classes):
        shares = rng.dirichlet(np.full(classes, 0.3), classes) * 0.4 + 0.6 * np.eye(classes)
        return np.array([rng.multinomial(50, row / row.sum()) for row in shares])

    return draw
