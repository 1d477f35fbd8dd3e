"""What changes from one network to another: the alignment, the words, and numbers that add up to the sums."""

import itertools

import pytest

from minidl import cost, models, nn
from minidl.cost._alike import Signature, aligned
from minidl.cost.difference import ADDED, CHANGED, REMOVED, RESIZED
from minidl.cost.table import COLUMNS

PAIRS = [
    ("alexnet", "zfnet"),
    ("vgg11", "vgg16"),
    ("resnet50", "resnext50_32x4d"),
    ("googlenet", "bn_inception"),
    ("lenet5", "densenet121"),
    ("mobilenet_v1", "squeezenet1_0"),
]


def unfilled(name):
    with nn.init.unfilled():
        return models.get_model(name)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_changes_add_up_to_the_difference_of_the_sums(pair):
    found = cost.difference(*map(unfilled, pair), batch=3, dtype="float16")
    joined = found.at_depth(1)
    for column in COLUMNS:
        expected = getattr(found.second, column) - getattr(found.first, column)
        assert sum(getattr(change, column) for change in found.changes) == expected
        assert sum(getattr(change, column) for change in joined.changes) == expected
    assert joined.counts() == found.counts()
    kinds = [change.kind for change in found.changes]
    for of, alone in ((found.first, REMOVED), (found.second, ADDED)):
        assert found.alike + sum(kinds.count(kind) for kind in (CHANGED, RESIZED, alone)) == len(of.layers)


def test_alexnet_becomes_zfnet():
    changes = {(change.path, change.kind): change for change in cost.difference(*map(unfilled, PAIRS[0])).changes}
    first = changes["conv1", CHANGED]
    assert first.what == ("conv2d: 11×11 stride 4 → 7×7 stride 2, no padding → padding 1, output 96×55×55 → 96×110×110")
    assert first.parameters == 96 * 3 * (7 * 7 - 11 * 11)
    assert first.macs == 96 * 3 * (49 * 110**2 - 121 * 55**2)
    assert first.activation_bytes == 4 * 96 * (110**2 - 55**2)
    for layer, weights, side in (("conv4", 384 * 384 * 9, 13), ("conv5", 256 * 384 * 9, 13)):
        assert changes[layer, CHANGED].what == "conv2d: in 2 groups → no groups"
        assert changes[layer, CHANGED].parameters == weights // 2
        assert changes[layer, CHANGED].macs == weights // 2 * side**2


def test_vgg16_is_vgg11_with_five_convolutions_more():
    found = cost.difference(*map(unfilled, PAIRS[1]))
    assert {change.kind for change in found.changes} == {ADDED}
    convolutions = [change for change in found.changes if "conv2d" in change.what]
    assert [change.parameters for change in convolutions] == [
        9 * channels * channels + channels for channels in (64, 128, 256, 512, 512)
    ]
    assert found.alike == len(found.first.layers)


def test_groups_are_what_resnext_adds():
    found = cost.difference(*map(unfilled, PAIRS[2]))
    blocks = [change for change in found.changes if change.path.endswith("conv2")]
    assert len(blocks) == 16
    for change in blocks:
        assert "no groups → in 32 groups" in change.what
    assert blocks[0].what.startswith("conv2d: on 64 channels → on 128 channels, no groups → in 32 groups")


def test_a_network_is_like_itself_and_the_way_back_is_the_other_way():
    net = unfilled("googlenet")
    same = cost.difference(net, net)
    assert (same.changes, same.alike) == ((), len(same.first.layers))
    there, back = (cost.difference(*pair) for pair in itertools.permutations(map(unfilled, PAIRS[0])))
    for column in COLUMNS:
        assert sum(getattr(change, column) for change in there.changes + back.changes) == 0


def test_the_alignment_is_the_best_of_all():
    """Against every alignment of two short sequences."""

    def layer(letter):
        return Signature(letter, letter.lower(), {"output": letter})

    def points(a, b):  # the operation, the missing window and weights; for the same letter also output and path
        return 0 if a.lower() != b.lower() else 8 if a == b else 4

    def best(one, two):
        if not one or not two:
            return 0
        return max(best(one[1:], two), best(one, two[1:]), points(one[0], two[0]) + best(one[1:], two[1:]))

    for one, two in itertools.product(["abc", "AbcAbc", "aA", "", "Ccba"], ["abc", "bAcb", "Aab", "", "cCAab"]):
        pairs = aligned([*map(layer, one)], [*map(layer, two)])
        assert [i for i, _ in pairs if i is not None] == list(range(len(one)))
        assert [j for _, j in pairs if j is not None] == list(range(len(two)))
        together = [(one[i], two[j]) for i, j in pairs if i is not None and j is not None]
        assert all(points(*pair) for pair in together)
        assert sum(points(*pair) for pair in together) == best(one, two)


def test_the_table_shows_every_change_but_joins_what_only_has_other_sizes():
    found = cost.difference(*map(unfilled, PAIRS[0]))
    titles, *rows, total = found.cells()
    assert titles[-4:] == ("parameters", "MACs", "FLOPs", "activations")
    assert len(rows) == sum(change.kind != RESIZED for change in found.changes) + 1
    assert rows[-1][1] == "2 operations without weights, the same on arrays of other sizes"
    assert total[:4] == (
        "total", "13 layers alike, 4 changed, 2 removed, 2 added, 2 resized", "+1,392,384", "+443,626,080",
    )  # fmt: skip
    assert str(found).splitlines()[-1].startswith("total")
