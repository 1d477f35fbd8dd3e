"""The 1,797 handwritten digits that come with scikit-learn: 13 people wrote them; 8×8 pixels from 0 to 16.

Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository (1998),
doi:10.24432/C50P49; scikit-learn has its test part.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from minidl.data._class_selection import ClassesLike
from minidl.data.formats._named import named
from minidl.data.pictures import Pictures
from minidl.data.split import Dataset, draw_share
from minidl.data.transforms import interpolate

NAME = "digits"
TEST_SHARE = 0.2
SPLIT_SEED = 0  # not the seed of a training: all trainings are evaluated on the same pictures


def recognise(folder: Path) -> bool:
    """Tell that no folder is this data set: it comes by its name."""
    return False


def read(where: Path, classes: ClassesLike, seed: int, share: float | None) -> Dataset:
    """Load the digits.

    Args:
        where: not used, nor are `seed` and `share`: the test pictures are always the same.
        classes: which classes, see `open_dataset`.
        seed: see above.
        share: see above.

    Raises:
        ModuleNotFoundError: if scikit-learn, which holds the data, is not installed.
    """
    return named(NAME, *digits(), classes)


def digits() -> tuple[Pictures, Pictures]:
    """Load the digits as LeNet-5 wants them: 1,438 training and 359 test pictures of 1×32×32.

    Linear interpolation takes 8×8 to 28×28, and a border of two background pixels to 32×32, as the paper of LeNet-5
    centres its 28×28 digits, so that the ends of the strokes get into the middle of a kernel (section II.B). Then all
    pictures are shifted and scaled so that those of training have mean 0 and variance 1. One fifth of every class,
    drawn with a fixed seed, is for the test; every writer is in both parts.

    Returns:
        (training pictures, test pictures).

    Raises:
        ModuleNotFoundError: if scikit-learn, which holds the data, is not installed.

    Example:
        >>> train, test = digits()
        >>> train.x.shape, test.x.shape
        ((1438, 1, 32, 32), (359, 1, 32, 32))
    """
    table = _read_table()
    labels = table[:, 64].astype(np.int64)
    x = interpolate(table[:, :64].reshape(-1, 1, 8, 8), 28)  # (N, 1, 28, 28)
    x = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)))  # (N, 1, 32, 32)
    test = draw_share(labels, TEST_SHARE, SPLIT_SEED)
    mean, deviation = x[~test].mean(), x[~test].std()
    x = ((x - mean) / deviation).astype(np.float32)
    names = tuple("0123456789")
    return Pictures(x[~test], labels[~test], names), Pictures(x[test], labels[test], names)


def _read_table() -> np.ndarray:
    """Return 64 pixels from 0 to 16 and the label of each digit: (1797, 65).

    The file is looked up in the package without importing it, which takes two seconds; where a version keeps it
    elsewhere, the package is asked.
    """
    spec = importlib.util.find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "digits: they come with scikit-learn, which is not installed; install it with: pip install 'minidl[demo]'",
            name="sklearn",
        )
    file = Path(spec.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    if file.is_file():
        return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    found = load_digits()
    return np.column_stack([found.data, found.target])
