"""Whole runs: the same bits twice, the same bits after any interruption, and nothing lost when something fails."""

import errno
import os
import signal
import threading
from dataclasses import replace

import pytest

from minidl import data, training
from minidl.training.interrupt import interruptible
from minidl.training.run_folder import folder as run_module
from minidl.training.run_folder.checkpointer import Checkpointer
from minidl.training.tasks import pictures
from tests.training.pages import drawn

CONFIG = training.Config(epochs=2)
PICTURES = ["confusion.png", "curves.png", "feature_maps.png", "filters.png", "mistakes.png"]
FILES = sorted(
    [*PICTURES, "best.safetensors", "config.json", "history.csv", "last.safetensors", "pictures.json", "report.html"]
)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, usual_signals):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def straight(parts, tmp_path_factory):
    """A run of four epochs without any interruption."""
    return training.train(replace(CONFIG, epochs=4), out=tmp_path_factory.mktemp("run") / "straight", parts=parts)


ENDINGS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Pressing(training.Callback):
    """Presses Ctrl-C, or sends another signal, after so many steps."""

    def __init__(self, *steps, number=signal.SIGINT, times=1):
        self.steps, self.number, self.times, self.done = steps, number, times, 0

    def on_step(self, state, loss):
        self.done += 1
        if self.done in self.steps:
            for _ in range(self.times):
                signal.raise_signal(self.number)


def contents(run):
    """What is in the files, but for the one thing that no two runs have in common."""
    found = {file.name: file.read_bytes() for file in run.path.iterdir()}
    if "report.html" in found:
        found["report.html"] = b""  # it tells the time, too
    if "history.csv" in found:
        found["history.csv"] = [line.rsplit(b",", 2)[0] for line in found["history.csv"].splitlines()]
    return found


def test_a_run_leaves_its_files(straight):
    assert sorted(contents(straight.run)) == FILES
    assert straight.finished
    assert straight.new_epochs == straight.state.epoch == 4


def test_the_same_settings_give_the_same_bits_in_every_file(parts):
    with drawn():
        first, second = (contents(training.train(CONFIG, parts=parts).run) for _ in range(2))
    assert first == second
    assert sorted(first) == FILES
    assert all(first[name].startswith(b"\x89PNG\r\n") for name in PICTURES)


def test_another_seed_gives_another_network(straight, parts):
    other = training.train(replace(straight.state.config, seed=1), parts=parts)
    assert contents(other.run)["last.safetensors"] != contents(straight.run)["last.safetensors"]


def test_n_and_n_more_epochs_are_2n_epochs(straight, parts):
    half = training.train(CONFIG, parts=parts)
    assert half.run.last.read_bytes() != straight.run.last.read_bytes()
    whole = training.resume(half.run.path, epochs=4, parts=parts)
    assert (whole.finished, whole.new_epochs) == (True, 2)
    for name in ("last.safetensors", "history.csv", "config.json"):
        assert contents(whole.run)[name] == contents(straight.run)[name]


@pytest.mark.parametrize("steps", [(1,), (2, 3), (3,), (4, 5, 6, 7), (11,)])
def test_ctrl_c_between_any_steps_changes_nothing(straight, parts, steps):
    pressing = Pressing(*steps)
    outcome = training.train(straight.state.config, parts=parts, callbacks=[pressing])
    for count in range(len(steps)):
        assert not outcome.finished
        state = training.load_checkpoint(outcome.run.last)
        assert 3 * state.epoch + state.step == steps[count]
        outcome = training.resume(outcome.run.path, parts=parts, callbacks=[pressing])
    assert outcome.finished
    assert contents(outcome.run) == contents(straight.run)


def test_eval_repeats_the_figures_of_the_history(straight, parts):
    last, best = straight.state.history[-1], straight.state.best
    for which, row in (("last", last), ("best", best)):
        score, state, file = training.evaluate_run(straight.run.path, checkpoint=which, val=parts[1])
        assert (score.top1, score.loss) == (row["val_top1"], row["val_loss"])
        assert (state.epoch, file.name) == (row["epoch"], f"{which}.safetensors")


def test_a_finished_run_has_nothing_to_do(straight, parts):
    before = contents(straight.run)
    outcome = training.resume(straight.run.path, parts=parts)
    assert (outcome.finished, outcome.new_epochs) == (True, 0)
    assert contents(straight.run) == before
    with pytest.raises(ValueError, match=r"resume: .*straight has begun 4 epochs; epochs must be >= 4; rec.*=3"):
        training.resume(straight.run.path, epochs=3, parts=parts)
    assert contents(straight.run) == before


def test_curves_that_are_missing_are_drawn(parts):
    run = training.train(CONFIG, parts=parts).run
    before = contents(run)
    run.report.unlink()
    run.curves.unlink()
    run.history.unlink()
    training.resume(run.path, parts=parts)
    assert contents(run) == before


def test_nan_leaves_the_last_good_checkpoint(straight, parts, monkeypatch):
    run = training.train(CONFIG, parts=parts).run
    before = contents(run)
    made = pictures.training_batches

    def broken(split, config):
        x = split.x.copy()
        x[5] = float("nan")
        return made(data.Pictures(x, split.labels, split.classes), config)

    with (
        monkeypatch.context() as planted,
        pytest.raises(training.NonFiniteError, match=r"in epoch 3, .* not finite; .*; the last good checkpoint is "),
    ):
        planted.setattr(pictures, "training_batches", broken)
        training.resume(run.path, epochs=4, parts=parts)
    after = contents(run)
    assert {name: after[name] for name in FILES if name != "config.json"} == {
        name: before[name] for name in FILES if name != "config.json"
    }
    assert training.resume(run.path, epochs=4, parts=parts).finished
    assert run.last.read_bytes() == straight.run.last.read_bytes()


def test_nan_in_the_first_step_leaves_the_beginning(parts):
    with pytest.raises(training.NonFiniteError, match=r"the last good checkpoint is runs/lenet5_modern-digits-1/last"):
        training.train(replace(CONFIG, lr=1e30), parts=parts)
    state = training.load_checkpoint("runs/lenet5_modern-digits-1/last.safetensors")
    assert (state.epoch, state.step) == (0, 0)


def test_what_cannot_work_leaves_no_folder(parts, tmp_path):
    with pytest.raises(ValueError, match=r"there is no network 'lenet5_modem'; did you mean lenet5_modern"):
        training.train(replace(CONFIG, model="lenet5_modem"), parts=parts)
    with pytest.raises(ValueError, match="letters: there is no such folder; expected a folder or one of the names: di"):
        training.train(replace(CONFIG, data="letters"))
    train, test = parts
    coloured = data.Pictures(test.x.repeat(3, axis=1), test.labels, test.classes)  # no size could bring them to one
    with pytest.raises(ValueError, match=r"^lenet5_modern: expects pictures with 1 channels, these have 3"):
        training.train(CONFIG, parts=(train, coloured))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_at_the_beginning_leaves_no_folder(parts, monkeypatch, tmp_path):
    def full(path, state):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("minidl.training.runs.save_checkpoint", full)
    with pytest.raises(OSError, match="No space left on device"):
        training.train(CONFIG, parts=parts)
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("failing, time", [("best.safetensors", 1), ("last.safetensors", 2), ("history.csv", 2)])
def test_a_full_disk_on_the_way_keeps_the_last_good_checkpoint(straight, parts, monkeypatch, failing, time):
    replace_file, written = os.replace, []

    def full(source, goal):
        written.append(os.path.basename(goal))
        if written.count(failing) == time and written[-1] == failing:
            raise OSError(errno.ENOSPC, "No space left on device", str(source))
        replace_file(source, goal)

    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", full)
        with pytest.raises(OSError, match=f"No space left on device: '.*{failing}'"):
            training.train(straight.state.config, parts=parts)
    (run,) = map(run_module.RunFolder, run_module.RUNS.iterdir())
    assert set(contents(run)) <= set(FILES)  # nothing half-written
    assert training.resume(run.path, parts=parts).finished
    assert contents(run) == contents(straight.run)


@pytest.mark.parametrize("number", ENDINGS)
def test_every_signal_that_ends_processes_stops_a_training_between_two_steps(straight, parts, number, monkeypatch):
    monkeypatch.setattr("minidl.training.runs._draw", lambda *_: None)  # takes long, and is not what this is about
    outcome = training.train(straight.state.config, parts=parts, callbacks=[Pressing(5, number=number)])
    assert (outcome.finished, outcome.signal) == (False, number)
    state = training.load_checkpoint(outcome.run.last)
    assert (state.epoch, state.step) == (1, 2)
    outcome = training.resume(outcome.run.path, parts=parts)
    assert (outcome.finished, outcome.signal) == (True, None)
    assert outcome.run.last.read_bytes() == straight.run.last.read_bytes()
    assert signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


@pytest.mark.parametrize("number", ENDINGS)
@pytest.mark.parametrize(
    ("step", "kept"), [(2, "keeps the beginning"), (5, "keeps what was reached after epoch 1"), (None, "all 2 epochs")]
)
def test_a_signal_that_comes_twice_or_outside_of_the_steps_says_what_is_kept(parts, monkeypatch, number, step, kept):
    monkeypatch.setattr("minidl.training.runs._draw", lambda *_: signal.raise_signal(number))
    with pytest.raises(training.Interrupted, match=f"^interrupted.*{kept}.* minidl .*runs/lenet5_m.*-1$") as caught:
        training.train(CONFIG, parts=parts, callbacks=[Pressing(step, number=number, times=2)])
    assert (caught.value.signal, caught.value.status) == (number, 128 + number)
    (run,) = map(run_module.RunFolder, run_module.RUNS.iterdir())
    assert training.load_checkpoint(run.last).epoch == {2: 0, 5: 1, None: 2}[step]
    assert not [name for name in os.listdir(run.path) if name.startswith(".")]


def test_a_second_signal_while_the_middle_of_an_epoch_is_written(parts, monkeypatch):
    monkeypatch.setattr(Checkpointer, "on_stop", lambda self, state: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(training.Interrupted, match="keeps what was reached after epoch 1; go on from there: minidl tr"):
        training.train(CONFIG, parts=parts, callbacks=[Pressing(5)])


@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_before_the_first_step_leaves_no_folder(parts, monkeypatch, tmp_path, number):
    monkeypatch.setattr("minidl.training.runs.save_checkpoint", lambda *_: signal.raise_signal(number))
    with pytest.raises(training.Interrupted, match="^interrupted before the first step; no run folder was made$"):
        training.train(CONFIG, parts=parts)
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("number", ENDINGS)
def test_signals_that_are_ignored_from_the_start_stay_ignored(parts, number, monkeypatch):
    monkeypatch.setattr("minidl.training.runs._draw", lambda *_: None)
    signal.signal(number, signal.SIG_IGN)
    outcome = training.train(CONFIG, parts=parts, callbacks=[Pressing(1, number=number, times=2)])
    assert (outcome.finished, outcome.signal) == (True, None)
    assert signal.getsignal(number) is signal.SIG_IGN


def test_only_the_first_ctrl_c_is_a_request():
    with interruptible() as pressed:
        assert not pressed()
        signal.raise_signal(signal.SIGINT)
        assert pressed()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_handlers_of_others_stay(monkeypatch):
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append("mine"))
    try:
        with interruptible() as pressed:
            signal.raise_signal(signal.SIGINT)
            assert not pressed()
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == ["mine"]


def test_a_thread_can_train(parts):
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(training.train(replace(CONFIG, epochs=1), parts=parts)))
    thread.start()
    thread.join()
    assert outcomes[0].finished
