"""Pipelines are data: names and numbers in, names and numbers out."""

import json
import tomllib

import numpy as np
import pytest

from minidl import data
from minidl._random import addressed
from minidl.data import transforms
from minidl.data.transforms import Flip, Mixup, Normalize, Pipeline, RandomCrop, Shift, build

RECIPE = """
[[transforms]]
name = "random_resized_crop"
size = 8
[[transforms]]
name = "flip"
[[transforms]]
name = "brightness"
amount = 0.4
[[transforms]]
name = "pca_jitter"
[[transforms]]
name = "normalize"
mean = [0.4, 0.5, 0.6]
std = [0.2, 0.2, 0.2]
[[transforms]]
name = "cutout"
size = 3
[[transforms]]
name = "mixup"
"""


def test_a_recipe_names_a_pipeline(rng):
    pipeline = build(tomllib.loads(RECIPE)["transforms"])
    assert [step.name for step in pipeline.steps] == [
        *("random_resized_crop", "flip", "brightness", "pca_jitter", "normalize", "cutout", "mixup")
    ]
    assert pipeline.mixup == Mixup(0.2)
    y = pipeline([rng.integers(0, 256, (3, 20 + i, 30), dtype=np.uint8) for i in range(3)], rng=rng)
    assert (y.shape, y.dtype) == ((3, 3, 8, 8), np.float32)


def test_a_pipeline_written_down_is_the_same_pipeline():
    pipeline = build(tomllib.loads(RECIPE)["transforms"], "imagenet")
    again = build(json.loads(json.dumps(pipeline.to_list())))
    assert again.to_list() == pipeline.to_list()
    assert pipeline.to_list()[0] == {
        "name": "random_resized_crop",
        "size": 8,
        "scale": [0.08, 1.0],
        "ratio": [3 / 4, 4 / 3],
    }
    for rows, others in zip(pipeline.draw(5, 2, 7), again.draw(5, 2, 7)):
        np.testing.assert_array_equal(rows, others)


def test_statistics_fill_what_is_not_said():
    (step,) = build([{"name": "normalize"}], "imagenet").steps
    assert step == Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    measured = data.Statistics((0.1,), (0.2,), (0.04,), ((1.0,),))
    (step,) = build([{"name": "normalize"}], measured).steps
    assert (step.mean, step.std) == ((0.1,), (0.2,))
    (step,) = build([{"name": "normalize", "mean": [0.3]}], measured).steps
    assert (step.mean, step.std) == ([0.3], (0.2,))
    three = data.Statistics((0.1,) * 3, (0.2,) * 3, (3.0, 2.0, 1.0), ((1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0)))
    (step,) = build([{"name": "pca_jitter"}], three).steps
    assert step.eigenvalues == (3.0, 2.0, 1.0)
    (step,) = build([{"name": "pca_jitter"}], measured).steps  # of one channel: it says so when it is applied
    assert step.eigenvalues == transforms.IMAGENET.eigenvalues


def test_draws_are_addressed_by_seed_name_and_epoch():
    pipeline = Pipeline((Flip(), Shift(3), Flip()))
    flips, steps, again = pipeline.draw(7, 4, 100)
    np.testing.assert_array_equal(flips, addressed(7, "flip", 4).random(100) < 0.5)
    np.testing.assert_array_equal(steps, addressed(7, "shift", 4).integers(-3, 4, (100, 2)))
    np.testing.assert_array_equal(again, addressed(7, "flip 2", 4).random(100) < 0.5)
    np.testing.assert_array_equal(Pipeline((Shift(3),)).draw(7, 4, 100)[0], steps)  # without the others the same
    assert (flips != pipeline.draw(7, 5, 100)[0]).any()
    assert (flips != pipeline.draw(8, 4, 100)[0]).any()


def test_the_default_generator_draws_where_none_is_given(rng):
    import minidl

    x = rng.integers(0, 256, (20, 1, 4, 4), dtype=np.uint8)
    pipeline = Pipeline((Shift(1), Flip()))
    minidl.manual_seed(3)
    first = pipeline(x)
    minidl.manual_seed(3)
    np.testing.assert_array_equal(first, pipeline(x))
    assert (first != pipeline(x)).any()


def test_steps_are_applied_in_their_order(rng):
    x = rng.integers(0, 256, (1, 1, 6, 6), dtype=np.uint8)
    y = build([{"name": "pad", "padding": 1, "value": 7}, {"name": "center_crop", "size": 8}])(x)
    assert (y[0, 0, 0] == 7).all()
    np.testing.assert_array_equal(y[:, :, 1:-1, 1:-1], x)


def test_fixed_steps_are_those_at_the_beginning_that_only_resize():
    assert build([{"name": "resize", "size": 8}, {"name": "center_crop", "size": 8}, {"name": "flip"}]).fixed() == 2
    assert build([{"name": "flip"}, {"name": "resize", "size": 8}]).fixed() == 0
    assert Pipeline().fixed() == 0
    assert Pipeline().mixup is None
    assert Pipeline((RandomCrop(4),)).fixed() == 0


@pytest.mark.parametrize(
    "specs, message",
    [
        ([{"name": "flip"}, {"name": "flop"}], r"transforms: number 2: there is no 'flop'; did you mean flip\?"),
        ([{"name": "normalise"}], r"there is no 'normalise'; did you mean normalize"),
        ([{"name": 7}], r"there is no 7; did you mean resize or center_crop or"),
        ([{"nam": "flip"}], r"transforms: number 1 must be a table with a name; received \{'nam': 'flip'\}"),
        (["flip"], r"transforms: number 1 must be a table with a name; received 'flip'"),
        ([{"name": "flip", "prob": 1}], r"number 1: flip has no setting 'prob'; did you mean p\?"),
        ([{"name": "shift", "pixel": 1}], r"shift has no setting 'pixel'; did you mean pixels\?"),
        ([{"name": "shift"}], r"transforms: number 1: shift needs pixels$"),
        ([{"name": "normalize"}], r"normalize needs mean and std; or let it be measured: build\(specs, statistics\)"),
        ([{"name": "shift", "pixels": -1}], r"shift: pixels must be an int >= 0; received pixels=-1"),
        ([{"name": "mixup"}, {"name": "flip"}], r"transforms: mixup must be the last, because it mixes finished"),
    ],
)
def test_refusals(specs, message):
    with pytest.raises(ValueError, match=message):
        build(specs)


def test_unknown_statistics():
    with pytest.raises(ValueError, match="transforms: the only known statistics are 'imagenet'; received 'cifar'"):
        build([], "cifar")
