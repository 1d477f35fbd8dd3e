"""Parameter counts from the papers' tables, term by term, for the networks that tests/data/zoo.json.gz does not have.

Each entry is (the printed total, the terms), so that both the sum and the network can be compared with the total.
"""

import math


def conv(out, into, kernel, bias=True):
    """O kernels of C/G × K × K, each with a bias."""
    return out * into * kernel * kernel + out * bias


def linear(out, into):
    return out * into + out


def norm(*channels):
    """A scale and a shift for each channel."""
    return 2 * sum(channels)


def vgg(*column):
    """The convolutions of a column of Table 1, and the three linear layers."""
    convolutions = [conv(out, into, 3) for into, out in zip((3, *column), column)]
    return [*convolutions, linear(4096, 512 * 7 * 7), linear(4096, 4096), linear(1000, 4096)]


def inception(into, c1, reduce3, c3, reduce5, c5, pool):
    """A row of GoogLeNet's Table 1."""
    return sum(
        (
            conv(c1, into, 1),
            conv(reduce3, into, 1) + conv(c3, reduce3, 3),
            conv(reduce5, into, 1) + conv(c5, reduce5, 5),
            conv(pool, into, 1),
        )
    )


def cifar_resnet(n):
    """6n + 2 layers: a convolution, three stages of n blocks of two, a linear layer; shortcuts are free, no biases."""
    terms, channels = [conv(16, 3, 3, bias=False) + norm(16)], 16
    for width in (16, 32, 64):
        first = conv(width, channels, 3, bias=False) + conv(width, width, 3, bias=False) + norm(width, width)
        others = 2 * conv(width, width, 3, bias=False) + norm(width, width)
        terms += [first, (n - 1) * others]
        channels = width
    return (*terms, linear(10, 64))


def preact_resnet(depths, widths, expansion, *, stem, projected, classes):
    """A norm before each convolution, none before the first of the first block, where the stem has it; one at the end.

    stem: (O, C, K) of the first convolution. projected: whether a shortcut that changes shape is a 1×1 convolution.
    """
    channels = stem[0]
    terms = [conv(*stem, bias=False) + norm(channels)]
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        for index in range(depth):
            out = width * expansion
            block = 0 if stage == index == 0 else norm(channels)
            if expansion == 1:
                block += conv(width, channels, 3, bias=False) + norm(width) + conv(width, width, 3, bias=False)
            else:
                block += conv(width, channels, 1, bias=False) + norm(width)
                block += conv(width, width, 3, bias=False) + norm(width) + conv(out, width, 1, bias=False)
            if projected and (channels != out or (stage > 0 and index == 0)):
                block += conv(out, channels, 1, bias=False)
            terms.append(block)
            channels = out
    return (*terms, norm(channels), linear(classes, channels))


def convs(*layers):
    """Convolutions with batch norm and no biases, each (O, C, K) or (O, C, KH, KW)."""
    return sum(out * into * math.prod(kernel * (3 - len(kernel))) + norm(out) for out, into, *kernel in layers)


def inception_bn(into, c1, reduce3, c3, reduce_double, double, pool):
    """A row of Figure 5 of Batch normalization: 1×1, 3×3, two 3×3, a pooling and 1×1; with stride 2, c1 = pool = 0."""
    windows = convs((reduce3, into, 1), (c3, reduce3, 3))
    windows += convs((reduce_double, into, 1), (double, reduce_double, 3), (double, double, 3))
    return windows + (convs((c1, into, 1), (pool, into, 1)) if c1 else 0)


def inception_figure6(n):
    """n×1 and 1×n with n = 7 at 17×17: 768 maps again, 192 of each branch."""
    two = convs((n, 768, 1), (n, n, 1, 7), (192, n, 7, 1))
    four = convs((n, 768, 1), (n, n, 7, 1), (n, n, 1, 7), (n, n, 7, 1), (192, n, 1, 7))
    return convs((192, 768, 1)) + two + four + convs((192, 768, 1))


def inception_figure7(into):
    """1×3 beside 3×1 at 8×8: 320 + 2 · 384 + 2 · 384 + 192 = 2048 maps."""
    pair = (384, 384, 1, 3), (384, 384, 3, 1)
    return convs((320, into, 1), (384, into, 1), *pair, (448, into, 1), (384, 448, 3), *pair, (192, into, 1))


def separable(into, out, kernel):
    """Depthwise, 1×1, norm, and again; no biases."""
    first = conv(into, 1, kernel, bias=False) + conv(out, into, 1, bias=False) + norm(out)
    return first + conv(out, 1, kernel, bias=False) + conv(out, out, 1, bias=False) + norm(out)


def nasnet(stem, width, n):
    """NASNet-A, Figure 4: five separable convolutions in a normal cell, five in a reduction cell, all F wide.

    A cell first brings its two inputs to F channels: one 1×1 each, or two of F/2 where the earlier one is larger. The
    first cell projects only one, and its three separable convolutions of the other begin with the stem's channels.
    """

    def project(into, out):
        return conv(out, into, 1, bias=False) + norm(out)

    quarter, half = width // 4, width // 2
    terms = [conv(stem, 3, 3, bias=False) + norm(stem)]
    terms.append(
        project(stem, quarter)
        + separable(quarter, quarter, 5)
        + 2 * separable(stem, quarter, 7)
        + separable(stem, quarter, 5)
        + separable(quarter, quarter, 3)
    )

    def reduction(here, before, out):
        sevens, fives = 2 * separable(out, out, 7), 2 * separable(out, out, 5)
        return project(here, out) + project(before, out) + sevens + fives + separable(out, out, 3)

    def normal(here, before, out):
        return project(here, out) + project(before, out) + 2 * separable(out, out, 5) + 3 * separable(out, out, 3)

    terms.append(reduction(4 * quarter, stem, half))
    before, here = 4 * quarter, 4 * half
    for stage, out in enumerate((width, 2 * width, 4 * width)):
        if stage:
            terms.append(reduction(here, before, out))
            before, here = here, 4 * out  # the mobile network reads what the reduction was made of
        for _ in range(n):
            terms.append(normal(here, before, out))
            before, here = here, 6 * out
    return (*terms, linear(1000, here))


IMAGENET = {"widths": (64, 128, 256, 512), "stem": (64, 3, 7), "projected": True, "classes": 1000}
CIFAR = {"widths": (16, 32, 64), "stem": (16, 3, 3), "classes": 10}
VGG_A = (64, 128, 256, 256, 512, 512, 512, 512)
VGG_B = (64, 64, 128, 128, 256, 256, 512, 512, 512, 512)
AUX1 = conv(128, 512, 1) + linear(1024, 128 * 4 * 4) + linear(1000, 1024)
AUX2 = conv(128, 528, 1) + linear(1024, 128 * 4 * 4) + linear(1000, 1024)

DERIVED = {
    "yolo_v1_classifier": (
        23_428_136,
        (  # the first 20 convolutions of YOLO's Figure 3, and a linear layer
            *(conv(64, 3, 7), conv(192, 64, 3)),
            *(conv(128, 192, 1), conv(256, 128, 3), conv(256, 256, 1), conv(512, 256, 3)),
            *(conv(256, 512, 1), conv(512, 256, 3)) * 4,
            *(conv(512, 512, 1), conv(1024, 512, 3)),
            *(conv(512, 1024, 1), conv(1024, 512, 3)) * 2,
            linear(1000, 1024),
        ),
    ),
    "vit_tiny_cifar": (
        811_146,
        (
            conv(128, 3, 4),  # patches of 4×4 are one product
            128 + (8 * 8 + 1) * 128,  # the first token; the places of 64 patches and of itself
            # six blocks: two norms; queries, keys, values and what comes out; 256 inside
            *(norm(128, 128) + linear(3 * 128, 128) + linear(128, 128) + linear(256, 128) + linear(128, 256),) * 6,
            norm(128),
            linear(10, 128),
        ),
    ),
    "lenet5": (
        60_000,
        # C1, S2 (a coefficient and a bias a map), C3 (60 kernels of Table I, 16 biases), S4, C5, F6
        (conv(6, 1, 5), 2 * 6, (6 * 3 + 6 * 4 + 3 * 4 + 6) * 25 + 16, 2 * 16, conv(120, 16, 5), linear(84, 120)),
    ),
    "lenet5_modern": (
        61_706,
        (conv(6, 1, 5), conv(16, 6, 5), linear(120, 16 * 5 * 5), linear(84, 120), linear(10, 84)),
    ),
    "cnn_deep": (
        1_527_018,
        (
            *(conv(32, 3, 3), conv(32, 32, 3), norm(32, 32)),
            *(conv(64, 32, 3), conv(64, 64, 3), conv(64, 64, 3), norm(64, 64, 64)),
            *(conv(128, 64, 3), conv(128, 128, 3), conv(128, 128, 3), norm(128, 128, 128)),
            *(linear(512, 128 * 4 * 4), linear(10, 512)),
        ),
    ),
    "alexnet": (
        60_965_224,
        (
            *(conv(96, 3, 11), conv(256, 48, 5)),  # two groups: a kernel of conv2, conv4 and conv5 sees half the maps
            *(conv(384, 256, 3), conv(384, 192, 3), conv(256, 192, 3)),
            *(linear(4096, 256 * 6 * 6), linear(4096, 4096), linear(1000, 4096)),
        ),
    ),
    "zfnet": (
        62_357_608,
        (
            *(conv(96, 3, 7), conv(256, 96, 5), conv(384, 256, 3), conv(384, 384, 3), conv(256, 384, 3)),
            *(linear(4096, 256 * 6 * 6), linear(4096, 4096), linear(1000, 4096)),
        ),
    ),
    "zfnet_512": (
        107_627_624,
        (
            *(conv(96, 3, 7), conv(256, 96, 5), conv(512, 256, 3), conv(1024, 512, 3), conv(512, 1024, 3)),
            *(linear(4096, 512 * 6 * 6), linear(4096, 4096), linear(1000, 4096)),
        ),
    ),
    "nin_cifar": (
        966_986,
        (
            *(conv(192, 3, 5), conv(160, 192, 1), conv(96, 160, 1)),
            *(conv(192, 96, 5), conv(192, 192, 1), conv(192, 192, 1)),
            *(conv(192, 192, 3), conv(192, 192, 1), conv(10, 192, 1)),
        ),
    ),
    "vgg11_lrn": (132_863_336, vgg(*VGG_A)),
    "vgg11_bn": (132_868_840, (*vgg(*VGG_A), norm(*VGG_A))),
    "vgg13_bn": (133_053_736, (*vgg(*VGG_B), norm(*VGG_B))),
    "googlenet": (
        13_378_280,
        (
            *(conv(64, 3, 7), conv(64, 64, 1), conv(192, 64, 3)),
            inception(192, 64, 96, 128, 16, 32, 32),
            inception(256, 128, 128, 192, 32, 96, 64),
            inception(480, 192, 96, 208, 16, 48, 64),
            inception(512, 160, 112, 224, 24, 64, 64),
            inception(512, 128, 128, 256, 24, 64, 64),
            inception(512, 112, 144, 288, 32, 64, 64),
            inception(528, 256, 160, 320, 32, 128, 128),
            inception(832, 256, 160, 320, 32, 128, 128),
            inception(832, 384, 192, 384, 48, 128, 128),
            *(linear(1000, 1024), AUX1, AUX2),
        ),
    ),
    "bn_inception": (
        11_188_288,
        (
            3 * 8 * 7 * 7 + convs((64, 24, 1)),  # separable: 8 windows of 7×7 a channel, then 1×1
            *(convs((64, 64, 1)), convs((192, 64, 3))),
            inception_bn(192, 64, 64, 64, 64, 96, 32),
            inception_bn(256, 64, 64, 96, 64, 96, 64),
            inception_bn(320, 0, 128, 160, 64, 96, 0),
            inception_bn(576, 224, 64, 96, 96, 128, 128),
            inception_bn(576, 192, 96, 128, 96, 128, 128),
            inception_bn(576, 160, 128, 160, 128, 160, 96),
            inception_bn(576, 96, 128, 192, 160, 192, 96),
            inception_bn(576, 0, 128, 192, 192, 256, 0),
            inception_bn(1024, 352, 192, 320, 160, 224, 128),
            inception_bn(1024, 352, 192, 320, 192, 224, 128),
            linear(1000, 1024),
        ),
    ),
    "inception_v2": (
        26_220_488,
        (
            *(convs((32, 3, 3)), convs((32, 32, 3)), convs((64, 32, 3))),
            *(convs((80, 64, 3)), convs((192, 80, 3)), convs((288, 192, 3))),
            3 * inception_bn(288, 64, 48, 64, 64, 96, 64),
            convs((384, 288, 3)) + convs((64, 288, 1), (96, 64, 3), (96, 96, 3)),
            *(inception_figure6(128), 2 * inception_figure6(160), 2 * inception_figure6(192)),
            convs((192, 768, 1), (320, 192, 3)) + convs((192, 768, 1), (192, 192, 3), (192, 192, 3)),
            *(inception_figure7(1280), inception_figure7(2048)),
            linear(1000, 2048),
        ),
    ),
    "resnet20_cifar": (269_722, cifar_resnet(3)),
    "resnet32_cifar": (464_154, cifar_resnet(5)),
    "resnet44_cifar": (658_586, cifar_resnet(7)),
    "resnet56_cifar": (853_018, cifar_resnet(9)),
    "resnet110_cifar": (1_727_962, cifar_resnet(18)),
    "plain20_cifar": (269_722, cifar_resnet(3)),
    "plain32_cifar": (464_154, cifar_resnet(5)),
    "plain44_cifar": (658_586, cifar_resnet(7)),
    "plain56_cifar": (853_018, cifar_resnet(9)),
    "nasnet_a_mobile": (5_289_978, nasnet(stem=32, width=44, n=4)),
    "preact_resnet18": (11_687_720, preact_resnet((2, 2, 2, 2), expansion=1, **IMAGENET)),
    "preact_resnet34": (21_795_880, preact_resnet((3, 4, 6, 3), expansion=1, **IMAGENET)),
    "preact_resnet50": (25_549_352, preact_resnet((3, 4, 6, 3), expansion=4, **IMAGENET)),
    "preact_resnet101": (44_541_480, preact_resnet((3, 4, 23, 3), expansion=4, **IMAGENET)),
    "preact_resnet152": (60_185_128, preact_resnet((3, 8, 36, 3), expansion=4, **IMAGENET)),
    "preact_resnet110_cifar": (1_727_962, preact_resnet((18,) * 3, expansion=1, projected=False, **CIFAR)),
    "preact_resnet164_cifar": (1_703_258, preact_resnet((18,) * 3, expansion=4, projected=True, **CIFAR)),
    "preact_resnet1001_cifar": (10_327_706, preact_resnet((111,) * 3, expansion=4, projected=True, **CIFAR)),
}
