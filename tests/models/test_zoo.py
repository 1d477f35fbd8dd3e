"""The networks are what they are elsewhere: counts, names and shapes, arithmetic.

The figures come from `tests/data/zoo.json.gz`, read off torchvision and timm, or, where neither has the network, from
the paper's table, term by term, in `derived.py`.
"""

import gzip
import json
from pathlib import Path

import pytest

from minidl import cost, models
from minidl.models._elsewhere import TIMM, TORCHVISION
from minidl.models._registry import ENTRIES
from tests.models.derived import DERIVED
from tests.models.walk import count, unfilled

with gzip.open(Path(__file__).parents[1] / "data" / "zoo.json.gz") as file:
    ZOO = json.load(file)

ELSEWHERE = TORCHVISION | TIMM
KNOWN = {name: ELSEWHERE[name] for name in ENTRIES if ELSEWHERE.get(name) in ZOO}


def test_every_network_has_its_figures_from_one_place():
    assert set(KNOWN) ^ set(DERIVED) == set(ENTRIES)
    assert set(ELSEWHERE) <= set(ENTRIES)
    assert set(KNOWN.values()) == set(ZOO)


@pytest.mark.parametrize("name", DERIVED)
def test_parameters_are_those_of_the_papers_table(name):
    printed, terms = DERIVED[name]
    assert sum(terms) == printed
    assert count(unfilled(name)) == printed


@pytest.mark.parametrize("name", KNOWN)
def test_parameters_names_and_shapes_are_those_of_the_zoo(name):
    net, known = unfilled(name), ZOO[KNOWN[name]]
    assert count(net) == known["params"]
    state = {path: list(parameter.shape) for path, parameter in net.named_parameters()}
    state |= {path: list(buffer.shape) for path, buffer in net.named_buffers()}
    assert known["source"].startswith("torchvision" if name in TORCHVISION else "timm")
    if name in TORCHVISION:
        assert state == known["state_dict"]
        assert models.describe(name).weights == f"torchvision {KNOWN[name]}"
    else:  # timm has names of its own
        assert sorted(state.values()) == sorted(known["state_dict"].values())


# torchvision trained B2 on larger pictures than the authors did.
PUBLISHED = {"efficientnet_b2": 260}


@pytest.mark.parametrize("name", KNOWN)
def test_multiply_accumulates_are_those_of_the_zoo(name):
    known = ZOO[KNOWN[name]]
    assert ENTRIES[name].input_size == PUBLISHED.get(name, known["input_size"])
    found = cost.count(unfilled(name), known["input_size"])
    assert (found.parameters, found.macs) == (known["params"], known["macs_conv_linear"])
    assert not found.uncounted


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.variant.aux])
def test_without_auxiliary_heads_their_parameters_are_gone(name):
    net, without = unfilled(name), unfilled(name, aux_logits=False)
    heads = [path for path, _ in net.named_parameters() if path.startswith(ENTRIES[name].variant.aux)]
    assert heads
    assert [path for path, _ in without.named_parameters()] == [
        path for path, _ in net.named_parameters() if path not in heads
    ]
