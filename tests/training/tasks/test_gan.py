"""Adversaries as a kind of training: the same bits after any interruption, figures, sheets, and what stops it."""

import csv

import numpy as np
import pytest

from minidl import Tensor, _random, data, kernels, models, nn, training
from minidl.generation import sample
from minidl.kernels._warmup import rehearsal
from minidl.models._learners import LEARNERS
from minidl.training import make_config
from minidl.training.non_finite import NonFiniteError
from minidl.training.run_folder.samples import is_kept
from minidl.training.tasks import _judge, make_task
from minidl.training.tasks._judge import Judge
from minidl.training.tasks.gan import DiscriminatorWon
from tests.training.test_runs import Pressing, contents

SETTINGS = {
    "dcgan": {"options.width": 2, "options.latent": 3},
    "gan": {"options.width": 5, "options.latent": 3, "options.discriminator_width": 4, "options.pieces": 2},
}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, usual_signals):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_judge, "STEPS", 2)  # one that has learnt a little is enough to be compared with itself


@pytest.fixture(scope="module")
def parts():
    """20 and 6 pictures of 8×8, brighter where the class is higher; pixels from -1.5 to 2.5."""
    rng = np.random.default_rng(0)
    labels = np.arange(26) % 2
    x = (rng.random((26, 1, 8, 8)) * 3 + labels[:, None, None, None] - 1.5).astype(np.float32)
    x[0, 0, 0, :2] = -1.5, 2.5
    return data.Pictures(x[:20], labels[:20], ("dark", "light")), data.Pictures(x[20:], labels[20:], ("dark", "light"))


def config_of(model="dcgan", **settings):
    return make_config(model, **SETTINGS[model] | {"epochs": 2, "batch_size": 8, "lr": 0.01, "threads": 1} | settings)


@pytest.mark.parametrize("model", sorted(LEARNERS.keys() & SETTINGS.keys()))
def test_ctrl_c_in_the_middle_of_epochs_changes_nothing(model, parts, monkeypatch):
    """Two epochs of two steps, in one go and stopped after the first and after the third: equal bytes in every file."""
    monkeypatch.setattr("minidl.training.tasks.gan.write_task_report", lambda run, *_, **__: run.report.touch())
    straight = training.train(config_of(model), parts=parts)
    pressing = Pressing(1, 3)
    outcome = training.train(config_of(model), parts=parts, callbacks=[pressing])
    for _ in range(2):
        assert not outcome.finished
        assert outcome.state.sums["d_loss"] > 0
        outcome = training.resume(outcome.run.path, parts=parts, callbacks=[pressing])
    assert outcome.finished
    files = [
        {file.name: file.read_bytes() for file in (run.path / "samples").iterdir()}
        for run in (straight.run, outcome.run)
    ]
    assert sorted(files[0]) == ["epoch-0001.png", "epoch-0002.png"]
    assert files[0] == files[1]
    found = [contents_of(outcome.run) for outcome in (straight, outcome)]
    assert found[0] == found[1]


def contents_of(run):
    (run.path / "samples").rename(run.path.parent / f"{run.path.name}-samples")
    return contents(run)


def test_a_run_leaves_figures_sheets_and_a_page(parts):
    outcome = training.train(config_of(), parts=parts)
    with open(outcome.run.path / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[3:8] == ["d_loss", "g_loss", "D(x)", "D(G(z))", "frechet"]
    last = outcome.state.history[-1]
    assert 0 < last["D(G(z))"] < 1
    assert outcome.state.best == min(outcome.state.history, key=lambda row: row["frechet"])
    page = (outcome.run.path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64") == 2
    assert "Samples after epoch 2" in page
    assert f"{last['frechet']:.4g}" in page
    figures, state, _ = training.evaluate_run(outcome.run.path, val=parts[1])
    assert figures == {"frechet": pytest.approx(last["frechet"], rel=1e-9)}
    assert state.net.span.tolist() == [-1.5, 2.5]
    line = state.kind.words(last)
    assert line.startswith(f"d loss {last['d_loss']:.4f} g loss {last['g_loss']:.4f}  D(x) ")


def test_the_recipe_is_taken_by_itself_and_says_who_it_is_for():
    config = make_config("dcgan")
    assert (config.task, config.recipe, config.optimizer, config.betas) == ("gan", "own", "adam", (0.5, 0.999))
    assert config.options["width"] == 32
    with pytest.raises(ValueError, match=r"^train: the task gan has no option 'widht'; did you mean width\?$"):
        make_config("dcgan", **{"options.widht": 3})


def test_sheets_of_a_long_run_are_about_a_dozen():
    for epochs in (1, 2, 11, 12, 13, 40, 100, 1000):
        kept = [epoch for epoch in range(1, epochs + 1) if is_kept(epoch, epochs)]
        assert kept[0] == 1
        assert kept[-1] == epochs
        assert min(epochs, 7) <= len(kept) <= 14


def test_pixels_are_brought_to_the_range_of_the_generator(parts):
    """Floats by their least and greatest; bytes are from 0 to 255, whatever is on them."""
    x = np.arange(2 * 64, dtype=np.uint8).reshape(2, 1, 8, 8)
    bright = data.Pictures(np.tile(x, (8, 1, 1, 1)), np.zeros(16, dtype=np.int64), ("all",))
    for given, span in ((parts, [-1.5, 2.5]), ((bright, bright), [0.0, 1.0])):
        config = config_of()
        task = make_task(config.task)
        found = task.open(config, given)
        config = task.resolve(config, found, print)
        state = task.begin(config, found, task.batches(config, found.train, found.val), print)
        assert state.net.span.tolist() == span
        assert state.net.scaled(Tensor(np.float32(span))).numpy().tolist() == [-1.0, 1.0]
        assert config.transforms == config.test_transforms == []


@pytest.mark.parametrize("model", SETTINGS)
def test_a_step_needs_no_kernel_that_was_not_rehearsed_and_the_rehearsal_leaves_no_trace(model, parts, unloaded):
    config = config_of(model)
    task = make_task(config.task)
    found = task.open(config, parts)
    config = task.resolve(config, found, print)
    batches = task.batches(config, found.train, found.val)
    state = task.begin(config, found, batches, print)
    before, draws = state.net.state_dict(), _random.get_state()
    with kernels.use("cpu"):
        task.compile(state, batches, [])
        assert _random.get_state() == draws
        assert all((state.net.state_dict()[name] == array).all() for name, array in before.items())
        assert not state.optimizer.state_dict()["state"]
        ahead = set(unloaded)
        with rehearsal() as needed, np.errstate(all="ignore"):
            task.step(state, [next(batches[0].epoch(0))])
            sample(state.net, 64)
    assert set(needed) <= ahead
    assert len(ahead) > 5


def always_right(net, x):
    """Real pictures are those that are not nearly of one colour, as a generator's are in the beginning."""
    ranges = np.ptp(x.numpy().reshape(len(x), -1), axis=1)
    return net.main(x).reshape(-1) * 0.0 + Tensor(np.where(ranges > 1, 40, -40).astype(np.float32))


def test_a_discriminator_that_wins_is_named_with_the_cures(parts, monkeypatch):
    monkeypatch.setattr(type(models.dcgan_discriminator(8, 1, 2)), "forward", always_right)
    with pytest.raises(
        DiscriminatorWon,
        match=r"^train: the discriminator has won: its loss was 0.0000 in epoch 1, D\(x\) 1.000, D\(G\(z\)\) 0.000, .*"
        r"try a smaller learning rate \(lr=\S+ now\), a narrower discriminator .*non_saturating.*more pictures$",
    ):
        training.train(config_of(lr=1e-5), parts=parts)


@pytest.mark.parametrize(
    ("path", "part", "where"),
    [
        (
            "generator.main.3.weight",
            "discriminator",
            r"parameter generator.main.3.weight is not finite and .* generator.main.3 ",
        ),
        (
            "discriminator.main.2.weight",
            "discriminator",
            r"parameter discriminator.main.2.weight .* discriminator.main.2 ",
        ),
    ],
)
def test_nan_is_traced_to_the_network_and_the_layer(parts, monkeypatch, path, part, where):
    class Poison(training.Callback):
        def on_step(self, state, loss):
            parameter = dict(state.net.named_parameters())[path]
            parameter.data = parameter.data * np.float32(np.nan)

    message = rf"^train: in epoch 1, step 2, the loss of the {part} is nan: {where}.*; try a smaller learning rate"
    with pytest.raises(NonFiniteError, match=message):
        training.train(config_of(), parts=parts, callbacks=[Poison()])


def test_the_search_for_nan_drops_the_same_units_again(parts, monkeypatch):
    masks, forward = [], nn.Dropout.forward

    def recorded(layer, x):
        y = forward(layer, x)
        masks.append((y.numpy() == 0).tobytes())
        return y

    class Poison(training.Callback):
        def on_step(self, state, loss):
            masks.clear()
            state.net.discriminator.real.weight.data = np.full((1, 4), np.nan, dtype=np.float32)

    monkeypatch.setattr(nn.Dropout, "forward", recorded)
    with pytest.raises(NonFiniteError, match=r"comes from discriminator.real \(linear\)"):
        training.train(config_of("gan"), parts=parts, callbacks=[Poison()])
    assert len(set(masks)) > 4
    assert masks[:6] == masks[6:]


def test_nan_that_the_discriminator_s_own_step_made_is_found_in_the_generator_s_turn(parts):
    message = r"epoch 1, step 1, the loss of the generator is nan: .*comes from discriminator\.main\.2 \(conv2d\); try"
    with pytest.raises(NonFiniteError, match=message):
        training.train(config_of(lr=1e38, optimizer="sgd", epochs=1), parts=parts)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (12, 12),
            r"^dcgan_generator: image_size must be 4, doubled .* image_size=12; take 8 or 16: --set picture_size=N$",
        ),
        (
            (8, 16),
            r"^train: dcgan makes square pictures, these are 8×16; bring them to one size: --set picture_size=32$",
        ),
    ],
)
def test_pictures_whose_size_does_not_fit(shape, message):
    pictures = data.Pictures(
        np.random.default_rng(0).random((16, 1, *shape), dtype="float32"), np.zeros(16, int), ("all",)
    )
    with pytest.raises(ValueError, match=message):
        training.train(config_of(), parts=(pictures, pictures))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"accumulate": 2}, r"^train: accumulate says nothing to adversaries; received accumulate=2; leave it out$"),
        ({"mixup": 0.2}, r"^train: mixup says nothing to adversaries"),
        ({"clip_norm": 1.0}, r"^train: clip_norm says nothing to adversaries"),
        ({"options.loss": "hinge"}, r"^train: options.loss must be non_saturating or minimax; received 'hinge'$"),
        ({"options.pieces": 2}, r"^train: dcgan has no pieces; leave options.pieces out$"),
        ({"options.width": 0}, r"^dcgan_generator: width must be an int >= 1"),
    ],
)
def test_settings_that_mean_nothing_are_refused(parts, settings, message):
    with pytest.raises(ValueError, match=message):
        training.train(config_of(**settings), parts=parts)


def test_pictures_of_one_colour_are_refused():
    grey = data.Pictures(np.ones((16, 1, 8, 8), np.float32), np.zeros(16, int), ("all",))
    with pytest.raises(ValueError, match="nothing to learn from pictures of one colour: all pixels are 1$"):
        training.train(config_of(), parts=(grey, grey))


def test_the_judge_tells_real_from_noise_and_leaves_the_generator_alone(monkeypatch, rng):
    monkeypatch.setattr(_judge, "STEPS", 20)
    state = _random.get_state()
    labels = np.arange(60) % 3
    x = rng.random((60, 1, 32, 32)).astype(np.float32) * 0.3
    for label in range(3):
        x[labels == label, :, 8 * label : 8 * label + 10] += 0.7
    judge = Judge(x[:40], labels[:40], seed=3)
    real, noise = judge.distance(x[40:]), judge.distance(rng.random((20, 1, 32, 32)).astype(np.float32))
    assert real < noise / 3
    assert _random.get_state() == state
    assert Judge(x[:40], labels[:40], seed=3).distance(x[40:]) == real
    for side in (8, 80):
        noise = rng.random((3, 3, side, side), dtype=np.float32)
        assert Judge(noise, np.zeros(3, int), 0).distance(noise) == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="a distance needs two pictures to validate with; there are 1$"):
        Judge(x[:1], labels[:1], 0)
