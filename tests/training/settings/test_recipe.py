"""Recipes are found wherever the package is installed, fit every network, and have their mistakes named."""

from importlib.resources import files

import pytest

from minidl.models import list_models
from minidl.models._learners import LEARNERS
from minidl.training.settings.recipe import list_recipes, load_recipe
from minidl.training.settings.resolve import make_config

FAMILIES_WITH_A_PAPER = {"alexnet", "googlenet", "resnet", "resnet_cifar", "vgg", "yolo_classifier"}


@pytest.fixture
def written(tmp_path):
    """Write a recipe, and return its file."""

    def write(text, name="mine.toml"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def test_the_files_are_part_of_the_package():
    folder = files("minidl.training.settings") / "recipes"
    assert list_recipes() == ["cifar", "fast", "head", "own", "paper"]
    assert (folder / "fast.toml").is_file()
    assert {one.name.removesuffix(".toml") for one in (folder / "paper").iterdir()} == FAMILIES_WITH_A_PAPER
    families = {entry.builder.__module__.rpartition(".")[2] for entry in LEARNERS.values()}
    assert {one.name.removesuffix(".toml") for one in (folder / "own").iterdir()} == families


@pytest.mark.parametrize("model", LEARNERS)
def test_every_network_that_is_no_classifier_has_settings_of_its_own(model):
    assert make_config(model).recipe == "own"
    with pytest.raises(ValueError, match=f"^recipe: fast is for classifiers, {model} is none; take own instead$"):
        make_config(model, recipe="fast")


@pytest.mark.parametrize("model", list_models())
def test_fast_and_cifar_have_settings_for_every_network(model):
    for name in ("fast", "cifar"):
        settings = load_recipe(name, model)
        assert settings["schedule"]["name"] == "one_cycle"
        assert [step["name"] for step in settings["transforms"]][-1] == "normalize"


def test_a_paper_s_numbers_are_its_own():
    numbers = {
        model: [load_recipe("paper", model)[name] for name in ("batch_size", "lr", "momentum", "weight_decay")]
        for model in ("alexnet", "vgg16", "googlenet", "resnet50", "resnet20_cifar", "yolo_v1_classifier")
    }
    assert numbers == {
        "alexnet": [128, 0.01, 0.9, 5e-4],
        "vgg16": [256, 0.01, 0.9, 5e-4],
        "googlenet": [32, 0.01, 0.9, 2e-4],
        "resnet50": [256, 0.1, 0.9, 1e-4],
        "resnet20_cifar": [128, 0.1, 0.9, 1e-4],
        "yolo_v1_classifier": [64, 0.01, 0.9, 5e-4],
    }
    assert load_recipe("paper", "googlenet")["schedule"] == {"name": "step", "step_size": 8, "gamma": 0.96}


def test_a_network_s_table_comes_after_its_family_s(written):
    file = written("lr = 1\nepochs = 4\n[for.resnet]\nlr = 2\nepochs = 5\n[for.resnet50]\nlr = 3\n")
    assert load_recipe(file, "resnet50") == {"lr": 3, "epochs": 5}
    assert load_recipe(str(file), "resnet18") == {"lr": 2, "epochs": 5}
    assert load_recipe(file, "vgg16") == {"lr": 1, "epochs": 4}


def test_a_table_replaces_the_whole_table(written):
    file = written('[schedule]\nname = "step"\nstep_size = 2\n[for.vgg.schedule]\nname = "cosine"\n')
    assert load_recipe(file, "vgg11") == {"schedule": {"name": "cosine"}}


def test_settings_are_new_each_time():
    load_recipe("fast", "resnet18")["schedule"]["name"] = "changed"
    load_recipe("fast", "resnet18")["transforms"].clear()
    assert load_recipe("fast", "resnet18")["schedule"]["name"] == "one_cycle"
    assert load_recipe("fast", "resnet18")["transforms"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 1\nlr 2\n", r"recipe: .*mine\.toml, line 2: Expected '=' after a key in a key/value pair$"),
        ("epochs = 1\n[schedule\n", r"recipe: .*mine\.toml, line 2: Expected "),
        ("epochs =", r"recipe: .*mine\.toml, line 1: Invalid value$"),
        (b"model = '\xff'", r"recipe: .*mine\.toml is no text in UTF-8, which TOML is"),
        ("epoch = 1", r"recipe: .*mine\.toml: there is no setting 'epoch'; did you mean epochs"),
        (
            "[for.vgg]\nbatchsize = 1",
            r"recipe: .*mine\.toml: for\.vgg: there is no setting 'batchsize'; did you mean ba",
        ),
        ("[for.resnet5]\nlr = 1", r"mine\.toml: for: there is no network or family 'resnet5'; did you mean resnet50"),
        ("for = 3", r"recipe: .*mine\.toml: for must hold tables, such as \[for\.vgg\]; received for=3"),
        ("[for]\nvgg = 3", r"recipe: .*mine\.toml: for must hold tables"),
        ("[schedule]\nname='cosin'", r"mine\.toml: schedule: there is no 'cosin'; did you mean cosine"),
        ("[for.vgg.schedule]\nname='step'", r"mine\.toml: for\.vgg: schedule: step needs either step_size or mile"),
        ("transforms = [{name='flipp'}]", r"mine\.toml: transforms: number 1: there is no 'flipp'; did you mean flip"),
        ("test_transforms = 3", r"mine\.toml: test_transforms must be a list of tables; received 3"),
    ],
)
def test_mistakes_are_named_with_the_file(written, text, message):
    with pytest.raises(ValueError, match=message) as caught:
        load_recipe(written(text), "resnet18")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "model", "message"),
    [
        (
            "fsat",
            "resnet18",
            r"recipe: there is no 'fsat'; did you mean fast or cifar\? \(the name of a file .* ends in \.toml\)",
        ),
        ("paper", "lenet5", r"recipe: paper has none for lenet5 \(lenet\); it has alexnet, googlenet, .*; take fast"),
        ("fast", "resnet81", r"recipe: there is no network 'resnet81'; did you mean resnet"),
    ],
)
def test_what_is_not_there_is_named(name, model, message):
    with pytest.raises(ValueError, match=message):
        load_recipe(name, model)


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_recipe(tmp_path / "none.toml", "resnet18")


def test_a_byte_order_mark_is_no_letter(tmp_path):
    """Editors on Windows begin a text with one."""
    (tmp_path / "mine.toml").write_text("epochs = 3\n", encoding="utf-8-sig")
    assert load_recipe(tmp_path / "mine.toml", "resnet18")["epochs"] == 3
