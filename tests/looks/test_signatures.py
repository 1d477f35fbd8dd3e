"""What `help` shows of a function: the arguments that it really takes."""

import inspect

import pytest

from minidl import kernels, models, nn
from minidl.kernels import textbook
from minidl.models._family import Settings
from tests.looks import samples

ALL = tuple(Settings.__annotations__)
FREE = {  # what takes any number of arguments, or those of somebody else: of `Config`, of the sizes of a shape …
    *("depth", "reshape", "transpose", "fit", "load_checkpoint", "make_config", "OneCycleLR"),
    *("Sequential", "Optimizer", "Module.forward", "Function.forward"),
    *("generate", "denoiser", "Averaged.forward"),  # of the network that makes the pictures
}


def callables():
    """Yield all public functions and classes, and what the classes define themselves."""
    for module in samples.packages().values():
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isroutine(thing) or inspect.isclass(thing):
                yield name, thing
            if inspect.isclass(thing) and thing.__module__.startswith("minidl"):
                yield from ((f"{name}.{key}", it) for key, it in vars(thing).items() if inspect.isfunction(it))


def takes_anything(function):
    kinds = {one.kind for one in inspect.signature(function).parameters.values()}
    return bool(kinds & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD})


def test_functions_name_their_arguments():
    public = ((name, it) for name, it in callables() if "._" not in name and not name.endswith("Error"))
    assert {name for name, it in public if takes_anything(it)} - FREE == set()


@pytest.mark.parametrize("name", models.list_models())
def test_a_network_names_its_real_arguments(name):
    variant, arguments = models.describe(name).variant, inspect.signature(getattr(models, name)).parameters
    absent = ["aux_logits"] * (not variant.aux) + ["width_mult"] * (variant.thinnest is None)
    assert list(arguments) == [one for one in ALL if one not in absent]
    defaults = {key: one.default for key, one in arguments.items()}
    assert (defaults["num_classes"], defaults["in_channels"]) == (variant.num_classes, variant.in_channels)
    assert {one.kind for one in arguments.values()} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("name", ["lenet5_modern", "squeezenet1_1", "mobilenet_v3_small", "googlenet"])
def test_the_defaults_are_those_of_the_network(name):
    builder = getattr(models, name)
    arguments = inspect.signature(builder).parameters
    with nn.init.unfilled():
        shapes = [
            {key: p.shape for key, p in builder(**settings).named_parameters()}
            for settings in ({}, {key: one.default for key, one in arguments.items()})
        ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", kernels.NAMES)
def test_a_kernel_names_its_arguments(name):
    assert inspect.signature(getattr(kernels, name)) == inspect.signature(getattr(textbook, name))
