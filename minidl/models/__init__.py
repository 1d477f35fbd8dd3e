"""Networks, one paper family a file, and the registry that finds them by name."""

from minidl.models._registry import get_model, list_models
from minidl.models.alexnet import alexnet, alexnet_owt
from minidl.models.cnn_deep import cnn_deep
from minidl.models.googlenet import googlenet, googlenet_bn, googlenet_loss
from minidl.models.lenet import lenet5, lenet5_modern
from minidl.models.nin import nin_cifar
from minidl.models.vgg import vgg11, vgg11_bn, vgg11_lrn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn
from minidl.models.zfnet import zfnet, zfnet_512

__all__ = [
    "alexnet",
    "alexnet_owt",
    "cnn_deep",
    "get_model",
    "googlenet",
    "googlenet_bn",
    "googlenet_loss",
    "lenet5",
    "lenet5_modern",
    "list_models",
    "nin_cifar",
    "vgg11",
    "vgg11_bn",
    "vgg11_lrn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "zfnet",
    "zfnet_512",
]
