"""The Neocognitron as a run: stage after stage, stopped anywhere and taken up again."""

import json

import numpy as np
import pytest

from minidl import data
from minidl.training import Callback, evaluate_run, make_config, resume, train


def parts(n=24):
    train, val = data.open_dataset("digits")
    return train.take(slice(0, n)), val.take(slice(0, 12))


class Stop(Callback):
    """Ends a training after some steps, as Ctrl-C does."""

    def __init__(self, steps):
        self.left = steps

    def on_step(self, state, loss):
        self.left -= 1
        if not self.left:
            import signal

            signal.raise_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def config():
    return make_config("neocognitron", batch_size=8)


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory):
    """What a training leaves that nobody stops."""
    return train(config, out=tmp_path_factory.mktemp("whole") / "run", parts=parts())


def test_every_stage_learns_in_an_epoch_of_its_own(whole):
    rows, folder = whole.state.history, whole.run.path
    assert [row["stage"] for row in rows] == [1, 2, 3]
    assert all(row["seeds"] > 0 for row in rows)
    kept = json.loads((folder / "config.json").read_text())
    assert kept["task"] == "organisation"
    assert kept["options"]["low"] < kept["options"]["high"]
    page = whole.run.report.read_text()
    assert all(word in page for word in ('id="planes"', "Fukushima"))
    assert "--epochs" not in page  # there is no fourth stage
    assert (folder / "planes.png").is_file()
    score, state, _ = evaluate_run(folder, val=parts()[1])
    assert score == {"n": 12, "top1": rows[-1]["val_top1"]}
    assert not list(state.net.parameters())
    assert evaluate_run(folder, val=parts()[0])[0]["top1"] > 0.4  # four times chance, of what it has seen


@pytest.mark.usefixtures("usual_signals")
@pytest.mark.parametrize("steps", [1, 5, 9])
def test_stopped_anywhere_it_goes_on_to_the_bit(config, whole, tmp_path, steps):
    assert not train(config, out=tmp_path / "cut", parts=parts(), callbacks=[Stop(steps)]).finished
    assert resume(tmp_path / "cut", parts=parts()).finished
    assert (tmp_path / "cut" / "last.safetensors").read_bytes() == whole.run.last.read_bytes()


def test_what_does_not_fit_is_refused_before_there_is_a_folder(tmp_path):
    with pytest.raises(ValueError, match="3 stages see all pictures 1 times each, which makes 3 epochs"):
        train(make_config("neocognitron", epochs=4), out=tmp_path / "run", parts=parts())
    with pytest.raises(ValueError, match="has no option 'pases'; did you mean passes"):
        make_config("neocognitron", **{"options.pases": 2})
    with pytest.raises(ValueError, match="made for the task organisation"):
        make_config("neocognitron", task="classification")
    with pytest.raises(ValueError, match="fast is for classifiers, neocognitron is none; take own instead"):
        make_config("neocognitron", recipe="fast")
    blank = [part.take(slice(0, 8)) for part in parts()]
    with pytest.raises(ValueError, match=r"16, 16\); x.shape"):
        train(make_config("neocognitron", transforms=[], test_transforms=[]), out=tmp_path / "run", parts=blank)
    assert not (tmp_path / "run").exists()


def test_blank_pictures_teach_nothing(config, tmp_path):
    x, labels = np.full((8, 1, 32, 32), -0.748, np.float32), np.arange(8) % 2
    with pytest.raises(ValueError, match="no cell of stage 1 fired at any of 8 pictures"):
        train(config, out=tmp_path / "run", parts=((x, labels), (x, labels)))
