"""What everybody calls the FLOPs: the table, and its rules on networks that can be counted by hand."""

import json

import numpy as np
import pytest

from minidl import Function, cost, models, nn, ops


def numbers(*layers, size):
    return {row.who: row.number for row in cost.conventions(nn.Sequential(*layers), size).rows if row.who != "minidl"}


def test_a_convolution_and_a_linear_layer_by_hand():
    """4 kernels of 2·3·3 on 5×5 places, with biases and without; then 100 numbers to 10."""
    macs, places = 18 * 4 * 25, 100
    conv = numbers(nn.Conv2d(2, 4, 3, padding=1), size=(2, 5, 5))
    assert conv["a slide"] == conv["torchvision's page"] == conv["fvcore"] == macs
    assert conv["torchinfo"] == conv["ptflops"] == macs + places
    assert conv["calflops"] == 2 * macs + places
    assert conv["PyTorch's FlopCounterMode"] == 2 * macs
    bare = numbers(nn.Conv2d(2, 4, 3, padding=1, bias=False), size=(2, 5, 5))
    assert set(bare.values()) == {macs, 2 * macs}
    linear = numbers(nn.Linear(100, 10), size=(100,))
    assert linear["torchinfo"] == linear["ptflops"] == 1010
    assert linear["calflops"] == 2000


def test_flops_of_a_line_are_two_and_macs_one():
    found = cost.conventions(nn.Linear(1, 1), (1,))
    assert {row.word: row.number for row in found.rows if row.who == "minidl"} == {"MACs": 1, "FLOPs": 2}


def test_what_is_fused_counts_as_its_parts():
    """A batch norm with a relu in the same step is a batch norm and a relu: 2 of each number and 2, or 1."""
    net = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU())
    apart = {row.who: row.number for row in cost.conventions(net, (4, 3, 3)).rows}

    class Fused(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x):
            mean, var = self.norm.running_mean, self.norm.running_var
            return ops.batch_norm(
                x, self.norm.weight, self.norm.bias, mean, var, training=False, activation="relu", residual=x
            )

    together = {row.who: row.number for row in cost.conventions(Fused(), (4, 3, 3)).rows}
    both = {who: together[who] for who in ("torchinfo", "fvcore", "ptflops", "calflops")}
    assert both == {who: apart[who] for who in both} == {"torchinfo": 8, "fvcore": 72, "ptflops": 144, "calflops": 108}


def test_the_table():
    with nn.init.unfilled():
        found = cost.conventions(models.resnet50())
    assert (found.name, found.input) == ("resnet50", (3, 224, 224))
    text = str(found)
    assert "ptflops                    MACs       4,132,436,968  4.13 GMac" in text
    assert all(row.rule in text for row in found.rows)
    assert json.loads(json.dumps(found.to_dict()))["rows"][2]["number"] == found["torchinfo"].number
    assert "4,132,436,968" in found._repr_html_()
    assert found.cells()[0] == ("who", "calls it", "number", "is written", "what is counted")
    assert {row.written.split()[0] for row in found.rows} == {"4.09", "8.21", "4.11", "4.13", "8.18", "3.81"}
    with pytest.raises(KeyError, match="there is no 'thop'; there are minidl"):
        found["thop"]


def test_no_number_is_called_ops_but_that_of_a_slide():
    found = cost.conventions(nn.Linear(4, 3), (4,))
    assert {row.who for row in found.rows if row.word == "ops"} == {"a slide", "a slide, G = 1024³"}
    assert found["a slide"].written == "0.000000012 G ops"


def test_an_operation_without_a_rule_is_named():
    class Own(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, dy):
            return dy * 2

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(np.ones(1, dtype="float32"))

        def forward(self, x):
            return Own.apply(x)

    found = cost.conventions(Net(), (3, 4, 4))
    assert found.uncounted == ("own",)
    assert "there is no rule for own" in str(found)


def test_what_it_refuses():
    with pytest.raises(TypeError, match="expects a module"):
        cost.conventions("resnet50")
    with pytest.raises(ValueError, match="give size=224"):
        cost.conventions(nn.Conv2d(3, 4, 3))
