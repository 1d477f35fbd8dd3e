"""What a network is called with where it is counted: every network of every task, and one of somebody's own."""

import numpy as np
import pytest

from minidl import cost, models, nn, ops
from minidl.cost.example import as_counted, examples, input_shape, shape_of, takes_several, written
from minidl.models._learners import CLASSIFICATION, LEARNERS
from minidl.nn import init
from minidl.tensor import no_grad

TRAINED = sorted({*models.list_models(), *LEARNERS} - {"neocognitron"})
PARAMETERS_OF_ITS_OWN = {"neocognitron"}  # none: see tests/cli/test_summary.py


def built(name, **settings):
    with init.unfilled(), np.errstate(all="ignore"):
        return LEARNERS[name].builder(**settings) if name in LEARNERS else models.get_model(name, **settings)


@pytest.mark.parametrize("name", TRAINED)
def test_every_network_of_every_task_is_counted_whole(name):
    net = built(name)
    found = cost.count(net)
    assert found.parameters == sum(parameter.numel() for parameter in net.parameters())
    assert found.macs > found.parameters / 10
    assert not found.uncounted
    not_run = {row.path.partition(".")[0] for row in found.layers if row.output is None}
    assert not_run <= {"aux", "aux1", "aux2", "AuxLogits", "auxiliary"}
    assert all(0 not in row.output for row in found.layers if row.output is not None)


def test_all_kinds_of_tasks_were_walked():
    from minidl.training.tasks import CLASSES

    walked = {LEARNERS[name].task if name in LEARNERS else CLASSIFICATION for name in TRAINED}
    assert walked | {LEARNERS[name].task for name in PARAMETERS_OF_ITS_OWN} == set(CLASSES)


def test_a_transformer_costs_what_its_sizes_say():
    source, target, width, hidden, vocabulary, depth = 20, 15, 64, 128, 29, 2
    turned = 2 * width * hidden
    encoder = source * (4 * width**2 + 2 * source * width + turned)
    own = target * (4 * width**2 + 2 * target * width)
    other = 2 * target * width**2 + 2 * source * width**2 + 2 * target * source * width
    found = cost.count(built("transformer"), (source, target))
    assert found.macs == depth * (encoder + own + other + target * turned) + target * width * vocabulary
    assert found.input == {"source": (source,), "target": (target,)}
    assert found.depth == 4 * depth + 6 * depth + 1 - 2  # the encoder is longer than the decoder's first attention


def test_a_diffusion_transformer_costs_what_its_sizes_say():
    tokens, width, depth, patch = 16, 128, 4, 64
    block = 6 * width**2 + tokens * (4 * width**2 + 2 * tokens * width + 8 * width**2)
    ends = tokens * width * patch + 256 * width + width**2 + 2 * width**2 + tokens * width * patch
    found = cost.count(built("dit_tiny"))
    assert found.macs == depth * block + ends
    assert found.input == {"picture": (1, 32, 32), "step": (), "class": ()}
    assert {str(row.field) for row in found.layers if row.path == "t_embedder.mlp.0"} == {"None"}
    assert next(row.field.size for row in found.layers if row.op == "conv2d") == (8, 8)


def test_adversaries_cost_what_both_do():
    found = cost.count(built("gan"))
    assert found.macs == 100 * 1200 + 1200**2 + 1200 * 784 + 784 * 1200 + 240 * 1200 + 240
    net = built("dcgan")
    halves = cost.count(net.generator, (100,)), cost.count(net.discriminator)
    found = cost.count(net)
    assert (found.name, found.input) == ("dcgan_generator → dcgan_discriminator", {"noise": (100,)})
    for column in ("macs", "flops", "parameters", "depth"):
        assert getattr(found, column) == sum(getattr(half, column) for half in halves)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("gan", {"image_size": 4, "width": 8, "discriminator_width": 4}),
        ("dcgan", {"image_size": 8, "width": 2}),
        ("dit_tiny", {"depth": 1, "width": 8, "heads": 1}),
        ("transformer", {"depth": 1, "width": 8, "heads": 1}),
    ],
)
def test_examples_can_be_given_in_earnest(name, settings):
    net = LEARNERS[name].builder(**settings)
    inputs = examples(net, None, 3)
    with no_grad():
        result = as_counted(net).eval()(*inputs.values())
    assert np.isfinite(result.numpy()).all()
    assert len(result) == 3
    assert cost.count(net).input == shape_of(inputs)
    found = cost.measure(net, batch=3, rounds=1, of=cost.Machine(1e9, 1e9, "float32"))
    assert found.input == shape_of(inputs)
    assert [(row.path, row.op) for row in found.layers] == [(row.path, row.op) for row in cost.count(net).layers]
    assert written(found.input) in str(found)
    again = examples(net, None, 3)
    for one, other in zip(inputs.values(), again.values()):
        np.testing.assert_array_equal(np.asarray(getattr(one, "data", one)), np.asarray(getattr(other, "data", other)))


def test_the_longest_sentence_is_not_passed():
    assert cost.count(built("transformer", longest=9)).input == {"source": (9,), "target": (9,)}


def test_a_training_step_of_two_sentences():
    found = cost.memory(built("transformer"), 10, batch=4, optimizer="adam")
    assert found.pictures == 2 * 4 * 10 * 8  # whole numbers of 8 bytes
    assert found.parameters == found.gradients == 4 * 169_536
    assert "4 inputs of source 10, target 10" in str(found)
    assert not found.unwalked


class Two(nn.Module):
    """Somebody's own, which is called with two arrays."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(3, 4), nn.Linear(5, 4)

    def forward(self, a, b):
        return ops.relu(self.left(a) + self.right(b))

    def example_inputs(self, n, size, rng):
        draw = rng.standard_normal
        return {name: minidl_tensor(draw((n, width))) for name, width in (("a", 3), ("b", 5))}


def minidl_tensor(array):
    from minidl import Tensor

    return Tensor(array.astype("float32"))


def test_a_network_of_ones_own_tells_what_it_is_called_with():
    net = Two()
    assert takes_several(net)
    assert (cost.count(net).macs, cost.count(net).input) == (32, {"a": (3,), "b": (5,)})
    assert [row.number for row in cost.conventions(net).rows][:2] == [32, 68]
    assert cost.difference(net, net).alike == 4
    with pytest.raises(ValueError, match="^cost: Two is called with a, b; this asks for a network that takes pictures"):
        input_shape(net, 7)
    with pytest.raises(ValueError, match="^cost: size must be an int >= 1; received size=0"):
        cost.count(net, 0)
