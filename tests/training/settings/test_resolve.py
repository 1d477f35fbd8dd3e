"""Settings are put together from a recipe or a file and what the user says; what is open is measured once."""

import json

import numpy as np
import pytest

from minidl import data, training
from minidl.models._learners import LEARNERS
from minidl.training.settings.recipe import list_recipes, load_recipe
from minidl.training.settings.resolve import parse_setting, resolve
from tests.data_sets.makers import noise, train_and_val
from tests.training import tiny


@pytest.fixture
def pets(tmp_path):
    return train_and_val(tmp_path / "pets")  # 2 classes, 8 and 4 pictures of 8×8


def resolved(folder, model="resnet20_cifar", **settings):
    config = training.make_config(model, data=str(folder), **settings)
    return resolve(config, data.open_dataset(folder).train)


def test_the_digits_need_no_recipe():
    assert training.make_config() == training.Config()
    assert training.make_config("lenet5", lr=0.5).recipe is None


@pytest.mark.parametrize(
    ("name", "model"),
    [*((name, "resnet18") for name in list_recipes() if name != "own"), *(("own", n) for n in LEARNERS)],
)
def test_every_recipe_makes_a_config_and_survives_the_way_through_json(name, model):
    config = training.make_config(model, recipe=name)
    assert config.recipe == name
    settings = load_recipe(name, model)
    assert config.options.items() >= settings.pop("options", {}).items()  # the others are those of its task
    for key, value in settings.items():
        assert getattr(config, key) == (tuple(value) if key == "betas" else value)
    assert training.Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_what_is_given_comes_last(pets):
    config = training.make_config("vgg11", data=str(pets), batch_size=7, **{"schedule.pct_start": 0.1})
    assert (config.recipe, config.lr, config.batch_size) == ("fast", load_recipe("fast", "vgg11")["lr"], 7)
    assert config.schedule == {"name": "one_cycle", "pct_start": 0.1}


def test_mistakes_are_named(pets, tmp_path):
    folder = str(pets)
    with pytest.raises(ValueError, match=r"train: which network\? give its name: minidl train resnet18 --data DIR"):
        training.make_config(data=folder)
    with pytest.raises(ValueError, match=r"there is no setting 'epoch'; did you mean epochs"):
        training.make_config("resnet18", data=folder, epoch=3)
    with pytest.raises(ValueError, match=r"there is no setting 'shedule'; did you mean schedule"):
        training.make_config("resnet18", data=folder, **{"shedule.power": 3})
    with pytest.raises(ValueError, match=r"train: lr is no table; received lr.top=3"):
        training.make_config("resnet18", data=folder, **{"lr.top": 3})
    with pytest.raises(ValueError, match=r"schedule: one_cycle has no setting 'power'; did you mean"):
        training.make_config("resnet18", data=folder, **{"schedule.power": 3})
    with pytest.raises(ValueError, match=r"train: either a recipe or a config"):
        training.make_config("resnet18", recipe="fast", config="config.json")
    with pytest.raises(FileNotFoundError, match=r"nix\.json"):
        training.make_config(config=tmp_path / "nix.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ValueError, match=r"train: .*bad\.json is no config.json: Expecting property name"):
        training.make_config(config=tmp_path / "bad.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(ValueError, match=r"train: .*list\.json is no config.json: it holds no table"):
        training.make_config(config=tmp_path / "list.json")
    (tmp_path / "other.json").write_text('{"speed": 3}')
    with pytest.raises(ValueError, match=r"train: there is no setting 'speed'; did you mean .* \(in .*other\.json\)"):
        training.make_config(config=tmp_path / "other.json")


def test_what_is_open_is_measured_and_stays(pets):
    config = resolved(pets)
    statistics = data.measure(data.open_dataset(pets).train)
    assert [step["name"] for step in config.transforms] == ["shift", "flip", "normalize"]
    for steps in (config.transforms, config.test_transforms):
        assert (steps[-1]["mean"], steps[-1]["std"]) == (list(statistics.mean), list(statistics.std))
    assert config.workers >= 1
    assert config.threads >= 1
    assert resolve(config, data.open_dataset(pets).train) == config


@pytest.mark.parametrize(
    "model, size, asked, side",
    [
        ("resnet20_cifar", (40, 40), None, None),  # one size that fits stays
        ("resnet20_cifar", (40, 50), None, None),
        ("resnet20_cifar", (40, 40), 32, 32),
        ("cnn_deep", (64, 64), None, 39),  # the largest that the network takes
        ("cnn_deep", (20, 24), None, 32),  # the smallest
    ],
)
def test_pictures_are_brought_to_a_size_if_they_must(tmp_path, model, size, asked, side):
    for name in ("cat", "dog"):
        for i in range(3):
            noise(tmp_path / "pets" / name / f"{i}.png", seed=i, size=size)
    config = resolved(tmp_path / "pets", model, picture_size=asked)
    names = [step["name"] for step in config.transforms]
    assert config.picture_size == side
    assert (names[:2] == ["resize", "center_crop"]) == (side is not None)
    x, _ = next(training.batches.training_batches(data.open_dataset(tmp_path / "pets").train, config).epoch(0))
    assert x.shape[2:] == (size if side is None else (side, side))


def test_pictures_of_many_sizes_become_squares(pets):
    noise(pets / "train" / "cat" / "wide.png", size=(30, 90))
    assert resolved(pets).picture_size == 64
    own = [{"name": "random_resized_crop", "size": 40}, {"name": "normalize"}]
    test = [{"name": "resize", "size": 48}, {"name": "center_crop", "size": 40}, {"name": "normalize"}]
    config = resolved(pets, transforms=own, test_transforms=test)
    assert config.picture_size is None
    assert [step["name"] for step in config.transforms] == ["random_resized_crop", "normalize"]
    open_size = [{"name": "random_resized_crop"}, {"name": "normalize"}]
    assert resolved(pets, transforms=open_size, picture_size=48).transforms[0]["size"] == 48


def test_broken_pictures_are_left_out_of_the_measurement_if_asked(pets):
    (pets / "train" / "cat" / "0.png").write_bytes(b"no picture at all")
    with pytest.raises(ValueError, match=r"cat/0\.png: not a picture"):
        resolved(pets)
    assert np.isfinite(resolved(pets, on_error="skip").transforms[-1]["mean"]).all()


@pytest.mark.parametrize(
    "text, value",
    [
        ("lr=0.1", 0.1),
        ("epochs = 3", 3),
        ("nesterov=false", False),
        ("classes=cat,dog", "cat,dog"),
        ("clip_norm=None", None),
        ('transforms=[{name="flip"}]', [{"name": "flip"}]),
        ("data=a=b", "a=b"),
    ],
)
def test_settings_are_read(text, value):
    assert parse_setting(text)[1] == value


@pytest.mark.parametrize("text", ["lr", "=3", "lr=", "betas=[0.9", "schedule={name=}"])
def test_settings_that_cannot_be_read(text):
    with pytest.raises(ValueError, match=r"^train: .*TOML|^train: a setting is written name=value, such as clip_norm"):
        parse_setting(text)


def test_a_config_repeats_a_run(tmp_path, monkeypatch):
    tiny.register(monkeypatch.setitem)
    config = training.Config(**tiny.SETTINGS, epochs=2)
    first = training.train(config, out=tmp_path / "first", parts=tiny.parts()).run
    again = training.make_config(config=first.config)
    second = training.train(again, out=tmp_path / "second", parts=tiny.parts()).run
    for name in ("last.safetensors", "best.safetensors", "config.json"):
        assert (first.path / name).read_bytes() == (second.path / name).read_bytes()
    assert training.make_config(config=first.config, seed=5).seed == 5


def test_a_config_with_a_byte_order_mark(tmp_path):
    (tmp_path / "config.json").write_text('{"epochs": 3}', encoding="utf-8-sig")
    assert training.make_config(config=tmp_path / "config.json").epochs == 3
