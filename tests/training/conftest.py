"""A training so small that it takes a blink: the first digits, a network with dropout-like noise and a buffer."""

import pytest

from minidl import data


@pytest.fixture(scope="session")
def parts():
    """(training pictures, test pictures): 44 and 24 digits, so that the last batch of an epoch is a small one."""
    both = data.open_dataset("digits")
    train, test = (data.Pictures(part.x, part.labels, part.classes) for part in both)
    return train.take(slice(0, 44)), test.take(slice(0, 24))
