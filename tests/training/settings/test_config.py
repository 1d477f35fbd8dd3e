"""Settings are judged when they are given."""

import pytest

from minidl.training import Config


def test_settings_survive_the_way_through_a_file():
    config = Config(epochs=3, lr=0.5, seed=7)
    assert Config.from_dict(config.to_dict()) == config


@pytest.mark.parametrize("name", ["epochs", "batch_size", "accumulate", "threads", "picture_size"])
@pytest.mark.parametrize("value", [0, -3, 1.5, "4", True])
def test_counts_are_whole_and_positive(name, value):
    with pytest.raises(ValueError, match=rf"^train: {name} must be an int >= 1; received {name}="):
        Config(**{name: value})


@pytest.mark.parametrize("name", ["seed", "workers", "cache_bytes"])
def test_what_may_be_zero(name):
    Config(**{name: 0})
    with pytest.raises(ValueError, match=rf"^train: {name} must be an int >= 0; received {name}=-1"):
        Config(**{name: -1})


@pytest.mark.parametrize("value", [0.0, -0.1, float("nan"), float("inf"), "0.1", True])
@pytest.mark.parametrize("name", ["lr", "clip_norm"])
def test_rates_are_positive_and_finite(name, value):
    with pytest.raises(ValueError, match=rf"^train: {name} must be a finite number > 0; received {name}="):
        Config(**{name: value})


@pytest.mark.parametrize("name", ["momentum", "weight_decay", "aux_weight", "mixup", "eps"])
def test_shares_are_finite_and_not_negative(name):
    Config(**{name: 0})
    with pytest.raises(ValueError, match=rf"^train: {name} must be a finite number >= 0; received {name}=-0.1"):
        Config(**{name: -0.1})


def test_an_unknown_device_and_an_unknown_setting_are_named():
    with pytest.raises(ValueError, match="train: device must be one of 'cpu', 'cuda'; received device='tpu'"):
        Config(device="tpu")
    with pytest.raises(ValueError, match=r"train: there is no setting 'epoch'; did you mean epochs"):
        Config.from_dict({"epoch": 3})
