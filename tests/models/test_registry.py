"""Networks by name: builders, settings, errors, and weights from a file, with another head if it does not fit."""

import ast
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import Tensor, models, weights
from minidl.models import _family
from minidl.models._learners import LEARNERS
from minidl.models._registry import ENTRIES
from tests.models.walk import unfilled


def test_the_list_is_sorted_and_every_name_is_a_builder_of_the_same_name():
    assert models.list_models() == sorted(ENTRIES)
    for name in models.list_models():
        assert getattr(models, name) is ENTRIES[name].builder
        assert ENTRIES[name].builder.__name__ == name
        assert name in models.__all__


def test_the_list_can_be_narrowed():
    assert models.list_models("RESNEXT") == ["resnext101_32x8d", "resnext50_32x4d", "se_resnext50_32x4d"]
    assert models.list_models("network in") == ["nin_cifar"]  # the family's name counts
    assert models.list_models(family="lenet") == ["lenet5", "lenet5_modern"]
    assert models.list_models("modern", family="LeNet") == ["lenet5_modern"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resnt",), r"no network has 'resnt' in its name or family; did you mean ResNet"),
        (("§",), r"no network has '§' in its name or family; there are LeNet, CNN deep, AlexNet, "),
        ((None, "VVG"), r"there is no family 'VVG'; did you mean VGG\?$"),
        ((None, "§"), r"there is no family '§'; there are LeNet, "),
        (("vgg", "LeNet"), r"no network has 'vgg' in its name or family; did you mean VGG\?$"),
    ],
)
def test_a_list_of_nothing_is_an_error(arguments, message):
    part, family = (*arguments, None)[:2]
    with pytest.raises(ValueError, match=f"^list_models: {message}"):
        models.list_models(part, family=family)


def test_what_is_known_of_a_network():
    entry = models.describe("efficientnet_lite0")
    assert entry is ENTRIES["efficientnet_lite0"]
    assert entry.weights == "minidl[demo]"
    assert models.describe("alexnet_owt").weights == "torchvision alexnet"
    assert models.describe("alexnet").weights is None
    assert models.describe("lenet5").place == 0
    with pytest.raises(ValueError, match="^describe: there is no network 'vgg_16'; did you mean vgg16"):
        models.describe("vgg_16")


def test_a_builder_is_one_line_and_says_what_it_builds():
    for family in {entry.file for entry in ENTRIES.values()}:
        tree = ast.parse(Path(family.__file__).read_text(encoding="utf-8"))
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        for name in family.VARIANTS:
            assert ast.unparse(functions[name].body[1]) == f"return build(VARIANTS, '{name}', settings)"
            assert len(functions[name].body) == 2
            assert ast.get_docstring(functions[name])


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_tells_family_year_sizes_and_paper(name):
    entry = ENTRIES[name]
    assert entry.family
    assert entry.year >= 1998
    assert len(entry.paper) > 20
    assert 1 <= entry.smallest <= entry.input_size
    assert entry.name == name
    paths = [path for path, _ in unfilled(name).named_modules()] + list(dict(unfilled(name).named_buffers()))
    assert set(entry.variant.head) <= set(paths)
    assert set(entry.variant.aux) <= set(paths)


def test_defaults_are_the_networks_own():
    assert models.get_model("lenet5_modern").fc3.out_features == 10
    assert models.get_model("lenet5_modern").conv1.in_channels == 1
    assert unfilled("alexnet_owt").classifier[6].out_features == 1000
    assert unfilled("alexnet_owt").features[0].in_channels == 3


def test_the_same_generator_gives_the_same_network():
    first, second = (models.get_model("cnn_deep", rng=np.random.default_rng(3)).state_dict() for _ in range(2))
    other = models.get_model("cnn_deep", rng=np.random.default_rng(4)).state_dict()
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not np.array_equal(first["fc1.weight"], other["fc1.weight"])


@pytest.mark.parametrize("name", ["lenet5", "cnn_deep", "nin_cifar", "googlenet_bn"])
def test_manual_seed_is_used_where_no_generator_is_given(name):
    states = []
    for _ in range(2):
        minidl.manual_seed(5)
        states.append(models.get_model(name).state_dict())
    assert all(np.array_equal(states[0][key], states[1][key]) for key in states[0])


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("googelnet", "googlenet"),
        ("VGG-16", "vgg16"),
        ("LENET5", "lenet5"),
        ("alexnet2", "alexnet"),
        ("nin_cfar", "nin_cifar"),
    ],
)
def test_a_wrong_name_suggests_the_nearest(wrong, nearest):
    with pytest.raises(
        ValueError, match=rf"^get_model: there is no network '{wrong}'; did you mean {nearest}\b"
    ) as error:
        models.get_model(wrong)
    assert 1 <= len(str(error.value).split("did you mean ")[1].split(" or ")) <= 3


def test_a_name_like_no_other_lists_all():
    with pytest.raises(ValueError, match=f"there is no network '§'; there are {', '.join(models.list_models())}$"):
        models.get_model("§")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_classes": 0}, r"^cnn_deep: num_classes must be an int >= 1; received num_classes=0"),
        ({"num_classes": 2.5}, r"^cnn_deep: num_classes must be an int >= 1; received num_classes=2.5"),
        ({"in_channels": -1}, r"^cnn_deep: in_channels must be an int >= 1; received in_channels=-1"),
    ],
)
def test_numbers_are_judged_under_the_networks_name(settings, message):
    with pytest.raises(ValueError, match=message):
        models.get_model("cnn_deep", **settings)


def test_an_unknown_setting_is_named():
    known = "num_classes, in_channels, weights, aux_logits, width_mult, rng"
    with pytest.raises(TypeError, match=f"^cnn_deep: the settings of a network are {known}; received width$"):
        models.cnn_deep(width=2)


def test_a_network_without_auxiliary_heads_passes_over_aux_logits():
    assert list(models.cnn_deep(aux_logits=False).state_dict()) == list(models.cnn_deep().state_dict())


# ---------------------------------------------------------------------- weights


@pytest.fixture
def saved(tmp_path):
    """Return a function that saves a network's weights and returns the file."""

    def save(net, change=lambda state: state):
        path = tmp_path / f"{net.name}.safetensors"
        weights.save(path, change(net.state_dict()), model=net.name, arguments={})
        return path

    return save


def test_weights_that_fit_are_loaded_whole(saved):
    net = models.get_model("lenet5_modern")
    loaded = models.get_model("lenet5_modern", weights=saved(net))
    assert all(np.array_equal(array, loaded.state_dict()[name]) for name, array in net.state_dict().items())
    assert str(loaded.load_report) == "lenet5_modern: 10 of 10 arrays from lenet5_modern.safetensors"
    assert repr(loaded.load_report) == "10 used, 0 missing, 0 unexpected"
    assert net.load_report is None


def test_another_number_of_classes_loads_everything_but_the_head_and_says_so(saved):
    net = models.get_model("lenet5_modern")
    loaded = models.lenet5_modern(num_classes=3, weights=str(saved(net)), rng=np.random.default_rng(7))
    fresh = models.lenet5_modern(num_classes=3, rng=np.random.default_rng(7)).state_dict()
    for name, array in loaded.state_dict().items():
        assert np.array_equal(array, fresh[name] if name.startswith("fc3.") else net.state_dict()[name]), name
    assert str(loaded.load_report).endswith("8 of 10 arrays from lenet5_modern.safetensors; new: fc3.weight, fc3.bias")
    assert loaded.load_report.missing == ["fc3.weight", "fc3.bias"]


def test_a_head_may_be_a_buffer(saved):
    loaded = models.lenet5(num_classes=4, weights=saved(models.lenet5()))
    assert loaded.load_report.missing == ["bitmaps"]
    assert loaded.bitmaps.shape == (4, 84)


def test_auxiliary_heads_may_be_missing_on_either_side(saved):
    small = {"num_classes": 2}
    with_heads, without = models.googlenet_bn(**small), models.googlenet_bn(**small, aux_logits=False)
    bare = models.googlenet_bn(**small, aux_logits=False, weights=saved(with_heads))
    assert {name.split(".")[0] for name in bare.load_report.unexpected} == {"aux1", "aux2"}
    assert "287 of 287 arrays from googlenet_bn.safetensors; left over: aux1.conv.bn.bias" in str(bare.load_report)
    assert str(bare.load_report).endswith("and 14 more")
    full = models.googlenet_bn(**small, weights=saved(without), rng=np.random.default_rng(1))
    assert {name.split(".")[0] for name in full.load_report.missing} == {"aux1", "aux2"}
    fresh = models.googlenet_bn(**small, rng=np.random.default_rng(1))
    assert np.array_equal(full.aux2.fc1.weight.data, fresh.aux2.fc1.weight.data)
    assert np.array_equal(full.fc.weight.data, without.fc.weight.data)


def _without(name):
    return lambda state: {key: array for key, array in state.items() if key != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("conv1.weight"), r"missing: conv1.weight$"),
        (_without("fc3.weight"), r"missing: fc3.weight$"),
        (lambda state: {**state, "extra": state["fc3.bias"]}, r"unexpected: extra$"),
        (
            lambda state: {**state, "fc2.bias": state["fc3.bias"]},
            r"wrong shape: fc2.bias is \(10,\), expected \(84,\)$",
        ),
    ],
)
def test_weights_of_another_network_are_refused_by_file_and_network(saved, change, message):
    path = saved(models.lenet5_modern(), change)
    with pytest.raises(ValueError, match=rf"^lenet5_modern: .*lenet5_modern.safetensors: load_state_dict: .*{message}"):
        models.get_model("lenet5_modern", weights=path)


def test_a_file_that_is_not_there_or_no_weights(tmp_path):
    with pytest.raises(FileNotFoundError):
        models.get_model("lenet5_modern", weights=tmp_path / "nothing.pth")
    page = tmp_path / "page.pth"
    page.write_text("<!DOCTYPE html>")
    with pytest.raises(ValueError, match="page.pth"):
        models.get_model("lenet5_modern", weights=page)


# ---------------------------------------------------------------------- networks built by hand


def test_a_network_of_ones_own_is_called_by_its_class():
    class Own(_family.Network):
        def forward(self, x):
            self.check_pictures(x)
            return x

    assert Own()(Tensor(np.zeros((1, 3, 1, 1), dtype=np.float32))).shape == (1, 3, 1, 1)
    with pytest.raises(
        ValueError, match=r"^Own: expects pictures of at least 1 pixels a side, these are 0×4; x.shape=.*\)$"
    ):
        Own()(Tensor(np.zeros((1, 3, 0, 4), dtype=np.float32)))


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_what_is_no_classifier_is_told_by_its_name(name):
    with pytest.raises(ValueError, match=f"get_model: {name} tells no classes apart; see minidl models {name}"):
        models.get_model(name)
    with pytest.raises(ValueError, match=f"did you mean .*{name}"):
        models.describe(f"{name}x")
