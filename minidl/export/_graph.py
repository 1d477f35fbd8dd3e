"""The ONNX model of a module: what a walk of no pictures met, node by node."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from minidl import _backend, cost
from minidl._checks import check_path, shown
from minidl._files import atomic_write
from minidl.cost.example import input_shape, name_of
from minidl.export._nodes import RULES, Names
from minidl.nn import Module
from minidl.tensor import Event, Tensor

OPSET = 17  # of May 2022: every runtime since then reads it, and it has all that the networks need
IR_VERSION = 8  # of the file, the one that came with it
LARGEST = 2**31 - 2**20  # bytes: what one protobuf message can hold, less something for the graph
INPUT, OUTPUT, BATCH = "x", "y", "N"
KINDS = {"float32": 1, "float64": 11, "float16": 10}  # ONNX's numbers for the types that tensors have


class _Node(NamedTuple):
    kind: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any]


class _Walked(Module):
    """A module, and what went into it and came out of it last."""

    def __init__(self, net: Module):
        super().__init__()
        self.net = net
        self.ends: list[Any] = []

    def forward(self, x: Tensor) -> Any:
        """Run the module and remember."""
        y = self.net(x)
        self.ends = [x, y]
        return y


class Graph:
    """Nodes and constants under way, which the rules of `_nodes` add to.

    Args:
        net: the module; its parameters and buffers keep the names of its `state_dict`.
        name: of the network, for messages.
    """

    def __init__(self, net: Module, name: str):
        self.name = name
        self.nodes: list[_Node] = []
        self.constants: dict[str, np.ndarray] = {}  # those that are used
        self._own: dict[int, tuple[str, Any]] = {}
        for path, parameter in net.named_parameters():
            self._own[id(parameter._data)] = path, parameter._data
        for path, buffer in net.named_buffers():
            self._own.setdefault(id(buffer), (path, buffer))
        self._names: dict[int, str] = {}  # of results
        self._place = ""  # the module whose operation is written
        self._taken: dict[str, int] = {}

    def node(self, kind: str, inputs: Iterable[str | None], **attributes: Any) -> str:
        """Add a node and return the name of its result; an input that is not there is None."""
        given = [name or "" for name in inputs]
        while given and not given[-1]:
            given.pop()
        output = self._unique(f"{self._place or self.name}/{kind}")
        self.nodes.append(_Node(kind, given, output, attributes))
        return output

    def constant(self, array: np.ndarray, event: Event) -> str:
        """Add numbers, in the type of the operation's result."""
        return self._kept(np.asarray(array, event.output.dtype))

    def whole(self, numbers: int | Sequence[int]) -> str:
        """Add whole numbers, such as a shape."""
        return self._kept(np.asarray(numbers, np.int64))

    def _kept(self, array: np.ndarray) -> str:
        name = self._unique(f"{self._place or self.name}/constant")
        self.constants[name] = array
        return name

    def name_of(self, array: Any, event: Event) -> str:
        """Return the name of an array that an operation reads."""
        if id(array) in self._names:
            return self._names[id(array)]
        if id(array) in self._own:
            name, own = self._own[id(array)]
            self.constants[name] = _backend.to_numpy(own)
            return name
        if 0 in array.shape:
            self.refuse(event, "results of operations; received an array that was computed from the pictures by others")
        self._names[id(array)] = self._kept(_backend.to_numpy(array))
        return self._names[id(array)]

    def add(self, event: Event) -> None:
        """Write the nodes of an operation."""
        if event.op not in RULES:
            self.refuse(event, f"one of the operations that ONNX has: {', '.join(sorted(RULES))}")
        if 0 in event.output.shape[1:]:
            self.refuse(event, f"the pictures to stay the first axis; the result is {event.output.shape}, 0 for them")
        self._place = event.module.removeprefix("net").lstrip(".")
        names: Names = [None if array is None else self.name_of(array, event) for array in event.inputs]
        self._names[id(event.output)] = RULES[event.op](self, event, names)

    def begin(self, x: Any) -> None:
        """Note the array that the network is given."""
        self._names[id(x)] = INPUT

    def end(self, y: Any) -> None:
        """Give the result of the network its name."""
        self._place = ""
        last = self._names.get(id(y))
        if last is None:
            raise ValueError(f"export: what {self.name} returns is not the result of an operation")
        maker = next((place for place, node in enumerate(self.nodes) if node.output == last), None)
        if maker is None:
            self.nodes.append(_Node("Identity", [last], OUTPUT, {}))
            return
        self.nodes = [
            node._replace(
                inputs=[OUTPUT if name == last else name for name in node.inputs],
                output=OUTPUT if place == maker else node.output,
            )
            for place, node in enumerate(self.nodes)
        ]

    def refuse(self, event: Event, expected: str) -> NoReturn:
        """Say which operation of which layer cannot be written."""
        where = event.module.removeprefix("net").lstrip(".")
        raise ValueError(f"export: {event.op}{f' of {where}' if where else ''} in {self.name}: ONNX expects {expected}")

    def _unique(self, name: str) -> str:
        number = self._taken[name] = self._taken.get(name, 0) + 1
        return name if number == 1 else f"{name}_{number}"


def to_onnx(
    net: Module,
    path: str | os.PathLike[str],
    *,
    size: int | Sequence[int] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write a network in evaluation as an ONNX model, complete or not at all; the same network gives the same bytes.

    The model takes "x", any number of pictures of one size, and returns "y". Its weights are initialisers under the
    names of `state_dict`.

    Args:
        net: any module whose operations are those of `minidl.ops`.
        path: the file; one that exists is replaced.
        size: the side of the pictures, or the shape of one input, as `cost.walk` takes it; None (default) means the
            size that a network of `minidl.models` has from its paper.
        metadata: notes, such as the names of the classes: text as it is, anything else as JSON.

    Raises:
        ValueError: if an operation cannot be written (it is named), the size does not fit, or the weights are more than
            a file of this kind can hold.
        TypeError: if net is no module, or does not return one tensor.
        ModuleNotFoundError: if the extra "onnx" is not installed.
        OSError: if the file cannot be written; what was there before is untouched.

    Example:
        >>> from minidl import export, nn
        >>> export.to_onnx(nn.Sequential(nn.Linear(4, 2)), "net.onnx", size=(4,))  # doctest: +SKIP
    """
    check_path("export", path)
    if metadata is not None and (
        not isinstance(metadata, Mapping) or not all(isinstance(key, str) for key in metadata)
    ):
        raise TypeError(f"export: metadata must be a dict of notes by name; received metadata={shown(metadata)}")
    require_onnx()
    graph, shapes, kind = trace(net, size)
    content = _model(graph, shapes, kind, metadata or {}).SerializeToString()
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def require_onnx() -> None:
    """Refuse in one line where the library is not installed."""
    if importlib.util.find_spec("onnx") is None:
        raise ModuleNotFoundError(
            "export: the library that writes ONNX is not installed: pip install 'minidl[onnx]'", name="onnx"
        )


def trace(net: Module, size: int | Sequence[int] | None) -> tuple[Graph, tuple[tuple[int, ...], tuple[int, ...]], str]:
    """Return the graph of a network, the shapes of its input and result (0 for the batch), and the type of numbers."""
    name = name_of(net)
    walked = _Walked(net) if isinstance(net, Module) else net
    shape = input_shape(net, size) if isinstance(net, Module) else ()
    events = cost.walk(walked, shape)
    x, y = walked.ends
    if not isinstance(y, Tensor):
        raise TypeError(f"export: {name} must return one tensor; it returned a {type(y).__name__}")
    graph = Graph(net, name)
    held = sum(array.nbytes for array in net.state_dict().values()) if _huge(net) else 0
    if held > LARGEST:
        raise ValueError(
            f"export: the weights of {name} are {held:,} bytes, an ONNX file holds at most {LARGEST:,}; "
            "write them as safetensors"
        )
    graph.begin(x._data)
    for event in events:
        graph.add(event)
    graph.end(y._data)
    kind = y._data.dtype.name
    return graph, (x._data.shape, y._data.shape), kind


def _huge(net: Module) -> bool:
    return sum(parameter._data.nbytes for parameter in net.parameters()) > LARGEST // 2


def _model(graph: Graph, shapes: Any, kind: str, metadata: Mapping[str, Any]) -> Any:
    """Return the model as ONNX's own objects."""
    from onnx import helper

    nodes = [
        helper.make_node(node.kind, node.inputs, [node.output], name=node.output, **_lists(node.attributes))
        for node in graph.nodes
    ]
    ends = [
        helper.make_tensor_value_info(name, KINDS[kind], [BATCH if not place else n for place, n in enumerate(shape)])
        for name, shape in zip((INPUT, OUTPUT), shapes)
    ]
    body = helper.make_graph(nodes, graph.name, ends[:1], ends[1:])
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="minidl")
    model.ir_version = IR_VERSION
    notes = {"opset": str(OPSET)} | {key: _text(value) for key, value in metadata.items()}
    helper.set_model_props(model, notes)
    for name, array in graph.constants.items():  # last, for each step from a graph to a model copies what is there
        number, bytes_ = helper.np_dtype_to_tensor_dtype(array.dtype), np.asarray(array, array.dtype.newbyteorder("<"))
        model.graph.initializer.add(name=name, data_type=number, dims=array.shape, raw_data=bytes_.tobytes())
    return model


def _lists(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in attributes.items()}


def _text(value: Any) -> str:
    try:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        raise TypeError(f"export: metadata must be text, or what JSON can hold; received {shown(value)}") from None
