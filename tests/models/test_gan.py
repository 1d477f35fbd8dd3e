"""The adversaries: parameters term by term, sides, the manner of the zoo, gradients of narrow ones, refusals."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, models, nn, no_grad, ops
from tests.models.walk import count, unfilled_from

PAIRS = {
    "gan": {"image_size": 5, "channels": 2, "latent": 3, "width": 7, "discriminator_width": 4, "pieces": 3},
    "dcgan": {"image_size": 8, "channels": 1, "latent": 3, "width": 2},
    "dcgan of two kernels": {"image_size": 16, "channels": 2, "latent": 3, "width": 2, "kernel_size": 4},
    "dcgan of even kernels of 2": {"image_size": 16, "channels": 1, "latent": 1, "width": 1, "kernel_size": 2},
}
every_pair = pytest.mark.parametrize("name", PAIRS)


def pair(name, **settings):
    return getattr(models, name.split()[0])(**PAIRS[name] | settings)


def test_parameters_of_dcgan_term_by_term():
    """Figure 1: 100 numbers become 1,024 maps of 4×4, halved four times; 5×5 kernels; two numbers a norm and map."""
    kernels = 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
    assert count(unfilled_from(models.dcgan_generator)) == 100 * 1024 * 16 + kernels + 2 * (1024 + 512 + 256 + 128)
    assert count(unfilled_from(models.dcgan_discriminator)) == kernels + 2 * (1024 + 512 + 256) + 1024 * 16


def test_parameters_of_the_authors_second_code():
    """64 maps and 4×4 kernels: what PyTorch's example prints."""
    settings = {"width": 64, "kernel_size": 4}
    assert count(unfilled_from(models.dcgan_generator, **settings)) == 3_576_704
    assert count(unfilled_from(models.dcgan_discriminator, **settings)) == 2_765_568
    kernels = 16 * (512 * 256 + 256 * 128 + 128 * 64 + 64 * 3)
    assert kernels + 100 * 512 * 16 + 2 * (512 + 256 + 128 + 64) == 3_576_704
    assert kernels + 2 * (512 + 256 + 128) + 512 * 16 == 2_765_568


def test_parameters_of_2014_term_by_term():
    generator = (100 + 1) * 1200 + (1200 + 1) * 1200 + (1200 + 1) * 784
    discriminator = (784 + 1) * 240 * 5 + (240 + 1) * 240 * 5 + (240 + 1)
    assert count(unfilled_from(models.gan_generator)) == generator
    assert count(unfilled_from(models.gan_discriminator)) == discriminator
    assert count(unfilled_from(models.gan)) == generator + discriminator


@pytest.mark.parametrize("kernel_size", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("image_size", [8, 16, 32, 64])
def test_sides_are_doubled_and_halved_exactly(image_size, kernel_size):
    """The maps on the way, from 4 up and down to 4, whatever the kernel."""
    net = models.dcgan(image_size, 1, 2, 1, kernel_size=kernel_size).eval()
    sides = []
    with no_grad(), minidl.observe(lambda event: sides.append(event.output.shape[-1]) if "conv" in event.op else None):
        net.discriminator(net(net.noise(1)))
    up = [side for side in (4, 8, 16, 32, 64) if side <= image_size]
    assert sides == [*up, *up[-2::-1], 1]


@every_pair
def test_the_smallest_batch_goes_forward_and_back(name, rng):
    net = pair(name)
    x = net(net.noise(4))
    assert x.shape == (4, net.generator.channels, net.generator.image_size, net.generator.image_size)
    assert net.generator.low <= x.data.min() < x.data.max() <= net.generator.high
    logits = net.discriminator(x)
    assert logits.shape == (4,)
    for module in net.modules():  # weights of 0.005 or 0.02 leave little to see
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            module.weight.data = 0.5 * rng.standard_normal(module.weight.shape).astype(np.float32)
    (net.discriminator(net(net.noise(4))) * Tensor(np.float32([1, -2, 3, 5]))).sum().backward()
    for path, parameter in net.named_parameters():
        assert parameter.grad is not None, path
        assert np.isfinite(parameter.grad).all(), path
        assert parameter.grad.any(), path
    with no_grad():
        z = net.noise(1)
        first, second = (net.eval().discriminator(net(z)).item() for _ in range(2))
    assert first == second


@every_pair
def test_the_whole_pair_agrees_with_finite_differences(name, rng):
    """In evaluation mode for dropout; batch norm's part is checked with statistics that are not 0 and 1."""
    net = pair(name).eval()
    parameters = {}
    for module in net.modules():
        for key, parameter in module.named_parameters(recurse=False):
            draws = rng.standard_normal(parameter.shape) * (0.6 if parameter.ndim > 1 else 0.3)
            setattr(module, key, nn.Parameter(draws + (key == "weight" and parameter.ndim == 1)))
            parameters[module, key] = getattr(module, key)
        for key, buffer in module.named_buffers(recurse=False):
            setattr(module, key, rng.uniform(0.5, 1.5, buffer.shape))
    arrays = [parameter.data for parameter in parameters.values()]

    def run(z, *values):
        for (module, key), value in zip(parameters, values, strict=True):
            del module._parameters[key]
            object.__setattr__(module, key, value)
        try:
            return net.discriminator(net.generator(z))
        finally:
            for (module, key), parameter in parameters.items():
                object.__delattr__(module, key)
                setattr(module, key, parameter)

    report = minidl.gradcheck(run, [rng.standard_normal((2, net.generator.latent)), *arrays], seed=1)
    assert report.verdict == "ok", str(report)


def test_first_weights():
    """N(0, 0.02²), norms' from N(1, 0.02²), no bias but the norms'; 2014: evenly from ±0.05 and ±0.005, biases 0."""
    net = models.dcgan(32, 1, 50, 16, rng=np.random.default_rng(0))
    for path, parameter in net.named_parameters():
        if parameter.ndim == 4:
            assert parameter.data.std() == pytest.approx(0.02, rel=0.25), path
            assert abs(parameter.data.mean()) < 0.006, path
        elif path.endswith("weight"):
            assert 0.005 < parameter.data.std() < 0.035, path
            assert parameter.data.mean() == pytest.approx(1, abs=0.02), path
        else:
            assert not parameter.data.any(), path
    net = models.gan(8, width=60, discriminator_width=40)
    for part, bound in ((net.generator, 0.05), (net.discriminator, 0.005)):
        for path, parameter in part.named_parameters():
            if path.endswith("bias"):
                assert not parameter.data.any(), path
            else:
                assert 0.9 * bound < abs(parameter.data).max() <= bound, path


def test_a_seed_makes_the_network_and_the_noise():
    first, second = (models.dcgan(8, 1, 3, 2, rng=np.random.default_rng(4)) for _ in range(2))
    assert all((first.state_dict()[name] == array).all() for name, array in second.state_dict().items())
    assert (first.noise(3, np.random.default_rng(1)).data == second.noise(3, np.random.default_rng(1)).data).all()
    assert first.noise(200).data.std() == pytest.approx(1, abs=0.1)


def test_dropout_leaves_out_fifths_of_the_pixels_and_halves_of_the_units():
    net = models.gan_discriminator(3, width=4)
    shares = []
    with minidl.observe(lambda event: shares.append(event.settings["p"]) if event.op == "dropout" else None):
        net(Tensor(np.ones((1, 1, 3, 3), dtype=np.float32)))
    assert shares == pytest.approx([0.2, 0.5, 0.5])


def test_maxout_is_the_largest_of_its_pieces(rng):
    """The discriminator of 2014 beside its formula."""
    net = models.gan_discriminator(4, 1, 3, pieces=5).eval()
    x = rng.standard_normal((2, 1, 4, 4)).astype(np.float32)
    y = x.reshape(2, 16)
    for layer in (net.hidden1, net.hidden2):
        y = (y @ layer.weight.data.T + layer.bias.data).reshape(2, 3, 5).max(axis=2)
    np.testing.assert_allclose(net(Tensor(x)).data, (y @ net.real.weight.data.T).reshape(-1), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("make", "settings", "message"),
    [
        (
            "dcgan",
            {"image_size": 48},
            r"^dcgan_generator: image_size must be 4, doubled .*image_size=48; take 32 or 64$",
        ),
        ("dcgan_discriminator", {"image_size": 4}, r"^dcgan_discriminator: image_size must be an int >= 8"),
        ("dcgan_generator", {"image_size": 28}, r"^dcgan_generator: .*received image_size=28; take 16 or 32$"),
        ("dcgan_generator", {"width": 0}, r"^dcgan_generator: width must be an int >= 1"),
        ("dcgan_generator", {"latent": 0}, r"^dcgan_generator: latent must be an int >= 1"),
        ("dcgan_generator", {"kernel_size": 1}, r"^dcgan_generator: kernel_size must be an int >= 2"),
        ("dcgan_discriminator", {"channels": 0}, r"^dcgan_discriminator: channels must be an int >= 1"),
        ("gan_generator", {"image_size": 0}, r"^gan_generator: image_size must be an int >= 1"),
        ("gan_discriminator", {"pieces": 0}, r"^gan_discriminator: pieces must be an int >= 1"),
        ("gan_discriminator", {"dropout": 1.0}, r"^gan_discriminator: dropout must be"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(make, settings, message):
    with pytest.raises(ValueError, match=message):
        getattr(models, make)(**settings)


def test_noise_and_pictures_that_do_not_fit_are_refused():
    net = models.dcgan(8, 1, 3, 2)
    with pytest.raises(ValueError, match=r"^dcgan_generator: expects noise \(N, 3\); z.shape=\(2, 4\)$"):
        net(Tensor(np.zeros((2, 4), dtype=np.float32)))
    with pytest.raises(ValueError, match=r"^dcgan_generator: expects noise \(N, 3\); z.shape=\(3,\)$"):
        net(Tensor(np.zeros(3, dtype=np.float32)))
    with pytest.raises(TypeError, match=r"^dcgan_generator: z must be a Tensor"):
        net(np.zeros((1, 3)))
    with pytest.raises(
        ValueError,
        match=r"^dcgan_discriminator: expects pictures of 8 pixels a side, these are 16×16; .*; the networks were "
        r"built for image_size=8; resize the pictures, or build others$",
    ):
        net.discriminator(Tensor(np.zeros((1, 1, 16, 16), dtype=np.float32)))
    with pytest.raises(ValueError, match=r"^gan_discriminator: expects pictures with 1 channels, these have 3"):
        models.gan(8, width=4, discriminator_width=4).discriminator(Tensor(np.zeros((1, 3, 8, 8), dtype=np.float32)))
    assert ops.sigmoid(net.discriminator(net(net.noise(2)))).shape == (2,)
