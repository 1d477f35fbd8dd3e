"""Operations of one's own in a file: subclasses of Function, and functions of tensors."""

import textwrap

import pytest

from minidl.proof.student import check_file

HEAD = "import numpy as np\nimport minidl\nfrom minidl import Function, Tensor, ops\n"


@pytest.fixture
def check(tmp_path):
    """Write a file and check one operation of it, or all."""

    def run(source, only=None, **settings):
        (tmp_path / "mine.py").write_text(HEAD + textwrap.dedent(source), encoding="utf-8")
        return list(check_file(tmp_path / "mine.py", only, **settings))

    return run


def function(name, forward, backward, parameters="x"):
    return (
        f"class {name}(Function):\n"
        "    @staticmethod\n"
        f"    def forward(ctx, {parameters}):\n"
        f"        ctx.save({parameters.partition(', *')[0]})\n"
        f"        return {forward}\n"
        "    @staticmethod\n"
        "    def backward(ctx, dy):\n"
        f"        {parameters.partition(', *')[0]}, = ctx.saved\n"
        f"        return {backward}\n"
    )


RIGHT = {
    "one input": function("Square", "x * x", "2 * x * dy"),
    "two of one shape": function("Product", "x * y", "dy * y, dy * x", "x, y"),
    "a number for each channel": function(
        "Scale", "x * s[:, :, None, None]", "dy * s[:, :, None, None], (dy * x).sum((2, 3))", "x, s"
    ),
    "matrices": function("Product", "x @ y", "dy @ y.T, x.T @ dy", "x, y"),
    "positive numbers": function("Root", "np.sqrt(x)", "dy / 2 / np.sqrt(x)"),
    "pictures alone": function("Means", "x.mean((2, 3))", "np.ones_like(x) * dy[:, :, None, None] / 21"),
    "rows alone": function("Ends", "x[:, -1] * 1.0", "np.eye(x.shape[1])[-1] * dy[:, None]").replace(
        "def forward(ctx, x):\n", "def forward(ctx, x):\n        n, m = x.shape\n"
    ),
    "an annotated function": "def loss(x: Tensor, t: Tensor) -> Tensor:\n    return ops.mse_loss(x, t)\n",
    "an annotation in quotes": "def loss(x, t) -> 'Tensor':\n    return ops.mse_loss(x, t)\n",
    "a class above it": "class Base(Function):\n    sign = 1.0\n"
    + function("Plain", "x * 1.0", "dy * 1.0").replace("Function", "Base"),
    "settings with defaults": function("Times", "3.0 * x", "3.0 * dy", "x, *, slope=3.0"),
    "inputs that are told": "def loss(x, t):\n    return ops.cross_entropy(x, t)\n"
    "INPUTS = {'loss': [(4, 3), np.array([0, 2, 1, 1])]}\n",
    "settings that are told": "def leaky(x, *, slope):\n    return ops.leaky_relu(x, slope)\n"
    "INPUTS = {'leaky': ((4, 3), {'slope': 0.3})}\n",
}


@pytest.mark.parametrize("key", RIGHT)
def test_what_is_right(key, check):
    (result,) = check(RIGHT[key])
    assert (result.verdict, result.trouble, result.check) == ("ok", "", "finite differences")
    assert 0 < result.worst < 1e-6


WRONG = {
    "half of it": (
        function("Square", "x * x", "x * dy"),
        "FAIL",
        [
            "mine.py:9: Square, finite differences:",
            "a constant factor: dx is 1/2 times the slope",
            "(guessed inputs: [(5,",
        ],
    ),
    "a gradient of another shape": (
        function("Square", "x * x", "dy[0]"),
        "ERROR",
        ["mine.py:9: ValueError: square: backward must return for input 0 a gradient float64 (5, 4, 3, 7); it"],
    ),
    "an error in backward": (
        function("Square", "x * x", "dy.reshape(7, 7)"),
        "ERROR",
        ["mine.py:12: ValueError: cannot reshape array of size 420 into shape (7,7)\n    return dy.reshape(7, 7)\n"],
    ),
    "an error in forward": (
        function("Square", "x.nothing", "dy"),
        "ERROR",
        [
            "mine.py:5: Square: its inputs cannot be guessed: mine.py:8: AttributeError: 'numpy.ndarray' object has no",
            "INPUTS = {'Square': [(2, 3), …]}",
        ],
    ),
    "a setting without a default": (
        function("Times", "slope * x", "dy", "x, *, slope"),
        "ERROR",
        ["mine.py:5: Times: its inputs cannot be guessed\n  say them in the file: INPUTS = {'Times'"],
    ),
    "no tensor comes out": (
        "def loss(x, t) -> Tensor:\n    return 3\n",
        "ERROR",
        ["mine.py:4: loss: its inputs cannot be guessed: mine.py:4: TypeError: gradcheck: f must return a Tensor"],
    ),
    "with inputs that are told": (
        function("Square", "x * x", "x * dy") + "INPUTS = {'Square': [np.ones((2, 3))]}\n",
        "FAIL",
        ["mine.py:9: Square, finite differences:", "x  (2, 3)  FAIL", "dx is 1/2"],
    ),
    "two times the same": (
        function("Noise", "x * np.random.default_rng().random()", "dy"),
        "ERROR",
        ["mine.py:5: ValueError: gradcheck: f gives two results for the same inputs; fix its random numbers"],
    ),
    "not written yet": (
        "class Later(Function):\n    @staticmethod\n    def forward(ctx, x):\n        raise NotImplementedError\n",
        "not written yet",
        [""],
    ),
    "backward not written yet": (
        function("Later", "x * 1.0", "self.nothing").replace(
            "return self.nothing", "raise NotImplementedError('soon')"
        ),
        "not written yet",
        ["soon"],
    ),
    "a kink": (
        "def f(x):\n    return ops.relu(x)\nINPUTS = {'f': [np.zeros(3)]}\n",
        "KINK",
        ["f has a corner here"],
    ),
}


@pytest.mark.parametrize("key", WRONG)
def test_what_is_wrong(key, check):
    source, verdict, texts = WRONG[key]
    (result,) = check(source)
    assert result.verdict == verdict
    for text in texts:
        assert text in result.trouble
    assert len(result.trouble.splitlines()) <= 25
    assert ("guessed inputs" in result.trouble) <= ("INPUTS" not in source)


def test_what_is_checked_of_a_file(check, tmp_path):
    """What it defines, but neither what it imports nor its helpers; those if they are asked for."""
    source = RIGHT["one input"] + "def helper(x):\n    return x * 2.0\ndef relu(x):\n    return x * (x > 0)\n"
    results = check(source)
    assert [(r.function, r.verdict) for r in results[:2]] == [("relu", "ok"), ("Square", "ok")]
    assert {r.verdict for r in results[2:]} == {"missing"}
    assert [(r.function, r.verdict) for r in check(source, "helper")] == [("helper", "ok")]
    assert [r.function for r in check(source, "Square", full=True)] == ["Square"]
    with pytest.raises(ValueError, match="there is no function or operation 'Sqare'; did you mean Square"):
        check(source, "Sqare")
    assert [r.function for r in check(RIGHT["one input"])] == ["Square"]  # nothing is said to be missing


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("INPUTS = [3]", "gradcheck: mine.py: INPUTS must be a dict of names; received [3]"),
        (
            "INPUTS = {'Square': 3}",
            r"gradcheck: mine.py: INPUTS\['Square'\] must be a list of shapes and arrays; received 3",
        ),
        ("INPUTS = {'Square': []}", r"INPUTS\['Square'\] must be a list of shapes and arrays; received \[\]"),
        ("INPUTS = {'Sqare': [3.0]}", r"INPUTS\['Sqare'\] must be the name of what the file defines; received \[3.0\]"),
    ],
)
def test_what_is_said_of_inputs_is_judged(said, text, check):
    with pytest.raises(ValueError, match=text.replace("[3]", r"\[3\]")):
        check(RIGHT["one input"] + said + "\n")
