"""Of a picture that a resize would make enormous, only the part that is kept is resized."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from minidl.data import Loader, measure, open_dataset, statistics, transforms
from minidl.data.transforms import CenterCrop, Flip, RandomCrop, RandomResizedCrop, Resize, frame, pipeline, resize
from tests.data_sets.makers import train_and_val

SIZED = {
    "middle": [{"name": "resize", "size": 64}, {"name": "center_crop", "size": 64}],
    "bicubic": [{"name": "resize", "size": 64, "interpolation": "bicubic"}, {"name": "center_crop", "size": 48}],
    "random": [{"name": "resize", "size": 64}, {"name": "random_crop", "size": 56}],
    "middle, random": [
        {"name": "resize", "size": 64},
        {"name": "center_crop", "size": 60},
        {"name": "flip"},
        {"name": "random_crop", "size": 32},
    ],
    "mirrored": [{"name": "resize", "size": 64}, {"name": "flip"}, {"name": "random_crop", "size": 56}],
    "twice": [{"name": "resize", "size": 80}, {"name": "center_crop", "size": 70}] * 2,
    "in between": [
        {"name": "resize", "size": 64},
        {"name": "flip"},
        {"name": "random_resized_crop", "size": 32},
        {"name": "random_crop", "size": 28},
    ],
    "anywhere": [{"name": "random_resized_crop", "size": 64}],
    "late": [{"name": "brightness", "amount": 0.1}, {"name": "random_resized_crop", "size": 64}, {"name": "flip"}],
}
LONG = [(1, 30000), (30000, 1), (3, 20000), (500, 2)]


def far_apart(x, y):
    """Return the largest difference, in steps of 255."""
    step = 1 if x.dtype == np.uint8 else 1 / 255
    return np.abs(x.astype(float) - y).max(initial=0) / step


@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.sampled_from(["bilinear", "bicubic"]),
    st.integers(20, 70),
    st.sampled_from([np.uint8, np.float32]),
    st.lists(st.sampled_from(["middle", "random", "flip"]), min_size=1, max_size=4),
    st.booleans(),
    st.integers(0, 1 << 30),
)
def test_both_ways_give_the_same_picture(size, interpolation, side, dtype, kinds, again, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (2, 3, *size)).astype(np.uint8)
    x = x if dtype == np.uint8 else x.astype(np.float32) / 255
    cuts = {"middle": CenterCrop, "random": RandomCrop}
    steps = [Resize(side, interpolation)]
    for number, kind in enumerate(kinds):
        steps.append(Flip() if kind == "flip" else cuts[kind](side - 4 * number))
    if again:
        steps.append(RandomResizedCrop(16))
    rows = [step.draw(rng, len(x)) for step in steps]
    plain = x
    for step, row in zip(steps, rows):
        plain = step.apply(plain, row)
    other = np.stack(
        [frame._part(one, steps, [None if r is None else r[i : i + 1] for r in rows]) for i, one in enumerate(x)]
    )
    assert other.shape == plain.shape
    assert other.dtype == plain.dtype
    assert far_apart(other, plain) <= 1 + 1e-3


def test_the_part_of_a_long_picture_is_that_of_the_whole(rng):
    x = rng.integers(0, 256, (1, 3, 2, 700), dtype=np.uint8)
    steps, rows = [Resize(32), CenterCrop(32)], [None, None]
    assert not frame.is_roomy(x.shape[2:], steps)
    part = frame.frame(steps, x, rows)
    whole = CenterCrop(32).apply(resize(x, 32), None)
    assert far_apart(part, whole) <= 1
    assert part.std() > 20


@pytest.mark.parametrize("size", [(375, 500), (500, 375), (64, 64), (20, 60), (100, 1200), (3000, 4000), (8, 8)])
def test_ordinary_pictures_take_the_plain_way(size):
    for steps in (
        SIZED["middle"],
        SIZED["random"],
        [{"name": "resize", "size": 256}, {"name": "center_crop", "size": 224}],
    ):
        assert frame.is_roomy(size, transforms.build(steps).steps)


def long_pictures(folder, sizes):
    """Make a data set whose first training picture of each class has such a size, and return its training pictures."""
    train_and_val(folder, n=3)
    rng = np.random.default_rng(1)
    for name, size in zip(("cat", "dog"), sizes):
        pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(next(iter(sorted((folder / "train" / name).iterdir()))))
    return open_dataset(folder).train


@pytest.mark.parametrize("steps", SIZED.values(), ids=SIZED)
@pytest.mark.parametrize("size", LONG)
def test_memory_is_bounded_by_the_result(steps, size, tmp_path, monkeypatch):
    split, asked = long_pictures(tmp_path, [size, size]), []
    plain = Image.Image.resize

    def watched(self, target, *more, **settings):
        asked.append(target[0] * target[1])
        return plain(self, target, *more, **settings)

    monkeypatch.setattr(Image.Image, "resize", watched)
    tracemalloc.start()
    ((x, _),) = Loader(split, 6, transforms=steps, workers=0).epoch(0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert x.shape[:2] == (6, 3)
    assert max(asked) <= frame.ROOM * 70 * 70
    assert peak < 4e6 + 40 * x.nbytes  # the enlarged picture would have 0.1 to 0.4 GB


@pytest.mark.parametrize("steps", SIZED.values(), ids=SIZED)
@pytest.mark.parametrize("cache", [0, 1 << 30])
@pytest.mark.parametrize("workers", [0, 2])
def test_the_loader_gives_what_the_transforms_give(steps, cache, workers, tmp_path):
    split = long_pictures(tmp_path, [(2, 3000), (40, 60)])
    loader = Loader(split, 6, transforms=steps, workers=workers, cache_bytes=cache, seed=3)
    built = transforms.build(steps)
    for epoch in (0, 1):
        ((x, _),) = loader.epoch(epoch)
        wanted = built.apply([split.read(i) for i in range(6)], built.draw(3, epoch, 6))
        assert far_apart(x, wanted.astype(np.float32) / 255) <= 1 + 1e-3


def test_a_size_that_nothing_can_hold_is_refused_by_name(tmp_path):
    split = long_pictures(tmp_path, [(1, 30000), (8, 8)])
    with pytest.raises(
        ValueError,
        match=r"0.png: resize: a picture of 1×30000 would become 256×7680000 = 1,966,080,000 pixels, more than",
    ):
        list(Loader(split, 2, transforms=[{"name": "resize", "size": 256}]).epoch(0))


@pytest.mark.parametrize("steps", [SIZED["middle"], SIZED["random"]])
def test_too_little_memory_is_told_by_name(steps, tmp_path, monkeypatch):
    split = open_dataset(train_and_val(tmp_path, n=3)).train

    def greedy(*_):
        raise MemoryError

    monkeypatch.setattr(pipeline, "frame", greedy)
    with pytest.raises(MemoryError, match=r"\d.png: resize: there is not enough memory for a picture of 8×8"):
        list(Loader(split, 2, transforms=steps, workers=0).epoch(0))


def test_pictures_are_measured_in_pieces(tmp_path, monkeypatch):
    split = open_dataset(train_and_val(tmp_path, n=3)).train
    whole = measure(split)
    monkeypatch.setattr(statistics, "PIECE", 5)
    assert measure(split) == whole


def test_interpolation_is_judged():
    with pytest.raises(ValueError, match="resize: interpolation must be one of 'bilinear', 'bicubic'; received"):
        transforms.build([{"name": "resize", "size": 8, "interpolation": "lanczos"}])
