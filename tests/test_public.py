"""The public face: every name is there, and unknown ones are named."""

import pytest

import minidl


@pytest.mark.parametrize("name", minidl.__all__)
def test_every_name_is_there(name):
    assert getattr(minidl, name) is not None


def test_unknown_names_are_named():
    with pytest.raises(AttributeError, match=r"minidl has no attribute 'tensor_'; it has Event, Function"):
        minidl.tensor_  # noqa: B018


@pytest.mark.parametrize("name", ["xyz", ["a"]])
def test_a_name_without_a_likeness_gets_all_names(name):
    with pytest.raises(
        ValueError, match=r"get_model: there is no network .*; there are alexnet, alexnet_owt, bn_inception, cnn_deep, "
    ):
        minidl.models.get_model(name)
