"""Diffusion as a kind of training: the same bits after any interruption, figures, sheets, refusals; its pictures."""

import csv
import shutil

import numpy as np
import pytest
from PIL import Image

from minidl import _random, cli, data, training
from minidl.training import make_config
from minidl.training.generating import generate_run
from minidl.training.non_finite import NonFiniteError
from tests.training.test_runs import Pressing, contents

TINY = {"options.depth": 1, "options.width": 8, "options.heads": 1, "options.patch_size": 4, "options.steps": 10}
CLASSES = ("dark", "light", "고양이")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, usual_signals):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def parts():
    """20 and 6 pictures of 8×8, brighter where the class is higher; pixels from -1.5 to 3.5."""
    rng = np.random.default_rng(0)
    labels = np.arange(26) % 3
    x = (rng.random((26, 1, 8, 8)) * 3 + labels[:, None, None, None] - 1.5).astype(np.float32)
    x[0, 0, 0, :2] = -1.5, 3.5
    return data.Pictures(x[:20], labels[:20], CLASSES), data.Pictures(x[20:], labels[20:], CLASSES)


def config_of(**settings):
    return make_config("dit_tiny", **TINY | {"epochs": 2, "batch_size": 8, "lr": 0.01, "threads": 1} | settings)


@pytest.fixture
def no_page(monkeypatch):
    monkeypatch.setattr("minidl.training.tasks.diffusion.write_task_report", lambda run, *_, **__: run.report.touch())


@pytest.fixture(scope="module")
def kept(parts, tmp_path_factory):
    """The folder of a finished run, without a page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minidl.training.tasks.diffusion.write_task_report", lambda run, *_, **__: run.report.touch())
        folder = tmp_path_factory.mktemp("diffusion") / "run"
        return training.train(config_of(epochs=1), parts=parts, out=folder).run.path


@pytest.fixture
def run(kept, tmp_path):
    """A copy of it."""
    return shutil.copytree(kept, tmp_path / "run")


@pytest.mark.usefixtures("no_page")
def test_ctrl_c_in_the_middle_of_epochs_changes_nothing(parts):
    """Two epochs of two steps, in one go and stopped after the first and after the third: equal bytes in every file."""
    straight = training.train(config_of(), parts=parts)
    pressing = Pressing(1, 3)
    outcome = training.train(config_of(), parts=parts, callbacks=[pressing])
    for _ in range(2):
        assert not outcome.finished
        _random.manual_seed(99)  # whatever else has drawn meanwhile
        outcome = training.resume(outcome.run.path, parts=parts, callbacks=[pressing])
    assert outcome.finished
    sheets = []
    for run in (straight.run, outcome.run):
        sheets.append({file.name: file.read_bytes() for file in (run.path / "samples").iterdir()})
        (run.path / "samples").rename(run.path.parent / f"{run.path.name}-samples")
    assert sorted(sheets[0]) == ["epoch-0001.png", "epoch-0002.png"]
    assert sheets[0] == sheets[1]
    assert contents(straight.run) == contents(outcome.run)
    average, weights = (
        straight.state.net.state_dict()[f"{one}.final_layer.linear.weight"] for one in ("average", "net")
    )
    assert np.abs(average - weights).max() > 0
    assert straight.state.net.updates[0] == 4


def test_a_run_leaves_figures_sheets_and_a_page(parts):
    outcome = training.train(config_of(), parts=parts)
    with open(outcome.run.path / "history.csv", encoding="utf-8") as file:
        assert list(csv.DictReader(file).fieldnames)[3:5] == ["train_loss", "val_loss"]
    last, net = outcome.state.history[-1], outcome.state.net
    assert 0 < last["train_loss"] < 1.5
    assert outcome.state.best == min(outcome.state.history, key=lambda row: row["val_loss"])
    assert (net.low[0], net.high[0]) == (-1.5, 3.5)
    assert net.average.num_classes == 3
    page = (outcome.run.path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64") == 2
    assert "Samples after epoch 2" in page
    assert "from top to bottom: dark, light, 고양이" in page
    with Image.open(outcome.run.path / "samples" / "epoch-0002.png") as sheet:
        assert sheet.size[0] > 1.8 * sheet.size[1]  # three classes, one below the other, six pictures of each
    figures, _, _ = training.evaluate_run(outcome.run.path, val=parts[1])
    assert figures == {"val_loss": pytest.approx(last["val_loss"], rel=1e-6)}


@pytest.mark.usefixtures("no_page")
def test_batches_that_make_one_step_together_count_by_their_pictures(parts):
    """One step of two batches; the average follows it once."""
    outcome = training.train(config_of(epochs=1, accumulate=2), parts=parts)
    assert outcome.state.history[0]["step"] == 1
    assert outcome.state.net.updates[0] == 1


def test_nan_is_traced_to_the_layer(parts):
    class Poison(training.Callback):
        def on_step(self, state, loss):
            layer = state.net.net.blocks[0].mlp.fc1
            layer.weight.data = layer.weight.data * np.float32(np.nan)

    message = (
        r"^train: in epoch 1, step 2, the loss is nan: parameter net.blocks.0.mlp.fc1.weight is not finite and the "
        r"first output that is not finite comes from net.blocks.0.mlp.fc1 \(linear\); try a smaller learning rate"
    )
    with pytest.raises(NonFiniteError, match=message):
        training.train(config_of(), parts=parts, callbacks=[Poison()])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mixup": 0.2}, r"^train: mixup says nothing to diffusion; received mixup=0.2; leave it out$"),
        ({"label_smoothing": 0.1}, r"^train: label_smoothing says nothing to diffusion"),
        ({"options.schedule": "sigmoid"}, r"^train: options.schedule must be linear or cosine; received 'sigmoid'$"),
        ({"options.patch_size": 3}, r"^DiT: input_size must be divisible by patch_size; received input_size=8"),
        ({"options.steps": 0}, r"steps must be an int >= 1"),
        ({"options.widht": 3}, r"^train: the task diffusion has no option 'widht'; did you mean width or"),
    ],
)
def test_settings_that_cannot_be(parts, settings, message):
    with pytest.raises(ValueError, match=message):
        training.train(config_of(**settings), parts=parts)


def test_pictures_that_cannot_be_learnt_from():
    grey = data.Pictures(np.ones((16, 1, 8, 8), np.float32), np.zeros(16, int), ("all",))
    with pytest.raises(ValueError, match="have one grey value, 1; there is nothing to learn"):
        training.train(config_of(), parts=(grey, grey))
    wide = data.Pictures(np.random.default_rng(0).random((16, 1, 8, 16), dtype="float32"), np.zeros(16, int), ("all",))
    with pytest.raises(ValueError, match="^train: dit_tiny makes square pictures, these are 8×16; bring them to one"):
        training.train(config_of(), parts=(wide, wide))


def said(capsys):
    return capsys.readouterr().err.strip()


def test_pictures_are_made_of_a_run(run, capsys, rng):
    assert cli.run(["generate", str(run), "--n", "7", "--steps", "2"]) == 0
    out = capsys.readouterr().out
    assert f"7 pictures by dit_tiny after 1 epoch, 3 classes in turn: {run / 'generated.png'}" in out
    assert (run / "generated.png").is_file()
    assert cli.run(["generate", str(run), "--n", "2", "--steps", "2", "--class", "고양이", "--out", "cats.svg"]) == 0
    assert "class 고양이: cats.svg" in capsys.readouterr().out
    made = [generate_run(run, n=3, steps=2, seed=seed, kind=kind) for seed, kind in ((0, 2), (0, "고양이"), (1, 2))]
    assert (made[0].pictures == made[1].pictures).all()
    assert np.abs(made[0].pictures - made[2].pictures).max() > 0.1
    assert made[0].names == ("고양이",) * 3
    assert generate_run(run, n=4, steps=1).names == ("dark", "light", "고양이", "dark")


def test_a_picture_lends_its_tokens(run, capsys, rng):
    Image.fromarray(rng.integers(0, 256, (30, 20, 3), dtype=np.uint8)).save("like.png")
    like = ["--like", "like.png", "--region", "0,0,8,4", "--n", "2", "--steps", "3"]
    assert cli.run(["generate", str(run), *like]) == 0
    with_like = generate_run(run, n=2, steps=3, like="like.png", region=(0, 0, 8, 4))
    assert np.abs(with_like.pictures - generate_run(run, n=2, steps=3).pictures).max() > 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--class", "3"], "dit_tiny has not learnt a class '3'; there are 3, 0 to 2: dark, light, 고양이"),
        (["--class", "lihgt"], "dit_tiny has not learnt a class 'lihgt'; there are 3, 0 to 2: dark, light, 고양이"),
        (["--steps", "11"], "this network was trained with 10 steps; received steps=11"),
        (["--steps", "0"], "steps must be an int >= 1"),
        (["--n", "0"], "n must be an int >= 1"),
        (["--guidance", "-1"], "guidance"),
        (["--seed", "-1"], "seed must be an int >= 0"),
        (["--region", "0,0,2,2"], "region needs like as well"),
        (["--like", "nowhere.png", "--region", "0,0,2,2"], "nowhere.png: No such file or directory"),
        (["--like", "LIKE"], "like needs region as well"),
        (
            ["--like", "LIKE", "--region", "0,0,2"],
            "region must be four whole numbers x0,y0,x1,y1; received",
        ),
        (["--like", "LIKE", "--region", "0,0,9,2"], "in pictures of 8×8; received x0,y0,x1,y1=0,0,9,2"),
        (["--checkpoint", "first"], "the checkpoints are 'last' and 'best'"),
        (["--out", "a.jpg"], "path must end in .png or .svg"),
    ],
)
def test_what_cannot_be_made_is_told_in_a_line(run, capsys, arguments, message, rng):
    Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save("like.png")
    arguments = ["like.png" if one == "LIKE" else one for one in arguments]
    assert cli.run(["generate", str(run), *arguments]) == 1
    found = said(capsys)
    assert message in found
    assert found.count("\n") == 0


@pytest.mark.usefixtures("no_page")
@pytest.mark.usefixtures("no_page")
def test_adversaries_make_pictures_too_and_take_no_questions(parts, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("minidl.training.tasks.gan.write_task_report", lambda run, *_, **__: run.report.touch())
    monkeypatch.setattr("minidl.training.tasks._judge.STEPS", 1)
    sizes = {"options.width": 2, "options.latent": 3}
    training.train(make_config("dcgan", epochs=1, batch_size=8, **sizes), parts=parts, out="adversaries")
    capsys.readouterr()
    assert cli.run(["generate", "adversaries", "--n", "3"]) == 0
    assert "3 pictures by dcgan after 1 epoch, without classes" in capsys.readouterr().out
    made = [generate_run("adversaries", n=3, seed=seed).pictures for seed in (1, 1, 2)]
    assert (made[0] == made[1]).all()
    assert (made[0] != made[2]).any()
    for arguments, message in (
        (["--class", "1"], "no use for classes: it was trained without classes"),
        (["--steps", "5"], "no use for steps: it makes a picture in one step"),
        (["--guidance", "2"], "no use for guidance: it takes no guidance"),
        (["--like", "x.png", "--region", "0,0,1,1"], "it cannot take tokens from a picture"),
    ):
        assert cli.run(["generate", "adversaries", *arguments]) == 1
        assert message in said(capsys)


def test_guidance_without_hidden_classes_and_runs_that_make_no_pictures(parts, capsys, monkeypatch):
    known = training.train(config_of(epochs=1, **{"options.class_dropout_prob": 0.0}), parts=parts, out="known").run
    assert cli.run(["generate", str(known), "--guidance", "2", "--n", "1", "--steps", "1"]) == 1
    assert "this one never was; received guidance=2" in said(capsys)
    assert cli.run(["generate", str(known), "--n", "1", "--steps", "1"]) == 0
    config = make_config("lenet5_modern", epochs=1)
    monkeypatch.setattr("minidl.training.tasks.classification.Classification.draw", lambda self, run, *_: run.report)
    digits = tuple(part.take(slice(0, 16)) for part in data.open_dataset("digits"))
    training.train(config, parts=digits, out="other")
    capsys.readouterr()
    assert cli.run(["generate", "other"]) == 1
    assert "other is a run of lenet5_modern, which learnt classification and makes no pictures" in said(capsys)
