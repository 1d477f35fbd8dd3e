"""Wrong types, ranks, empty sizes, swapped arguments: whatever goes wrong, minidl itself says so in one line."""

import copy
import functools
import itertools
import os

import hypothesis
import pytest
from hypothesis import strategies

import minidl
from minidl import nn, ops, optim
from tests.messages import calls
from tests.messages.judge import complaint
from tests.messages.junk import JUNK

# The default profile draws few wrong calls; the mark `slow` puts each wrong value in the place of each argument.
EACH = 3 if hypothesis.settings.get_current_profile_name() == "default" else 1000  # wrong calls of each right one


@pytest.fixture(scope="module")
def right_calls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("messages")
    before = os.getcwd()
    os.chdir(folder)  # a text that is taken for a path names a file here
    threads = minidl.get_num_threads()
    yield sorted((call for call in calls.every(folder) if any(call[2]())), key=lambda call: call[0])
    minidl.set_num_threads(threads)
    os.chdir(before)


def wrong(draw, args, settings):
    """Put something wrong in the place of one argument or two, or swap two of them."""
    args, slots = list(args), [*range(len(args)), *settings]
    if len(args) > 1 and draw(strategies.integers(0, 5)) == 0:
        first, second = draw(strategies.sampled_from(list(itertools.combinations(range(len(args)), 2))))
        args[first], args[second] = args[second], args[first]
        return args, settings, f"arguments {first} and {second} swapped"
    chosen = draw(strategies.lists(strategies.sampled_from(slots), min_size=1, max_size=2, unique=True))
    names = [draw(strategies.sampled_from(list(JUNK))) for _ in chosen]
    for slot, name in zip(chosen, names):
        (settings if isinstance(slot, str) else args)[slot] = JUNK[name]()
    return args, settings, ", ".join(f"{slot}: {name}" for slot, name in zip(chosen, names))


def test_right_calls_are_right(right_calls):
    for name, function, make in right_calls:
        if not name.startswith("Tensor."):  # some of whose methods refuse some tensors whatever they are given
            args, settings = make()
            function(*args, **settings)


def test_every_operation_layer_and_initialiser_is_called():
    assert set(calls.OPERATIONS) == set(ops.__all__)
    assert set(calls.NO_LAYER) <= set(nn.__all__)
    assert set(calls.INITIALISERS) == set(nn.init.__all__) - {"unfilled"}
    assert {"SGD", "Adam", "AdamW", "RMSprop", "SCHEDULES", "clip_grad_norm", "decay_groups", "make_schedule"} == set(
        optim.__all__
    ) - {"Optimizer", "Schedule", "lr_scheduler"}
    assert set(calls.SCHEDULERS) == set(optim.lr_scheduler.__all__)


def test_whatever_goes_wrong_minidl_says_so(right_calls):
    found = {}

    @hypothesis.settings(max_examples=EACH * len(right_calls))
    @hypothesis.given(strategies.data())
    def fuzz(data):
        name, function, make = data.draw(strategies.sampled_from(right_calls))
        args, settings = make()
        args, settings, what = wrong(data.draw, args, dict(settings))
        problem = complaint(lambda: function(*args, **settings))
        if problem:
            found.setdefault(f"{name} ({what})", problem)

    fuzz()
    assert found == {}


@pytest.mark.slow
def test_every_wrong_value_in_the_place_of_every_argument(right_calls):
    found, kinds = {}, set()
    for name, function, make in right_calls:
        args, settings = make()
        for slot, junk in itertools.product([*range(len(args)), *settings], JUNK):
            args, settings = map(copy.copy, make())
            args = list(args)
            (settings if isinstance(slot, str) else args)[slot] = JUNK[junk]()
            problem = complaint(functools.partial(function, *args, **settings))
            if problem and (name, slot, problem) not in kinds:  # one of a kind will do
                kinds.add((name, slot, problem))
                found[f"{name} ({slot}: {junk})"] = problem
    assert not found, "\n".join(f"{call}: {problem}" for call, problem in found.items())
