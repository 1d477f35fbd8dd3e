"""`for x, y in loader` and plain arrays: what a hand types first, and what epoch and seed have to do with it."""

import numpy as np
import pytest

from minidl import Tensor, data, nn, optim, training
from minidl.data import Loader

X, Y = np.random.default_rng(0).random((37, 1, 8, 8)).astype("float32"), np.arange(37) % 3
CHANGES = [{"name": "flip"}, {"name": "shift", "pixels": 2}]


def arrays(batches):
    return [(np.array(x.data if isinstance(x, Tensor) else x), np.array(y.data)) for x, y in batches]


def equal(some, others):
    assert len(some) == len(others) > 0
    assert all(np.array_equal(a, b) for one, other in zip(some, others) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_each_for_is_the_next_epoch(workers):
    loader = Loader(X, Y, 8, shuffle=True, transforms=CHANGES, seed=5, workers=workers)
    fresh = Loader((X, Y), 8, shuffle=True, transforms=CHANGES, seed=5, workers=0)
    for number in range(3):
        assert loader.next_epoch == number
        equal(arrays(loader), [(x, y) for x, y in fresh.epoch(number)])
    assert fresh.next_epoch == 0  # asking by number counts nothing
    loader.next_epoch = 1  # as after a stop: the same epochs again
    equal(arrays(loader), [(x, y) for x, y in fresh.epoch(1)])


def test_a_for_that_is_left_was_an_epoch_too():
    loader = Loader(X, Y, 8, shuffle=True)
    for _ in loader:
        break
    equal(arrays(loader), [(x, y) for x, y in loader.epoch(1)])


def test_two_loops_at_once_are_two_epochs():
    loader = Loader(X, Y, 8, shuffle=True)
    pairs = list(zip(loader, loader))
    equal(arrays(one for one, _ in pairs), [(x, y) for x, y in loader.epoch(0)])
    equal(arrays(other for _, other in pairs), [(x, y) for x, y in loader.epoch(1)])


def test_pytorchs_five_lines_are_fit_and_go_on_after_a_stop():
    def loop(net, optimizer, loader, epochs):
        criterion = nn.CrossEntropyLoss()
        for _ in range(epochs):
            for x, y in loader:
                optimizer.zero_grad()
                loss = criterion(net(x), y)
                loss.backward()
                optimizer.step()

    def begun():
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3, rng=np.random.default_rng(1)))
        return net, optim.SGD(net.parameters(), lr=0.1, momentum=0.9), Loader(X, Y, 8, shuffle=True, seed=3)

    straight, optimizer, loader = begun()
    loop(straight, optimizer, loader, 4)
    net, optimizer, loader = begun()
    loop(net, optimizer, loader, 2)
    kept = net.state_dict(), optimizer.state_dict(), loader.next_epoch
    again, optimizer, loader = begun()
    again.load_state_dict(kept[0])
    optimizer.load_state_dict(kept[1])
    loader.next_epoch = kept[2]
    loop(again, optimizer, loader, 2)
    fitted, optimizer, loader = begun()
    training.fit(fitted, loader, (X, Y), epochs=4, optimizer=optimizer)
    for other in (again, fitted):
        for p, q in zip(straight.parameters(), other.parameters(), strict=True):
            np.testing.assert_array_equal(p.data, q.data)


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        (Y, "int64"),
        (Y.astype("uint8"), "int64"),
        (Y - 100, "int64"),
        (Y / 2, "float32"),
        (X, "float32"),
        (Y.reshape(37, 1) > 0, "int64"),
        (Tensor(Y), "int64"),
    ],
    ids=["classes", "bytes", "below 0", "numbers", "pictures", "flags", "a tensor"],
)
def test_targets_of_every_kind_stay_beside_their_rows(y, dtype):
    x = np.arange(37.0)[:, None] * [1, 2, 3]  # rows of any shape; float64 becomes float32
    plain = y.numpy() if isinstance(y, Tensor) else y
    for rows, targets in Loader(Tensor(x), y, batch_size=8, shuffle=True):
        assert (rows.dtype, targets.dtype) == (np.float32, np.dtype(dtype))
        np.testing.assert_array_equal(targets.data, plain[rows.data[:, 0].astype(int)].astype(dtype))


def test_fit_and_evaluate_take_pairs_of_arrays():
    parts = [data.Pictures(X[:24], Y[:24], tuple("abc")), data.Pictures(X[24:], Y[24:], tuple("abc"))]
    pairs = [(part.x, part.labels) for part in parts]

    def net():
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 3, rng=np.random.default_rng(1)))

    one, other = (training.fit(net(), *both, epochs=2, batch_size=8) for both in (parts, pairs))
    assert one.history == other.history
    assert training.evaluate(one.net, pairs[1]).top1 == training.evaluate(one.net, parts[1]).top1
    rows = [(pair[0].reshape(-1, 64), pair[1]) for pair in pairs]  # no pictures at all
    assert training.fit(nn.Linear(64, 3, rng=np.random.default_rng(1)), *rows, epochs=2, batch_size=8).history == (
        one.history
    )


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: Loader(X, Y), TypeError, "Loader: how many pictures has a batch? there is no default: batch_size=64"),
        (lambda: Loader(X, batch_size=4), TypeError, "Loader: y must be an array or a tensor; received None"),
        (
            lambda: Loader(X, Y[:3], 4),
            ValueError,
            r"Loader: x and y must have one row for each picture, len\(x\)",
        ),
        (lambda: Loader(X, np.array(["a"] * 37), 4), TypeError, "Loader: y must hold numbers; received dtype=<U1"),
        (
            lambda: Loader(data.open_dataset("digits"), 4),
            TypeError,
            "Loader: pictures must be one part of a data set; received a Dataset; pass its .train or its .val",
        ),
        (
            lambda: Loader((X, Y), Y, 4),
            TypeError,
            "Loader: a tuple has labels of its own; received a ndarray as well",
        ),
        (
            lambda: Loader(X, X, 4, transforms=[{"name": "mixup", "alpha": 0.2}]),
            ValueError,
            "Loader: mixup mixes classes; y must hold a class number for each picture",
        ),
        (
            lambda: next(Loader(X[:, 0], Y, 4, transforms=[{"name": "flip"}]).epoch(0)),
            ValueError,
            r"flip: x must have 4 axes \(N, C, H, W\), it has 3",
        ),
        (
            lambda: training.fit(nn.Linear(2, 2), (X, Y / 2), (X, Y)),
            ValueError,
            r"fit: y must hold a class for each picture, .* for other targets write the loop: for x, y in data.Loader",
        ),
        (lambda: type("Mine", (data.Dataset,), {}), TypeError, "Dataset: it is what open_dataset returns, and no base"),
    ],
)
def test_what_is_refused(call, kind, message):
    with pytest.raises(kind, match=message.replace("batch? there", r"batch\? there")):
        call()


def test_every_word_of_pytorchs_data_is_answered_in_one_line():
    from minidl._words.data import DATA

    for word, (fate, way) in DATA.items():
        if word in data.__all__:  # a name of minidl's own, which PyTorch has for something else
            continue
        with pytest.raises(AttributeError) as error:
            getattr(data, word)
        assert str(error.value) == f"data has no .{word}; {'use ' * (fate == 'answered')}{way}"
    with pytest.raises(AttributeError, match="data has no attribute 'nonsense'; it has Dataset, "):
        data.nonsense  # noqa: B018 - the attribute itself
