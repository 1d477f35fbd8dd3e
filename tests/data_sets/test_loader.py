"""The loader gives the same batches with any number of threads and from any step, and leaves no thread behind."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from minidl import data
from minidl._random import addressed
from minidl.data import Loader
from tests.data_sets.makers import class_folders, noise, picture, train_and_val

CHANGES = [{"name": "flip"}, {"name": "shift", "pixels": 2}, {"name": "brightness", "amount": 0.4}]
WORKERS = (0, 1, 2, 5)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """60 pictures of 8×8 in files."""
    return data.open_dataset(class_folders(tmp_path_factory.mktemp("pets"), ("cat", "dog", "emu"), n=25)).train


@pytest.fixture(scope="module")
def various(tmp_path_factory):
    """24 pictures in files, every one of another size."""
    folder = tmp_path_factory.mktemp("various")
    for i in range(30):
        noise(folder / "ab"[i % 2] / f"{i}.png", seed=i, size=(9 + i, 40 - i))
    return data.open_dataset(folder).train


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def batches(loader, epoch=0, start_step=0):
    return list(loader.epoch(epoch, start_step))


def equal(some, others):
    assert len(some) == len(others)
    for (x, labels), (other, other_labels) in zip(some, others):
        np.testing.assert_array_equal(x, other)
        np.testing.assert_array_equal(labels, other_labels)


# What comes


def test_batches_of_files(files):
    loader = Loader(files, 16, workers=2)
    found = batches(loader)
    assert [x.shape for x, _ in found] == [(16, 3, 8, 8)] * 3 + [(12, 3, 8, 8)]
    assert len(loader) == 4
    x, labels = (np.concatenate(parts) for parts in zip(*found))
    assert (x.dtype, labels.dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(labels, files.labels)
    for i in range(60):
        np.testing.assert_array_equal(x[i], files.read(i).astype(np.float32) / 255)


def test_batches_of_an_array(rng):
    pictures = data.Pictures(rng.random((10, 1, 4, 4)).astype("float32"), np.arange(10) % 3, tuple("abc"))
    loader = Loader(pictures, 4, workers=2, drop_last=True)
    found = batches(loader)
    assert len(found) == len(loader) == 2
    np.testing.assert_array_equal(np.concatenate([x for x, _ in found]), pictures.x[:8])
    assert not any(np.shares_memory(x, pictures.x) for x, _ in found)
    assert loader.cache.bytes == 0  # they are in memory already
    exact = data.Pictures(rng.random((2, 1, 4, 4)), np.zeros(2, int), ("a", "b"))
    assert batches(Loader(exact, 2))[0][0].dtype == np.float32


def test_a_shuffled_epoch_has_every_picture_once(files):
    loader = Loader(files, 7, shuffle=True, seed=3)
    read = {files.read(i).tobytes() for i in range(60)}
    orders = []
    for epoch in range(3):
        x = np.concatenate([x for x, _ in batches(loader, epoch)])
        assert {(one * 255).round().astype(np.uint8).tobytes() for one in x} == read
        orders.append(x.tobytes())
    assert len(set(orders)) == 3
    other = Loader(files, 7, shuffle=True, seed=4)
    assert np.concatenate([x for x, _ in batches(other)]).tobytes() != orders[0]


def test_the_draws_are_those_that_are_promised(files):
    """Order by (seed, "shuffle", epoch); row i of (seed, name, epoch) for picture i: by hand."""
    loader = Loader(files, 8, transforms=[{"name": "flip"}, {"name": "shift", "pixels": 2}], shuffle=True, seed=9)
    order = addressed(9, "shuffle", 2).permutation(60)
    flips = addressed(9, "flip", 2).random(60) < 0.5
    steps = addressed(9, "shift", 2).integers(-2, 3, (60, 2))
    x, labels = batches(loader, epoch=2)[1]
    np.testing.assert_array_equal(labels, files.labels[order[8:16]])
    for one, i in zip(x, order[8:16]):
        pixels = files.read(i)
        pixels = pixels[:, :, ::-1] if flips[i] else pixels
        rows = (np.arange(8) - steps[i, 0]).clip(0, 7)
        columns = (np.arange(8) - steps[i, 1]).clip(0, 7)
        np.testing.assert_array_equal(one, pixels[:, rows][:, :, columns].astype(np.float32) / 255)


def test_training_pictures_come_as_the_digits_trainer_had_them():
    """The purposes are those of a plain loop over addressed draws, so such a loop can be replaced by a loader."""
    train, _ = data.open_dataset("digits")
    loader = Loader(train, 16, transforms=[{"name": "shift", "pixels": 2}], shuffle=True, seed=1)
    order = addressed(1, "shuffle", 5).permutation(len(train))
    moves = addressed(1, "shift", 5).integers(-2, 3, (len(train), 2))
    for step, (x, labels) in enumerate(loader.epoch(5)):
        chosen = order[step * 16 : step * 16 + 16]
        np.testing.assert_array_equal(x, data.shift(train.x[chosen], moves[chosen]))
        np.testing.assert_array_equal(labels, train.labels[chosen])


def test_normalize_with_statistics(files):
    statistics = data.measure(files)
    x = np.concatenate(
        [x for x, _ in batches(Loader(files, 60, transforms=[{"name": "normalize"}], statistics=statistics))]
    )
    np.testing.assert_allclose(x.mean(axis=(0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=(0, 2, 3)), 1, atol=1e-5)


def test_mixup_gives_probabilities(files):
    loader = Loader(files, 16, transforms=[{"name": "mixup", "alpha": 1.0}], shuffle=True, workers=2)
    plain = Loader(files, 16, shuffle=True)
    order, shares = addressed(0, "shuffle", 0).permutation(60), addressed(0, "mixup", 0).beta(1, 1, 60)
    for step, ((x, p), (before, labels)) in enumerate(zip(loader.epoch(0), plain.epoch(0))):
        assert (p.shape, p.dtype) == ((len(x), 3), np.float32)
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
        s = shares[order[step * 16 : step * 16 + 16]].astype(np.float32)[:, None, None, None]
        np.testing.assert_allclose(x, s * before + (1 - s) * np.roll(before, -1, axis=0), atol=1e-7)
        np.testing.assert_allclose(p[0, labels[0]], s[0] if labels[0] != labels[1] else 1, rtol=1e-5)


# The same


@pytest.mark.parametrize("workers", WORKERS)
def test_threads_change_nothing(workers, files):
    loader = Loader(files, 8, transforms=CHANGES, shuffle=True, seed=1, workers=workers)
    plain = Loader(files, 8, transforms=CHANGES, shuffle=True, seed=1, workers=0)
    for epoch in range(2):  # the second from the cache
        equal(batches(loader, epoch), batches(plain, epoch))
    assert len(loader.cache) == 60


@pytest.mark.parametrize("workers", WORKERS)
def test_an_epoch_may_begin_anywhere(workers, files):
    loader = Loader(files, 8, transforms=CHANGES, shuffle=True, seed=1, workers=workers)
    whole = batches(loader, epoch=3)
    for start in (0, 1, 5, 8):
        again = Loader(files, 8, transforms=CHANGES, shuffle=True, seed=1, workers=workers)
        equal(batches(again, epoch=3, start_step=start), whole[start:])


def test_what_happens_to_a_picture_does_not_depend_on_the_batch(files):
    some = Loader(files, 8, transforms=CHANGES, shuffle=True, seed=1)
    others = Loader(files, 13, transforms=CHANGES, shuffle=True, seed=1)
    for epoch in range(2):
        x, y = (np.concatenate([x for x, _ in batches(loader, epoch)]) for loader in (some, others))
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("cache_bytes", [0, 5000, 1 << 30])
def test_the_cache_changes_nothing(workers, cache_bytes, various):
    changes = [
        {"name": "resize", "size": 12},
        {"name": "center_crop", "size": 11},
        {"name": "random_resized_crop", "size": 6},
    ]
    loader = Loader(various, 5, transforms=changes, shuffle=True, workers=workers, cache_bytes=cache_bytes)
    plain = Loader(various, 5, transforms=changes, shuffle=True, workers=0, cache_bytes=0)
    for epoch in range(3):
        equal(batches(loader, epoch), batches(plain, epoch))
    assert loader.cache.bytes == {0: 0, 5000: 13 * 363}.get(cache_bytes, 24 * 363)  # 3·11·11 bytes each


def test_pictures_of_different_sizes_are_kept_as_they_are(various):
    loader = Loader(various, 5, transforms=[{"name": "random_resized_crop", "size": 6}], workers=2)
    first = batches(loader)
    assert len(loader.cache) == len(various)
    equal(batches(loader), first)


def test_arrays_are_resized_once(rng):
    pictures = data.Pictures(rng.integers(0, 256, (6, 1, 4, 4), dtype=np.uint8), np.arange(6) % 2, ("a", "b"))
    loader = Loader(pictures, 4, transforms=[{"name": "resize", "size": 8}, {"name": "flip"}], workers=2)
    plain = data.transforms.resize(pictures.x, 8)
    (x, _), _ = batches(loader)
    assert x.shape == (4, 1, 8, 8)
    flips = addressed(0, "flip", 0).random(6) < 0.5
    np.testing.assert_array_equal(x, data.transforms.flip(plain, flips)[:4].astype(np.float32) / 255)
    assert len(loader.cache) == 6


# Threads


def counted(monkeypatch, split, wait=0.0):
    """Count the pictures that are read."""
    count, read = [], type(split.source).read

    def slow(self, index):
        time.sleep(wait)
        count.append(index)
        return read(self, index)

    monkeypatch.setattr(type(split.source), "read", slow)
    return count


@pytest.mark.parametrize("workers, prefetch", [(1, 1), (2, 1), (2, 3)])
def test_threads_work_ahead_but_not_far(workers, prefetch, files, monkeypatch):
    count = counted(monkeypatch, files)
    epoch = Loader(files, 2, workers=workers, prefetch=prefetch).epoch(0)
    next(epoch)
    deadline = time.monotonic() + 5
    while len(count) < 2 * (workers * prefetch + 1) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert len(count) == 2 * (workers * prefetch + 1)
    epoch.close()


def test_without_threads_nothing_is_read_ahead(files, monkeypatch):
    count = counted(monkeypatch, files)
    epoch = Loader(files, 2, workers=0).epoch(0)
    next(epoch)
    assert count == [0, 1]


def test_a_loop_that_ends_early_leaves_no_thread(files):
    before = threading.active_count()
    for x, _ in Loader(files, 4, workers=3).epoch(0):
        assert len(x) == 4
        assert threading.active_count() > before
        break
    assert threading.active_count() == before


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_error_of_the_user_leaves_no_thread(error, files):
    before = threading.active_count()
    with pytest.raises(error):
        for _ in Loader(files, 4, workers=3).epoch(0):
            raise error
    assert threading.active_count() == before


def test_closing_stops_a_batch_under_way(files, monkeypatch, usual_signals):
    count = counted(monkeypatch, files, wait=0.05)
    epoch = Loader(files, 30, workers=2).epoch(0)
    threading.Timer(0.2, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        next(epoch)
    assert time.monotonic() - began < 1.2  # a batch takes 1.5 seconds
    assert len(count) < 30


def test_an_error_in_a_thread_comes_where_its_batch_would_have(files, monkeypatch):
    read = type(files.source).read

    def bad(self, index):
        if index == 9:
            raise ValueError("nine: broken")
        return read(self, index)

    monkeypatch.setattr(type(files.source), "read", bad)
    epoch = Loader(files, 4, workers=3).epoch(0)
    assert len([next(epoch), next(epoch)]) == 2
    with pytest.raises(ValueError, match="nine: broken; remove or replace the file, or skip it: on_error='skip'"):
        next(epoch)


def test_several_epochs_at_once(files):
    loader = Loader(files, 8, transforms=CHANGES, shuffle=True, workers=2)
    plain = [batches(Loader(files, 8, transforms=CHANGES, shuffle=True, workers=0), epoch) for epoch in (0, 1)]
    mixed = list(zip(loader.epoch(0), loader.epoch(1)))
    equal([first for first, _ in mixed], plain[0])
    equal([second for _, second in mixed], plain[1])


def test_waiting_is_measured(files, monkeypatch):
    counted(monkeypatch, files, wait=0.01)
    loader = Loader(files, 10, workers=0)
    next(loader.epoch(0))
    assert 0.1 <= loader.waited < 1


def test_ctrl_c_ends_the_process_at_once(tmp_path, usual_signals):
    class_folders(tmp_path / "pets", n=30)
    program = (
        "import sys, minidl\n"
        "from minidl import data\n"
        "loader = data.Loader(data.open_dataset(sys.argv[1]).train, 4, workers=3)\n"
        "epoch = 0\n"
        "while True:\n"
        "    for batch in loader.epoch(epoch):\n"
        "        print(epoch, flush=True)\n"
        "    epoch += 1\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "pets")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=os.getcwd())
    for _ in range(10):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert errors.strip().endswith("KeyboardInterrupt")


# What is refused


def test_numbers_are_judged(files):
    for settings, message in (
        ({"batch_size": 0}, "Loader: batch_size must be an int >= 1; received batch_size=0"),
        ({"workers": -1}, "Loader: workers must be an int >= 0; received workers=-1"),
        ({"prefetch": 0}, "Loader: prefetch must be an int >= 1"),
        ({"seed": -1}, "Loader: seed must be an int >= 0"),
        ({"cache_bytes": -1}, "Loader: cache_bytes must be an int >= 0"),
        ({"on_error": "ignore"}, "Loader: on_error must be one of 'raise', 'skip'; received on_error='ignore'"),
        ({"transforms": [{"name": "flop"}]}, "there is no 'flop'"),
        (
            {"batch_size": 61, "drop_last": True},
            "there is not one batch; received 60 pictures, batch_size=61, the last",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            Loader(files, **{"batch_size": 4} | settings)
    with pytest.raises(ValueError, match="Loader: there is not one batch; received 0 pictures, batch_size=4$"):
        Loader(files.take([]), 4)


def test_epochs_are_judged_when_they_are_asked_for(files):
    loader = Loader(files, 8)
    with pytest.raises(ValueError, match=r"Loader.epoch: number must be an int >= 0; received number=-1"):
        loader.epoch(-1)
    with pytest.raises(ValueError, match=r"Loader.epoch: start_step must be at most 8, .*; received start_step=9"):
        loader.epoch(0, 9)
    with pytest.raises(ValueError, match=r"Loader.epoch: start_step must be an int >= 0"):
        loader.epoch(0, -1)
    assert list(loader.epoch(0, 8)) == []


def test_pictures_of_different_sizes_cannot_be_a_batch(tmp_path):
    train_and_val(tmp_path, n=3)
    picture(tmp_path / "train" / "dog" / "9.png", size=(1, 1))
    split = data.open_dataset(tmp_path).train
    small = next(i for i in range(len(split)) if split.name(i).endswith("9.png"))
    split = split.take([0, small])
    with pytest.raises(ValueError, match=r"one size, but .*png is 8×8 and .*9.png is 1×1; put a resize in front of"):
        batches(Loader(split, 2))
    with pytest.raises(ValueError, match=r"9.png: random_crop: 4×4 pixels do not fit into a picture of 1×1; put a res"):
        batches(Loader(split, 2, transforms=[{"name": "random_crop", "size": 4}]))
    with pytest.raises(ValueError, match=r"9.png: center_crop: 4×4 pixels do not fit into a picture of 1×1; put a res"):
        batches(Loader(split, 2, transforms=[{"name": "center_crop", "size": 4}]))
    ((x, _),) = batches(Loader(split, 2, transforms=[{"name": "resize", "size": [8, 8]}]))
    assert x.shape == (2, 3, 8, 8)
