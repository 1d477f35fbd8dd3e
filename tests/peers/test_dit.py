"""The diffusion transformer against a plain statement of it in PyTorch, with the same weights under the same names."""

import numpy as np
import pytest

from minidl import Tensor, no_grad, ops
from minidl.generation import Diffusion, linear, loss_at
from minidl.models.dit import DiT
from tests.contract import relative_error
from tests.peers.twins import to_float64

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

F = torch.nn.functional


class Theirs:
    """Section 3.2 of the paper, line by line, on the weights of a state dict."""

    def __init__(self, state, patch, heads, depth):
        self.w, self.patch, self.heads, self.depth = state, patch, heads, depth

    def linear(self, name, x):
        return F.linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def modulated(self, x, shift, scale):
        return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale[:, None]) + shift[:, None]

    def attention(self, name, x):
        n, length, width = x.shape
        q, k, v = self.linear(f"{name}.qkv", x).reshape(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.linear(f"{name}.proj", y.transpose(1, 2).reshape(n, length, width))

    def __call__(self, x, t, y):
        n, _, size, _ = x.shape
        x = F.conv2d(x, self.w["x_embedder.proj.weight"], self.w["x_embedder.proj.bias"], stride=self.patch)
        x = x.flatten(2).transpose(1, 2) + self.w["pos_embed"]
        angles = t[:, None] * torch.exp(-np.log(10_000) * torch.arange(128, dtype=x.dtype) / 128)
        c = torch.cat([angles.cos(), angles.sin()], dim=1)
        c = self.linear("t_embedder.mlp.2", F.silu(self.linear("t_embedder.mlp.0", c)))
        c = F.silu(c + self.w["y_embedder.embedding_table.weight"][y])
        for i in range(self.depth):
            name = f"blocks.{i}"
            one = self.linear(f"{name}.adaLN_modulation.1", c).chunk(6, dim=1)
            x = x + one[2][:, None] * self.attention(f"{name}.attn", self.modulated(x, *one[:2]))
            hidden = F.gelu(self.linear(f"{name}.mlp.fc1", self.modulated(x, *one[3:5])), approximate="tanh")
            x = x + one[5][:, None] * self.linear(f"{name}.mlp.fc2", hidden)
        x = self.modulated(x, *self.linear("final_layer.adaLN_modulation.1", c).chunk(2, dim=1))
        x = self.linear("final_layer.linear", x)
        side, p = size // self.patch, self.patch
        return torch.einsum("nhwpqc->nchpwq", x.reshape(n, side, side, p, p, -1)).reshape(n, -1, size, size)


SIZES = [(2, 2, 3, 12, 8, True), (4, 3, 2, 24, 16, False), (1, 1, 1, 8, 3, True)]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_outputs_and_gradients(sizes, rng):
    patch, depth, heads, width, size, sigma = sizes
    net = DiT(patch, depth, heads, width, input_size=size, in_channels=3, num_classes=5, learn_sigma=sigma, rng=rng)
    for parameter in net.parameters():  # what begins with 0 would hide a good deal
        parameter.data = parameter.data + 0.3 * rng.standard_normal(parameter.shape).astype("float32")
    x, t, y = rng.standard_normal((4, 3, size, size)), np.array([0, 1, 500, 999]), np.array([0, 4, 5, 1])
    with no_grad():
        single = net.eval()(Tensor(x.astype("float32")), t, y)
    to_float64(net)
    state = {name: torch.tensor(array, requires_grad=True) for name, array in net.state_dict().items()}
    theirs = Theirs(state, patch, heads, depth)
    found, expected = net(Tensor(x), t, y), theirs(torch.tensor(x), torch.tensor(t, dtype=torch.float64), y)
    assert relative_error(found.data, expected.detach().numpy()) < 1e-10
    dy = rng.standard_normal(found.shape)
    found.backward(dy)
    expected.backward(torch.tensor(dy))
    for name, parameter in net.named_parameters():
        assert relative_error(parameter.grad, state[name].grad.numpy()) < 1e-9, name
    assert relative_error(single.data, expected.detach().numpy()) < 1e-4


def test_the_loss_and_its_gradients(rng):
    """Ours as the network's answer goes in; theirs written with torch.distributions."""
    process = Diffusion(linear(50))
    x0, noise, t = rng.standard_normal((4, 2, 3, 3)), rng.standard_normal((4, 2, 3, 3)), np.array([1, 5, 20, 49])
    answer = rng.standard_normal((4, 4, 3, 3))
    ours = Tensor(answer, requires_grad=True)
    loss = loss_at(lambda *_: ops.multiply(ours, 1.0), process, x0, None, t, noise)
    loss.backward()
    theirs = torch.tensor(answer, requires_grad=True)
    told, scatter = theirs.chunk(2, dim=1)
    along = lambda array: torch.tensor(array[t]).reshape(-1, 1, 1, 1)  # noqa: E731
    bar, before, beta = along(process.alpha_bars), along(process.alpha_bars_before), along(process.betas)
    x = bar.sqrt() * torch.tensor(x0) + (1 - bar).sqrt() * torch.tensor(noise)
    narrow = beta * (1 - before) / (1 - bar)

    def mean(x0):
        return before.sqrt() * beta / (1 - bar) * x0 + (1 - beta).sqrt() * (1 - before) / (1 - bar) * x

    log_sigma = (scatter + 1) / 2 * beta.log() + (1 - scatter) / 2 * narrow.log()
    guess = (x - (1 - bar).sqrt() * told.detach()) / bar.sqrt()
    normal = torch.distributions.Normal
    truth = normal(mean(torch.tensor(x0)), narrow.sqrt())
    apart = torch.distributions.kl_divergence(truth, normal(mean(guess), (log_sigma / 2).exp())).mean() / np.log(2)
    expected = F.mse_loss(told, torch.tensor(noise)) + 0.001 * 50 * apart
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-10)
    assert relative_error(ours.grad, theirs.grad.numpy()) < 1e-10
