"""A run brings everything along: its network, its preparation, its names."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

import minidl
from minidl import Tensor, cli, no_grad, training
from minidl.data import Loader, open_dataset
from minidl.predict import Predictor, predict
from tests.data_sets.makers import mnist
from tests.predict.conftest import NAMES, picture_folders

SIZED = [{"name": "resize", "size": 16}, {"name": "center_crop", "size": 12}]
NORMAL = {"name": "normalize", "mean": [0.2, 0.5, 0.7], "std": [0.1, 0.3, 0.2]}
PREPARATIONS = {
    "nothing": [],
    "colours": [NORMAL],
    "size": SIZED,
    "size and colours": [*SIZED, NORMAL],
    "bicubic": [{"name": "resize", "size": 16, "interpolation": "bicubic"}, SIZED[1], NORMAL],
    "a border": [{"name": "pad", "padding": 2}, NORMAL],
    "drawn": [*SIZED, {"name": "flip"}, {"name": "brightness", "amount": 0.4}],
}


def validation(run):
    """Return the training behind a run, the pictures that it was examined with, and their files."""
    state = training.load_checkpoint(run / "best.safetensors")
    split = open_dataset(state.config.data).val
    ((x, _),) = Loader(split, len(split), transforms=state.config.test_transforms, seed=state.config.seed).epoch(0)
    return state, x, [split.name(i) for i in range(len(split))]


@pytest.mark.parametrize("steps", PREPARATIONS.values(), ids=PREPARATIONS)
def test_a_picture_is_prepared_as_the_training_did_it(steps, make_run):
    run = make_run(epochs=1, transforms=steps, test_transforms=steps, picture_size=None)
    state, x, files = validation(run)
    predictor = Predictor(run=run)
    drawn = any(step["name"] == "flip" for step in steps)  # for the first picture of an epoch
    for one, file in list(zip(x, files))[: 1 if drawn else None]:
        np.testing.assert_array_equal(predictor.prepare(file), one)
    with no_grad():
        wanted = state.net.eval()(Tensor(x)).numpy()
    found = np.stack([predictor.logits(file) for file in files[: 1 if drawn else None]])
    np.testing.assert_allclose(found, wanted[: len(found)], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("where", ["run", "best", "last"])
def test_predict_and_eval_agree(where, run, pets):
    which = "last" if where == "last" else "best"
    arguments = {"run": run} if where == "run" else {"weights_file": run / f"{which}.safetensors"}
    answers = list(predict([pets / "val"], **arguments, top=1))
    right = sum(answer.top[0].name in answer.file.split("/") for answer in answers)
    score = training.evaluate_run(run, checkpoint=which)[0]
    assert (len(answers), right) == (27, score.confusion.trace())
    assert {answer.top[0].name for answer in answers} <= set(NAMES)


def test_a_run_without_a_finished_epoch_answers_as_it_is(run, tmp_path, pets):
    folder = shutil.copytree(run, tmp_path / "begun")
    (folder / "best.safetensors").unlink()
    assert [guess.name for guess in Predictor(run=folder)(pets / "val" / "cat" / "0.png", top=3)]


def test_pictures_of_another_size_are_brought_to_that_of_the_training(make_run, tmp_path):
    square = make_run(
        picture_folders(tmp_path / "square", size=(12, 12)), test_transforms=[NORMAL], transforms=[NORMAL]
    )
    Image.new("RGB", (60, 24), "red").save(tmp_path / "wide.png")
    assert Predictor(run=square).prepare(tmp_path / "wide.png").shape == (3, 12, 12)
    assert Predictor(run=square).notes == ()


def without_shown(source, path):
    """Write a checkpoint as it was before the training's pictures were noted in it."""
    from minidl.training import checkpoint

    arrays, note = checkpoint._read(source)
    del note["shown"]
    note["digest"] = checkpoint._digest(arrays, note)
    save_file(arrays, path, metadata={checkpoint.KEY: json.dumps(note)})
    return path


def test_checkpoints_from_before_say_what_they_do_not_know(make_run, run, tmp_path, pets):
    old = without_shown(run / "best.safetensors", tmp_path / "sized.safetensors")
    assert Predictor(weights_file=old).notes == ()  # the transforms say the size
    unsized = make_run(epochs=1, test_transforms=[NORMAL], transforms=[NORMAL])
    predictor = Predictor(weights_file=without_shown(unsized / "best.safetensors", tmp_path / "b.safetensors"))
    (note,) = predictor.notes
    assert "does not say how large its pictures were" in note
    assert predictor.prepare(pets / "val" / "cat" / "0.png").shape == (3, 14, 18)
    training.load_checkpoint(tmp_path / "b.safetensors")


def test_runs_on_numbers_are_refused(registered, tmp_path):
    config = training.Config(epochs=1, batch_size=512)
    folder = training.train(config, out=tmp_path / "run").run.path
    message = r"was trained on digits, whose pictures are float32 numbers of their own scale; picture files hold"
    with pytest.raises(ValueError, match=message):
        Predictor(run=folder)
    old = without_shown(folder / "last.safetensors", tmp_path / "old.safetensors")
    with pytest.raises(ValueError, match=message):
        Predictor(weights_file=old)


def test_a_run_on_grey_pictures_sees_grey(make_run, tmp_path):
    data = tmp_path / "mnist"
    mnist(data)
    predictor = Predictor(run=make_run(data, epochs=1, batch_size=2))
    split = open_dataset(data).val
    (x, _) = next(Loader(split, 1, transforms=predictor.transforms).epoch(0))
    Image.fromarray(split.read(0)[0]).save(tmp_path / "a.png")
    np.testing.assert_array_equal(predictor.prepare(tmp_path / "a.png"), x[0])


def test_nothing_else_is_touched(run):
    minidl.manual_seed(5)
    wanted = np.array(minidl._random.get_state(), dtype=object)
    Predictor(run=run)
    np.testing.assert_array_equal(np.array(minidl._random.get_state(), dtype=object), wanted)


def test_a_damaged_checkpoint_does_not_answer(run, tmp_path):
    folder = shutil.copytree(run, tmp_path / "damaged")
    with safe_open(folder / "best.safetensors", framework="numpy") as file:
        arrays, note = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    arrays["fc.bias"] += 1
    save_file(arrays, folder / "best.safetensors", metadata=note)
    with pytest.raises(ValueError, match="best.safetensors is damaged: its contents have changed"):
        Predictor(run=folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "resnet18"}, "predict: a run brings its own network and weights"),
        ({"weights_file": "net.pth"}, "predict: a run brings its own network and weights"),
    ],
)
def test_a_run_and_more(arguments, message, run):
    with pytest.raises(ValueError, match=message):
        Predictor(run=run, **arguments)


def test_another_network_than_the_checkpoint_holds(run):
    with pytest.raises(ValueError, match=r"best.safetensors holds a tiny; received model='resnet18'"):
        Predictor("resnet18", run / "best.safetensors")


# The command


@pytest.mark.parametrize("weights", [False, True])
def test_the_command(weights, run, pets, capsys):
    arguments = ["--weights", str(run / "best.safetensors")] if weights else [str(run)]
    assert cli.run(["predict", *arguments, str(pets / "val" / "dog"), "--json", "--top", "1"]) == 0
    out, err = capsys.readouterr()
    answers = json.loads(out)
    assert [answer["file"] for answer in answers] == [str(pets / "val" / "dog" / f"{i}.png") for i in range(9)]
    assert {answer["top"][0]["name"] for answer in answers} <= set(NAMES)
    assert err == ""


def test_a_run_alone_asks_for_pictures(run, capsys):
    assert cli.run(["predict", str(run)]) == 2
    assert f"which pictures? minidl predict {run} IMAGE" in " ".join(capsys.readouterr().err.split())


def test_a_run_among_the_pictures_is_told(run, pets, capsys):
    picture = str(pets / "val" / "dog" / "0.png")
    assert cli.run(["predict", "--weights", str(run / "last.safetensors"), picture, str(run), picture]) == 1
    out, err = capsys.readouterr()
    assert out.count("0.png") == 2
    assert f"{run}: this is a run, which stands first: minidl predict RUN IMAGE" in err


def test_a_folder_that_is_only_named_like_one(tmp_path, capsys):
    (tmp_path / "config.json").write_text("{}")
    assert cli.run(["predict", str(tmp_path), "a.jpg"]) == 1
    assert "is no run folder: it has no last.safetensors" in capsys.readouterr().err
