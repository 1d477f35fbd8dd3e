"""Networks as files for other programs: ONNX, which anything runs and Netron draws; safetensors for the weights alone.

    to_onnx    any module as an ONNX model
    export     a run, or a network of `minidl.models`, as either

The graph of a network is what a walk of no pictures through it meets (see `cost.walk`): each operation becomes the
nodes that its row in `_nodes.py` says. So it is the network in evaluation, for any number of pictures of one size.
"""

from minidl.export._graph import IR_VERSION, OPSET, to_onnx
from minidl.export._source import Exported, export

__all__ = ["IR_VERSION", "OPSET", "Exported", "export", "to_onnx"]


def __dir__() -> list[str]:
    return [*__all__]
