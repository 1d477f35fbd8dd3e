"""The same networks elsewhere: what torchvision and timm call them.

Where torchvision has a network, minidl's parameters have torchvision's names and shapes, so that its files of weights
load. timm has names of its own.
"""

from __future__ import annotations

# minidl's name -> torchvision's. Two of torchvision's names mean another network here: its `alexnet` is that of 2014,
# its `googlenet` has batch norm.
TORCHVISION = {
    "alexnet_owt": "alexnet",
    "googlenet_bn": "googlenet",
    **{
        name: name
        for name in (
            *("vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "inception_v3"),
            *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2"),
            *("resnext50_32x4d", "resnext101_32x8d", "densenet121", "densenet161", "densenet169", "densenet201"),
            *("squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"),
            *("shufflenet_v2_x1_0", "mnasnet1_0", *(f"efficientnet_b{i}" for i in range(8))),
            *("vit_b_16", "vit_b_32", "vit_l_16"),
        )
    },
}

# minidl's name -> timm's, for networks that torchvision does not have.
TIMM = {
    "efficientnet_lite0": "efficientnet_lite0",
    "mobilenet_v1": "mobilenetv1_100",
    "nasnet_a_large": "nasnetalarge",
    "se_resnet50": "legacy_seresnet50",
    "se_resnext50_32x4d": "legacy_seresnext50_32x4d",
    "senet154": "legacy_senet154",
    "xception": "legacy_xception",
}
