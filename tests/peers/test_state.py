"""States of PyTorch's own tensors: what NumPy can read is loaded, the rest is told of in a line with its cure."""

import numpy as np
import pytest

from minidl import nn

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers


def test_a_state_dict_of_tensors_loads_as_it_is():
    ours, theirs = nn.Linear(3, 2), torch.nn.Linear(3, 2)
    assert repr(ours.load_state_dict(theirs.state_dict())) == "2 used, 0 missing, 0 unexpected"
    np.testing.assert_array_equal(ours.weight.data, theirs.weight.detach().numpy())
    with torch.no_grad():
        theirs.weight.zero_()
    assert ours.weight.data.any()


@pytest.mark.parametrize("made", ["with a gradient", "bfloat16", "sparse"])
def test_what_numpy_cannot_read_is_refused_in_a_line(made):
    weight = torch.nn.Linear(3, 2).weight
    values = {"with a gradient": weight, "bfloat16": weight.detach().bfloat16(), "sparse": weight.detach().to_sparse()}
    layer = nn.Linear(3, 2)
    before = layer.state_dict()
    with pytest.raises(TypeError, match=r"^load_state_dict: weight must be .* received a torch\.\w+ \(.*\.numpy\(\)$"):
        layer.load_state_dict({"weight": values[made], "bias": np.zeros(2)})
    np.testing.assert_array_equal(layer.weight.data, before["weight"])
