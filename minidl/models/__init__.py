"""Networks, one paper family a file, and the registry that finds them by name."""

from importlib import import_module

from minidl.models._family import Network
from minidl.models._learners import collect_learners
from minidl.models._registry import Entry, collect, describe, get_model, list_models

# isort: off
# The families in the order of history, in which the registry lists them.
from minidl.models.lenet import lenet5, lenet5_modern
from minidl.models.cnn_deep import cnn_deep
from minidl.models.alexnet import alexnet, alexnet_owt
from minidl.models.zfnet import zfnet, zfnet_512
from minidl.models.nin import nin_cifar
from minidl.models.vgg import vgg11, vgg11_bn, vgg11_lrn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn
from minidl.models.googlenet import googlenet, googlenet_bn
from minidl.models.inception import bn_inception, inception_v2, inception_v3
from minidl.models.resnet import (
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnext50_32x4d,
    resnext101_32x8d,
    wide_resnet50_2,
)
from minidl.models.yolo_classifier import yolo_v1_classifier
from minidl.models.resnet_cifar import (
    plain20_cifar,
    plain32_cifar,
    plain44_cifar,
    plain56_cifar,
    resnet20_cifar,
    resnet32_cifar,
    resnet44_cifar,
    resnet56_cifar,
    resnet110_cifar,
)
from minidl.models.preact_resnet import (
    preact_resnet18,
    preact_resnet34,
    preact_resnet50,
    preact_resnet101,
    preact_resnet110_cifar,
    preact_resnet152,
    preact_resnet164_cifar,
    preact_resnet1001_cifar,
)
from minidl.models.squeezenet import squeezenet1_0, squeezenet1_1
from minidl.models.densenet import densenet121, densenet161, densenet169, densenet201
from minidl.models.xception import xception
from minidl.models.nasnet import nasnet_a_large, nasnet_a_mobile
from minidl.models.mobilenet_v1 import mobilenet_v1
from minidl.models.senet import se_resnet50, se_resnext50_32x4d, senet154
from minidl.models.mobilenet_v2 import mobilenet_v2
from minidl.models.shufflenet_v2 import shufflenet_v2_x1_0
from minidl.models.mnasnet import mnasnet1_0
from minidl.models.mobilenet_v3 import mobilenet_v3_large, mobilenet_v3_small
from minidl.models.efficientnet import (
    efficientnet_b0,
    efficientnet_b1,
    efficientnet_b2,
    efficientnet_b3,
    efficientnet_b4,
    efficientnet_b5,
    efficientnet_b6,
    efficientnet_b7,
    efficientnet_lite0,
)
from minidl.models.vit import vit_b_16, vit_b_32, vit_l_16, vit_tiny_cifar

# From sentences to sentences: no pictures and no classes, so it stands beside the registry.
from minidl.models.transformer import Transformer, transformer_base, transformer_big, transformer_tiny

# Their ancestor, which learns without a loss, and so stands beside the registry.
from minidl.models.neocognitron import Neocognitron, Stage

# Those that learn from each other, and so stand beside it, too.
from minidl.models.gan import (
    Adversaries,
    dcgan,
    dcgan_discriminator,
    dcgan_generator,
    gan,
    gan_discriminator,
    gan_generator,
)

# Those that say which noise is in a picture, and so make pictures of noise.
from minidl.models.dit import DiT, dit_b_2, dit_l_2, dit_s_2, dit_tiny, dit_xl_2

# Those that say where things are.
from minidl.models.yolo import Detector, yolo_tiny, yolo_v1, yolo_v1_fast
# isort: on

__all__ = [
    "Adversaries",
    "Detector",
    "DiT",
    "Entry",
    "Neocognitron",
    "Network",
    "Stage",
    "Transformer",
    "alexnet",
    "alexnet_owt",
    "bn_inception",
    "cnn_deep",
    "dcgan",
    "dcgan_discriminator",
    "dcgan_generator",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    "describe",
    "dit_b_2",
    "dit_l_2",
    "dit_s_2",
    "dit_tiny",
    "dit_xl_2",
    "efficientnet_b0",
    "efficientnet_b1",
    "efficientnet_b2",
    "efficientnet_b3",
    "efficientnet_b4",
    "efficientnet_b5",
    "efficientnet_b6",
    "efficientnet_b7",
    "efficientnet_lite0",
    "gan",
    "gan_discriminator",
    "gan_generator",
    "get_model",
    "googlenet",
    "googlenet_bn",
    "inception_v2",
    "inception_v3",
    "lenet5",
    "lenet5_modern",
    "list_models",
    "mnasnet1_0",
    "mobilenet_v1",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "nasnet_a_large",
    "nasnet_a_mobile",
    "nin_cifar",
    "plain20_cifar",
    "plain32_cifar",
    "plain44_cifar",
    "plain56_cifar",
    "preact_resnet18",
    "preact_resnet34",
    "preact_resnet50",
    "preact_resnet101",
    "preact_resnet110_cifar",
    "preact_resnet152",
    "preact_resnet164_cifar",
    "preact_resnet1001_cifar",
    "resnet18",
    "resnet20_cifar",
    "resnet32_cifar",
    "resnet34",
    "resnet44_cifar",
    "resnet50",
    "resnet56_cifar",
    "resnet101",
    "resnet110_cifar",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "se_resnet50",
    "se_resnext50_32x4d",
    "senet154",
    "shufflenet_v2_x1_0",
    "squeezenet1_0",
    "squeezenet1_1",
    "transformer_base",
    "transformer_big",
    "transformer_tiny",
    "vgg11",
    "vgg11_bn",
    "vgg11_lrn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "vit_b_16",
    "vit_b_32",
    "vit_l_16",
    "vit_tiny_cifar",
    "wide_resnet50_2",
    "xception",
    "yolo_tiny",
    "yolo_v1",
    "yolo_v1_classifier",
    "yolo_v1_fast",
    "zfnet",
    "zfnet_512",
]


collect(globals())
WITH_LEARNERS = ("neocognitron", "gan", "transformer", "dit", "yolo")  # the files that have a table LEARNERS
collect_learners(import_module(f"minidl.models.{file}") for file in WITH_LEARNERS)


def __dir__() -> list[str]:
    return [*__all__]
