"""Beginning with weights that were learnt elsewhere, and freezing all but the head."""

from dataclasses import replace

import numpy as np
import pytest

import minidl
from minidl import models, training, weights
from minidl.data import Pictures, Split
from minidl.training.settings.pretrained import Origin, origin_of
from minidl.training.settings.resolve import resolve
from minidl.training.transfer import freeze_body, last_layer, passing_on
from minidl.weights import demo_path
from tests.models.narrow import NARROW, narrow
from tests.training import tiny

# Something stands behind them, or beside.
OTHER_HEADS = {
    *("lenet5", "nin_cifar", "squeezenet1_0", "squeezenet1_1"),
    *("googlenet", "googlenet_bn", "inception_v3"),
}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def learnt(tmp_path):
    """A network of seven classes for grey pictures, with batch norm, as a file."""
    net = models.get_model("resnet20_cifar", num_classes=7, in_channels=1)
    path = tmp_path / "seven.safetensors"
    weights.save(path, net.state_dict())
    return path


@pytest.fixture
def config(learnt):
    return training.Config(model="resnet20_cifar", weights=str(learnt), freeze=True, epochs=1, batch_size=16)


def test_only_the_head_learns_and_batch_norm_keeps_its_statistics(config, learnt, parts):
    outcome = training.train(config, parts=parts)
    before, after = weights.load(learnt), outcome.state.net.state_dict()
    assert {name for name in after if not np.array_equal(before[name], after[name])} == {"fc.weight", "fc.bias"}
    assert (outcome.state.net.load_report.missing, after["fc.weight"].shape) == (["fc.weight", "fc.bias"], (10, 64))


def test_without_freeze_everything_learns(config, learnt, parts):
    state = training.train(replace(config, freeze=False), parts=parts).state
    before, after = weights.load(learnt), state.net.state_dict()
    assert not any(np.array_equal(before[name], array) for name, array in after.items())


def test_a_frozen_run_goes_on_to_the_bit_without_the_file(config, learnt, parts):
    straight = training.train(replace(config, epochs=2), parts=parts)
    halfway = training.train(config, parts=parts)
    learnt.unlink()
    gone_on = training.resume(halfway.run.path, epochs=2, parts=parts)
    assert gone_on.run.last.read_bytes() == straight.run.last.read_bytes()


def test_a_checkpoint_serves_as_a_file_of_weights(parts):
    first = training.train(training.Config(epochs=1), parts=parts)
    second = training.train(training.Config(epochs=1, weights=str(first.run.last)), parts=parts)
    assert second.state.net.load_report.missing == []


def test_freeze_needs_weights():
    with pytest.raises(
        ValueError, match="train: freeze keeps what was learnt elsewhere; it needs weights=FILE, or demo"
    ):
        training.Config(freeze=True)


def test_a_network_without_a_head_has_nothing_left_to_learn():
    with pytest.raises(ValueError, match="train: lenet5 has no head of its own to learn; leave freeze out"):
        freeze_body(models.get_model("lenet5"), "lenet5")  # it answers with distances to fixed bitmaps


# ------------------------------------------------------------------ what foreign weights have learnt to see


def test_the_weights_of_the_extra_have_a_name():
    net, same = (models.get_model("efficientnet_lite0", weights=it) for it in ("demo", demo_path("efficientnet_lite0")))
    assert all(np.array_equal(x, same.state_dict()[name]) for name, x in list(net.state_dict().items())[:9])
    with pytest.raises(ValueError, match=r"no demo weights for 'resnet18'; there are weights for efficientnet_lite0"):
        models.get_model("resnet18", weights="demo")


def test_colours_and_size_are_those_of_the_weights(config, learnt, parts, tmp_path):
    lite0 = origin_of("efficientnet_lite0", "demo")
    assert (lite0.name, lite0.side, lite0.colours["mean"], lite0.note) == ("ImageNet", 224, [127 / 255] * 3, "")
    unknown = origin_of("resnet20_cifar", learnt)
    assert (unknown.colours, unknown.side) == ({}, None)
    assert str(unknown) == f"{learnt} does not say what its pictures were; the colours of these are measured"
    taken = origin_of("resnet18", learnt)
    assert (taken.side, taken.colours["mean"]) == (224, [0.485, 0.456, 0.406])
    assert str(taken).endswith("; they are taken as ImageNet's")
    normal = {"name": "normalize", "mean": [0.25], "std": [0.5]}
    run = training.train(replace(config, freeze=False, test_transforms=[normal]), parts=parts).run
    own = origin_of("resnet20_cifar", run.last)
    assert (own.name, own.colours, own.side) == ("digits", {"mean": [0.25], "std": [0.5]}, 32)


def test_weights_that_there_are_not_are_refused_before_a_word_is_said_of_them():
    said = []
    config = training.make_config("resnet18", data="pets", weights="demo", freeze=True)
    with pytest.raises(ValueError, match="no demo weights for 'resnet18'; there are weights for efficientnet_lite0"):
        resolve(config, pictures_of(64), say=said.append)
    assert said == []


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Settings for a network so small that it learns in a blink, with weights of its own."""
    tiny.register(monkeypatch.setitem)
    monkeypatch.setattr("minidl.training.runs._draw", lambda *_: None)
    weights.save(tmp_path / "tiny.safetensors", models.get_model("tiny", in_channels=1).state_dict())
    settings = {"epochs": 1, "batch_size": 16, "transforms": [], "test_transforms": []}
    return training.Config(model="tiny", weights=str(tmp_path / "tiny.safetensors"), freeze=True, **settings)


def test_what_a_run_says_of_its_weights_is_read_without_its_network(small, monkeypatch):
    run = training.train(small, parts=tiny.parts()).run
    monkeypatch.setattr(models, "get_model", None)
    assert origin_of("tiny", run.last).side == 8


def test_features_are_made_of_every_picture_once_and_told(small, monkeypatch):
    seen, counts, forward = [], [], tiny.Tiny.forward

    class Told(training.Callback):
        def on_features(self, done, total):
            counts.append((done, total))

    def counted(net, x):
        seen.append(len(x.data))
        return forward(net, x)

    monkeypatch.setattr(
        "minidl.training.tasks.classification.compile_ahead", lambda *_: seen.append("the dry run is done")
    )
    monkeypatch.setattr(tiny.Tiny, "forward", counted)
    assert training.train(small, parts=tiny.parts(), callbacks=[Told()]).state.head is not None
    batches = [16, 16, 5, 9]  # of 37 and 9 pictures
    assert counts == [(done, len(batches)) for done in range(1, len(batches) + 1)]
    after = seen[seen.index("the dry run is done") + 1 :]
    assert after == [1, *batches]  # one is tried, to find the head and how large features are


def test_numbers_that_were_given_stay():
    origin = Origin("here", {"mean": [0.5], "std": [0.25]}, 64)
    steps = [{"name": "flip"}, {"name": "normalize"}, {"name": "normalize", "mean": [0.1]}]
    assert origin.with_colours(steps) == [
        {"name": "flip"},
        {"name": "normalize", "mean": [0.5], "std": [0.25]},
        {"name": "normalize", "mean": [0.1], "std": [0.25]},
    ]


def pictures_of(side, n=4):
    rng = np.random.default_rng(side)
    x = rng.integers(0, 256, (n, 3, side, side), dtype=np.uint8)
    return Split.of(Pictures(x, np.arange(n) % 2, ("cat", "dog")))


@pytest.mark.parametrize(("side", "expected"), [(32, 128), (64, 128), (100, 200), (224, None), (300, 224)])
def test_pictures_are_brought_to_a_size_that_makes_sense(side, expected):
    said = []
    asked = training.make_config("efficientnet_lite0", data="pets", weights="demo", freeze=True)
    found = resolve(asked, pictures_of(side), say=said.append)
    assert (asked.recipe, asked.lr, found.picture_size) == ("head", 0.005, expected)
    normal = {"name": "normalize", "mean": [127 / 255] * 3, "std": [128 / 255] * 3}
    resized = [{"name": "resize", "size": expected, "interpolation": "bicubic"}]
    cut = [{"name": "center_crop", "size": expected}]
    assert found.transforms == found.test_transforms == [*(resized + cut) * (expected is not None), normal]
    assert said[0].startswith("weights: learnt on ImageNet of 224×224; colours by mean 0.498")
    assert len(said) == 1 + (expected is not None)


# ------------------------------------------------------------------ frozen layers, once


@pytest.mark.parametrize("name", NARROW)
def test_the_head_of_every_network_gets_what_the_others_make(name, rng):
    net = narrow(name, rng).eval()
    x = rng.standard_normal((2, net.in_channels, net.smallest, net.smallest))
    found = last_layer(net, name, x[:1])
    with minidl.no_grad():
        whole = net(minidl.Tensor(x)).data
        if found is None:
            assert name in OTHER_HEADS
            return
        head, one = found
        with passing_on(head):
            made = net(minidl.Tensor(x))
        assert (made.shape, one.shape) == ((2, *one.shape[1:]), (1, *made.shape[1:]))
        assert np.array_equal(head(made).data, whole)
    assert np.array_equal(net(minidl.Tensor(x)).data, whole)  # nothing is left behind
    assert name not in OTHER_HEADS


def test_an_epoch_on_what_was_made_once_is_the_epoch_on_pictures(config, parts, monkeypatch):
    normal = [{"name": "normalize", "mean": [0.1], "std": [0.5]}]  # draws nothing: as in the recipe `head`
    config = replace(config, epochs=3, transforms=normal, test_transforms=normal)
    short = training.train(config, parts=parts)
    assert short.state.head is short.state.net.fc
    monkeypatch.setattr("minidl.training.tasks.classification.cached_features", lambda *_, **__: None)
    long = training.train(config, parts=parts)
    assert long.state.head is None
    for name, x in long.state.net.state_dict().items():
        assert np.allclose(short.state.net.state_dict()[name], x, rtol=1e-5, atol=1e-6), name
    for a, b in zip(short.state.history, long.state.history, strict=True):
        assert a == pytest.approx(b, rel=1e-4)
    assert training.evaluate_run(short.run.path, val=parts[1])[0].top1 == short.state.history[-1]["val_top1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"freeze": False},
        {"transforms": [{"name": "flip"}]},
        {"transforms": [], "mixup": 0.2},
        {"transforms": [], "cache_bytes": 1000},
    ],
    ids=["nothing is frozen", "flips", "mixup", "no room"],
)
def test_pictures_go_through_everything_where_they_must(config, parts, changes):
    outcome = training.train(replace(config, **changes), parts=parts)
    assert outcome.state.head is None
    assert outcome.finished
