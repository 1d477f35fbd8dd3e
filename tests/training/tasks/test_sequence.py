"""Trainings of strings: figures that are what they say, resumed to the bit, and a page that shows what was written."""

import json
import re
import signal

import numpy as np
import pytest

from minidl import cli, models, ops, training
from minidl.data.reversals import is_held_out
from minidl.models.alphabet import END, START
from minidl.training import load_checkpoint, make_config
from minidl.training.tasks import make_task
from minidl.training.tasks.sequence import Sentences, SequenceTask, Strings, judge, written

SMALL = {
    "epochs": 2,
    "batch_size": 4,
    "threads": 1,
    "schedule": {"name": "inverse_sqrt", "warmup": 1},  # which does not ask how long the training will be
    "options": {"symbols": "abcd", "shortest": 2, "longest": 5, "steps": 3, "held_out": 6},
}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, usual_signals):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True, scope="module")
def _dropout():
    """The toy with dropout, which makes resuming hard."""
    before = models.transformer.SIZES["transformer_tiny"]
    models.transformer.SIZES["transformer_tiny"] = before | {"dropout": 0.1, "width": 8, "heads": 2, "hidden": 12}
    yield
    models.transformer.SIZES["transformer_tiny"] = before


@pytest.fixture(scope="module")
def straight(tmp_path_factory, _dropout):
    """Two epochs without any interruption."""
    return training.train(make_config("transformer", **SMALL), out=tmp_path_factory.mktemp("run") / "straight")


@pytest.fixture
def undrawn(monkeypatch):
    """Runs without a page, which takes most of their time."""
    monkeypatch.setattr(SequenceTask, "draw", lambda self, run, state, val: run.report)


class Pressing(training.Callback):
    def __init__(self, *steps):
        self.steps, self.done = steps, 0

    def on_step(self, state, loss):
        self.done += 1
        if self.done in self.steps:
            signal.raise_signal(signal.SIGINT)


def contents(run):
    """What is in the files, but for times."""
    found = {file.name: file.read_bytes() for file in run.path.iterdir() if file.suffix not in (".html", ".png")}
    return found | {"history.csv": [line.rsplit(b",", 2)[0] for line in found["history.csv"].splitlines()]}


# -------------------------------------------------------------------------------------------------------------- strings


def test_no_epoch_has_a_held_out_string():
    config = make_config("transformer", **SMALL)
    train, held = Strings(config, held_out=False), Strings(config, held_out=True)
    kept = {text for text, _ in held.pairs(6)}
    seen = {text for epoch in range(9) for step in range(3) for text, _ in train.pairs(4, epoch, step)}
    assert all(map(is_held_out, kept))
    assert not any(map(is_held_out, seen))
    assert {len(text) for text in kept} == {5}
    assert {len(text) for text in seen} == {2, 3, 4, 5}
    other = Strings(make_config("transformer", **SMALL, seed=1), held_out=True)
    assert other.pairs(6) == held.pairs(6)


def test_batches_begin_anywhere_and_hold_the_strings_backwards():
    batches = Sentences(Strings(make_config("transformer", **SMALL), held_out=False))
    whole = list(batches.epoch(3))
    assert (len(whole), len(batches)) == (3, 3)
    for one, other in zip(whole[1:], batches.steps(3, 1), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    source, target = whole[0]
    assert set(target[:, 0]) == {START}
    assert (target[:, 1:] == END).sum() == (source == END).sum() == 4
    texts = batches.alphabet.decode(source)
    assert [text[::-1] for text in texts] == batches.alphabet.decode(target)
    held = Sentences(Strings(make_config("transformer", **SMALL), held_out=True))
    assert [len(source) for source, _ in held.epoch(0)] == [4, 2]


# -------------------------------------------------------------------------------------------------------------- figures


def test_strings_are_right_exactly_where_greedy_decoding_writes_them_right():
    """One pass tells what writing all of them tells, of a network that gets some right: it learnt these by heart."""
    sizes = {"symbols": "abcd", "shortest": 2, "longest": 3, "held_out": 20}
    config = make_config("transformer", **SMALL | {"batch_size": 10, "options": sizes})
    task, state = make_task("sequence"), make_task("sequence").begin(*_begun(config))
    held = Strings(config, held_out=True)
    batches, pairs, found = Sentences(held), held.pairs(20), {"strings": 0.0}
    state.optimizer.lr = 0.02
    for _ in range(12):
        for batch in [*batches.epoch(0)] * 6:
            task.step(state, [batch])
        found = judge(state.net, batches, "cpu")
        texts = written(state, pairs)
        assert found["strings"] == sum(text == target for (_, target), text in zip(pairs, texts)) / 20
        if found["strings"]:
            break
    assert 0 < found["strings"] < 1


def _begun(config):
    task = make_task("sequence")
    found = task.open(config, None)
    return config, found, task.batches(config, found.train, found.val), print


def test_symbols_and_loss_by_hand():
    config = make_config("transformer", **SMALL)
    net = make_task("sequence").begin(*_begun(config)).net.eval()
    losses, right = [], []
    for text, target in Strings(config, held_out=True).pairs(6):
        letters = {symbol: 3 + i for i, symbol in enumerate("abcd")}
        source, wanted = [letters[s] for s in text] + [END], [letters[s] for s in target] + [END]
        logits = net([source], [[START, *wanted[:-1]]])
        log_p = ops.log_softmax(logits).data[0]
        losses += [-log_p[place, token] for place, token in enumerate(wanted)]
        right += [log_p[place, 2:].argmax() + 2 == token for place, token in enumerate(wanted)]
    found = judge(net, Sentences(Strings(config, held_out=True)), "cpu")
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert found["symbols"] == pytest.approx(np.mean(right))


def test_what_is_never_written_is_no_answer():
    """However likely padding and a start are said to be, the next likeliest symbol is written."""
    config = make_config("transformer", **SMALL)
    state = make_task("sequence").begin(*_begun(config))
    batches, pairs = Sentences(Strings(config, held_out=True)), Strings(config, held_out=True).pairs(6)
    found, texts, plain = judge(state.net, batches, "cpu"), written(state, pairs), state.net.logits
    more = np.array([90, 90, 0, 0, 0, 0, 0], "float32")
    object.__setattr__(state.net, "logits", lambda states: plain(states) + more)
    assert judge(state.net, batches, "cpu")["symbols"] == found["symbols"] > 0
    assert written(state, pairs) == texts


def test_batches_of_one_step_count_by_their_symbols():
    """The gradient of two batches of different lengths is that of one with all their strings."""
    config = make_config("transformer", **SMALL | {"options": SMALL["options"] | {"shortest": 1}})
    task, gradients = make_task("sequence"), []
    sentences = Sentences(Strings(config, held_out=False))
    pairs = [("ab", "ba"), ("abcd", "dcba"), ("d", "d")]
    for group in ([pairs], [pairs[:1], pairs[1:]]):
        state = task.begin(*_begun(config))
        state.net.eval()
        state.optimizer.step = lambda: None
        mean = task.step(state, [sentences.tokens(part) for part in group])
        gradients.append([parameter.grad for parameter in state.net.parameters()])
        assert mean == pytest.approx(state.loss_sum / state.seen, rel=1e-6)
        assert state.seen == 3 + 5 + 2
    for one, other in zip(*gradients, strict=True):
        assert np.abs(one - other).max() <= 1e-5 * max(1, np.abs(one).max())


# ----------------------------------------------------------------------------------------------------------------- runs


def test_a_run_leaves_its_files(straight):
    assert straight.finished
    assert sorted(file.name for file in straight.run.path.iterdir()) == [
        "attention.png", "best.safetensors", "config.json", "curves.png", "history.csv", "last.safetensors",
        "report.html",
    ]  # fmt: skip
    settings = json.loads((straight.run.path / "config.json").read_text())
    assert (settings["task"], settings["data"], settings["arguments"]) == ("sequence", "reversals", {"vocabulary": 7})
    assert list(straight.state.history[0]) == [
        "epoch",
        "step",
        "lr",
        "train_loss",
        "val_loss",
        "val_symbols",
        "val_strings",
    ]


def test_interruptions_in_the_middle_of_both_epochs_change_nothing(straight, undrawn):
    steps = (2, 4)
    pressing = Pressing(*steps)
    outcome = training.train(make_config("transformer", **SMALL), callbacks=[pressing])
    for _ in steps:
        assert not outcome.finished
        assert load_checkpoint(outcome.run.last).step
        outcome = training.resume(outcome.run.path, callbacks=[pressing])
    assert outcome.finished
    assert contents(outcome.run) == contents(straight.run)


def test_eval_repeats_the_figures_and_two_epochs_are_one_and_one_more(straight, undrawn, capsys):
    one = training.train(make_config("transformer", **SMALL | {"epochs": 1}))
    training.resume(one.run.path, epochs=2)
    assert contents(one.run)["last.safetensors"] == contents(straight.run)["last.safetensors"]
    row = straight.state.history[-1]
    figures = {name: row[f"val_{name}"] for name in ("loss", "symbols", "strings")}
    assert training.evaluate_run(straight.run.path)[0] == figures
    assert cli.run(["eval", str(straight.run.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("last.safetensors: transformer after epoch 2, on reversals")
    assert [line.split() for line in lines[-3:]] == [
        ["loss", f"{figures['loss']:.4f}"],
        ["symbols", f"{100 * figures['symbols']:.2f}", "%"],
        ["strings", f"{100 * figures['strings']:.2f}", "%"],
    ]


def test_the_page_shows_what_was_written_and_where_it_looked(straight):
    page = straight.run.report.read_text(encoding="utf-8")
    assert re.findall(r'<h2 id="(\w+)">', page) == ["curves", "strings", "attention", "settings", "on"]
    pairs = Strings(straight.state.config, held_out=True).pairs(6)
    for (text, target), wrote in zip(pairs, written(straight.state, pairs), strict=True):
        assert text in page
        assert wrote == target or f"no: {target}" in page
    assert "held-out strings written right" in page
    assert page.count("currentColor") > 10  # the plots suit day and night
    assert "Backwards is the other diagonal" in page


def test_a_loss_that_is_no_number_is_named(monkeypatch):
    config = make_config("transformer", **SMALL)
    state = make_task("sequence").begin(*_begun(config))
    weight = state.net.decoder.layers[1].linear1.weight
    weight.data = np.full(weight.shape, np.nan, "float32")
    batch = next(Sentences(Strings(config, held_out=False)).epoch(0))
    with pytest.raises(
        training.NonFiniteError, match=r"in epoch 1, step 1, the loss is nan: parameter decoder.layers.1"
    ):
        make_task("sequence").step(state, [batch])
    assert state.seen == 0


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            {"data": "digits"},
            "train: transformer learns from strings that are made, data='reversals'; received data='digits'",
        ),
        ({"mixup": 0.2}, "train: transformer learns from strings, for which there is no mixup; received mixup=0.2"),
        ({"options": {"steps": 0}}, "train: options.steps must be an int >= 1; received options.steps=0"),
        ({"options": {"longest": 2.5}}, "train: options.longest must be an int >= 1; received options.longest=2.5"),
        ({"options": {"shortest": 9, "longest": 8}}, "reversals: longest must be an int >= 9; received longest=8"),
        ({"options": {"symbols": "aba"}}, "Alphabet: symbols must be different characters; received symbols='aba'"),
        ({"options": {"letters": "ab"}}, "train: the task sequence has no option 'letters'; did you mean"),
        ({"options": {"symbols": "a", "longest": 1}}, "reversals: of strings of 1 to 1 of 1 symbols too few are held"),
        (
            {"task": "classification"},
            "train: transformer is made for the task sequence; received task='classification'",
        ),
        ({"recipe": "fast"}, "recipe: fast is for classifiers, transformer is none; take own instead"),
    ],
    ids=str,
)
def test_settings_that_are_refused(settings, text, tmp_path):
    with pytest.raises(ValueError, match=re.escape(text)):
        training.train(make_config("transformer", **settings), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_command_trains_and_its_mistakes_have_no_traceback(undrawn, capsys):
    options = [f"--set=options.{name}={value}" for name, value in SMALL["options"].items()]
    assert cli.run(["train", "transformer", "--epochs", "1", "--batch-size", "4", *options]) == 0
    out = capsys.readouterr().out
    assert "4 symbols, 12 strings an epoch to learn from, 6 that are held out" in out
    assert "accuracy on held-out strings" in out
    assert cli.run(["train", "transformer", "--data", "digits"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert cli.run(["predict", "runs/transformer-reversals-1", "x.png"]) == 1
    assert "learnt sequence" in capsys.readouterr().err
