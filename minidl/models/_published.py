"""How good papers say that their networks are: the share of pictures whose first answer is right.

Only what a paper prints of just this network stands here, with its place and how it was examined: of one crop, of ten,
or of the whole picture. Numbers that were examined in different ways differ by one or two points for that reason alone,
and recipes have become better since, so this is history and no ranking. What only a library has published (vgg16_bn,
squeezenet1_1, resnext101_32x8d) is left out, what a paper shows only as a curve (the plain networks), and what is not
certain.
"""

from __future__ import annotations

from typing import NamedTuple

IMAGENET = "ImageNet"
CIFAR = "CIFAR-10"


class Published(NamedTuple):
    """What a paper says of a network: top-1 accuracy in percent, of which data, where it stands."""

    top1: float
    data: str
    source: str


def _errors(data: str, source: str, **errors: float) -> dict[str, Published]:
    """Return the accuracies to the errors that a paper prints."""
    return {name: Published(round(100 - error, 2), data, source) for name, error in errors.items()}


def _accuracies(source: str, **accuracies: float) -> dict[str, Published]:
    return {name: Published(accuracy, IMAGENET, source) for name, accuracy in accuracies.items()}


PUBLISHED: dict[str, Published] = {
    **_errors(IMAGENET, "NIPS 2012, Table 2: 1 CNN, validation, ten crops", alexnet=40.7),
    **_errors(IMAGENET, "arXiv:1404.5997, Table 1: one GPU, batches of 128", alexnet_owt=42.33),
    **_errors(IMAGENET, "arXiv:1311.2901, Table 2: 1 convnet, ten crops", zfnet=38.4, zfnet_512=37.5),
    **_errors(CIFAR, "arXiv:1312.4400, Table 1: with dropout and augmentation", nin_cifar=8.81),
    **_errors(
        IMAGENET,
        "arXiv:1409.1556, Table 3: one scale of 256, the whole picture",
        vgg11=29.6,
        vgg11_lrn=29.7,
        vgg13=28.7,
        vgg16=27.0,
        vgg19=27.3,
    ),
    **_accuracies("arXiv:1502.03167, Figure 3: BN-x30, one crop", bn_inception=74.8),
    **_errors(
        IMAGENET,
        "arXiv:1512.00567, Table 3: one crop (its paper tells the five best answers only)",
        googlenet=29.0,
    ),
    **_errors(IMAGENET, "arXiv:1512.00567, Table 3: one crop", inception_v2=23.4, inception_v3=21.2),
    **_errors(IMAGENET, "arXiv:1512.03385, Table 2: ten crops, shortcuts without parameters", resnet18=27.88),
    **_errors(
        IMAGENET,
        "arXiv:1512.03385, Table 3: ten crops (34: shortcuts B)",
        resnet34=24.52,
        resnet50=22.85,
        resnet101=21.75,
        resnet152=21.43,
    ),
    **_errors(
        CIFAR,
        "arXiv:1512.03385, Table 6 (110: the best of five runs)",
        resnet20_cifar=8.75,
        resnet32_cifar=7.51,
        resnet44_cifar=7.17,
        resnet56_cifar=6.97,
        resnet110_cifar=6.43,
    ),
    **_errors(IMAGENET, "arXiv:1605.07146: WRN-50-2-bottleneck, one crop", wide_resnet50_2=21.9),
    **_errors(IMAGENET, "arXiv:1611.05431, Table 3: one crop", resnext50_32x4d=22.2),
    **_errors(IMAGENET, "arXiv:1603.05027, Table 5: one crop of 320", preact_resnet152=21.1),
    **_errors(
        CIFAR,
        "arXiv:1603.05027, Table 2: full pre-activation",
        preact_resnet110_cifar=6.37,
        preact_resnet164_cifar=5.46,
    ),
    **_errors(CIFAR, "arXiv:1603.05027, Table 4: batches of 128", preact_resnet1001_cifar=4.92),
    **_accuracies("arXiv:1602.07360, Table 2", squeezenet1_0=57.5),
    **_errors(
        IMAGENET,
        "arXiv:1608.06993v5, Table 3: one crop",
        densenet121=25.02,
        densenet169=23.80,
        densenet201=22.58,
    ),
    **_accuracies("arXiv:1610.02357, Table 1: one crop", xception=79.0),
    **_accuracies("arXiv:1707.07012, Table 2: one crop of 331", nasnet_a_large=82.7),
    **_accuracies("arXiv:1707.07012, Table 3: one crop", nasnet_a_mobile=74.0),
    **_accuracies("arXiv:1704.04861, Table 4: one crop", mobilenet_v1=70.6),
    **_errors(IMAGENET, "arXiv:1709.01507, Table 2: one crop", se_resnet50=23.29, se_resnext50_32x4d=21.10),
    **_errors(IMAGENET, "arXiv:1709.01507: one crop of 224", senet154=18.68),
    **_accuracies("arXiv:1801.04381, Table 4", mobilenet_v2=72.0),
    **_errors(IMAGENET, "arXiv:1807.11164, Table 8: one crop", shufflenet_v2_x1_0=30.6),
    **_accuracies("arXiv:1905.02244, Table 3: one crop", mobilenet_v3_large=75.2, mobilenet_v3_small=67.4),
    **_accuracies(
        "arXiv:1905.11946v5, Table 2: one crop",
        efficientnet_b0=77.1,
        efficientnet_b1=79.1,
        efficientnet_b2=80.1,
        efficientnet_b3=81.6,
        efficientnet_b4=82.9,
        efficientnet_b5=83.6,
        efficientnet_b6=84.0,
        efficientnet_b7=84.3,
    ),
}
