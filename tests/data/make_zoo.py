"""Write zoo.json.gz: what the networks are in torchvision and timm, read off the networks themselves.

    python tests/data/make_zoo.py        # needs the extra `peers`: torch 2.14.1, torchvision 0.29.1, timm 1.0.31

For each network with 1,000 classes: where it comes from, the side of its pictures, the number of trainable parameters,
the multiply-accumulates of all convolutions, linear layers and attention for one picture in evaluation (biases not
counted), and the names and shapes of its state without the counters `num_batches_tracked`. Auxiliary heads count as
parameters; in evaluation they do not run.
"""

from __future__ import annotations

import gzip
import json
import warnings
from pathlib import Path
from typing import Any

TORCHVISION = (
    *("alexnet", "vgg11", "vgg13", "vgg16", "vgg19", "vgg16_bn", "vgg19_bn", "googlenet", "inception_v3"),
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d"),
    *("wide_resnet50_2", "densenet121", "densenet161", "densenet169", "densenet201", "squeezenet1_0", "squeezenet1_1"),
    *("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", *(f"efficientnet_b{i}" for i in range(8))),
    *("shufflenet_v2_x1_0", "mnasnet1_0", "vit_b_16", "vit_b_32", "vit_l_16"),
)
TIMM = (
    *("legacy_xception", "legacy_seresnet50", "legacy_seresnext50_32x4d", "legacy_senet154", "nasnetalarge"),
    *("mobilenetv1_100", "efficientnet_lite0"),
)
SIZES = {"inception_v3": 299, "legacy_xception": 299, "nasnetalarge": 331}
SIZES |= {f"efficientnet_b{i}": size for i, size in enumerate((224, 240, 288, 300, 380, 456, 528, 600))}


def describe(net: Any, source: str, size: int) -> dict[str, Any]:
    """Count on the "meta" device, where nothing is computed."""
    import torch

    macs = 0

    def count(layer, inputs, output):
        nonlocal macs
        if isinstance(layer, torch.nn.Conv2d):
            macs += layer.weight.numel() * output.shape[2] * output.shape[3]
        elif isinstance(layer, torch.nn.Linear):
            macs += layer.weight.numel() * (output.numel() // output.shape[0] // output.shape[-1])
        elif isinstance(layer, torch.nn.MultiheadAttention):  # q, k, v and the result; the scores and what they weigh
            _, tokens, width = inputs[0].shape
            macs += 4 * width * width * tokens + 2 * tokens * tokens * width

    for layer in net.modules():
        layer.register_forward_hook(count)
    with torch.no_grad():
        net.eval()(torch.empty(1, 3, size, size, device="meta"))
    state = {name: list(tensor.shape) for name, tensor in net.state_dict().items()}
    return {
        "source": source,
        "input_size": size,
        "params": sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad),
        "macs_conv_linear": macs,
        "state_dict": {name: shape for name, shape in state.items() if not name.endswith("num_batches_tracked")},
    }


def main() -> None:
    """Write the file."""
    import timm
    import torch
    import torchvision

    warnings.simplefilter("ignore")
    zoo = {}
    with torch.device("meta"):
        for name in TORCHVISION:
            extra = {"init_weights": False, "aux_logits": True} if name in ("googlenet", "inception_v3") else {}
            net = torchvision.models.get_model(name, weights=None, **extra)
            zoo[name] = describe(net, f"torchvision {torchvision.__version__.split('+')[0]}", SIZES.get(name, 224))
        for name in TIMM:
            zoo[name] = describe(timm.create_model(name), f"timm {timm.__version__}", SIZES.get(name, 224))
    text = json.dumps(zoo, separators=(",", ":")).encode()
    Path(__file__).with_name("zoo.json.gz").write_bytes(gzip.compress(text, 9, mtime=0))


if __name__ == "__main__":
    main()
