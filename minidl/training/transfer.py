"""Transfer: begin with the weights that a network learnt elsewhere, and learn only what is new.

The layers before the head have learnt to see; the head (the layer whose size is the number of classes) has learnt to
name. For other classes a new head is needed, and on few pictures it is often best to learn nothing else: the frozen
layers keep their weights, and their batch norms keep the statistics of the pictures they were trained on.
Source: Yosinski et al., "How transferable are features in deep neural networks?" (arXiv:1411.1792).
"""

from __future__ import annotations

from minidl.models._registry import ENTRIES
from minidl.nn import Module


def freeze_body(net: Module, model: str) -> list[Module]:
    """Stop learning in everything but the head of the network called `model`; return the frozen modules.

    Raises:
        ValueError: if nothing would be left to learn.

    Example:
        >>> from minidl import models
        >>> net = models.get_model("resnet20_cifar")
        >>> frozen = freeze_body(net, "resnet20_cifar")
        >>> [name for name, p in net.named_parameters() if p.requires_grad]
        ['fc.weight', 'fc.bias']
    """
    head = ENTRIES[model].variant.head
    frozen = []
    for path, module in net.named_modules():
        if any(path == layer or path.startswith(f"{layer}.") for layer in head):
            continue
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad = False
        if not any(layer.startswith(f"{path}.") or not path for layer in head):
            frozen.append(module)
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise ValueError(f"train: {model} has no head of its own to learn; leave freeze out")
    return frozen
