"""A portrait as the page reads it: JSON, with arrays as base64 of little-endian numbers.

Maps are float32 ("f"), or bytes ("b") from 0 to 254 between the least and the largest number of each map; lists of
channels are left out where all are there. Of other numbers seven digits are kept.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from minidl._html import image
from minidl.teach.explorer.network.gather import Back, Moment, Portrait, norm, planes
from minidl.teach.explorer.network.windows import Window, as_maps

SHOWN = ("out_size", "shape")  # settings that say no more than the shape does
MOST, NOT_FINITE = 254, 255  # bytes of a map: the largest number, and what is none


def encode(found: Portrait) -> dict[str, Any]:
    """Return all that a page shows of a network, as plain values."""
    subject = found.subject
    weights = [(name, number) for number, layer in enumerate(found.layers) for name, _ in layer.weights]
    steps = found.moments[-1].way.steps
    return {
        "kind": "network",
        "name": subject.name,
        "title": subject.title,
        "input": list(subject.x.shape),
        "picture": _picture(subject.picture),
        "classes": list(subject.classes),
        "truth": subject.truth,
        "notes": subject.notes,
        "exact": found.level.exact,
        "side": found.level.side,
        "left_out": found.left_out,
        "parameters": sum(layer.parameters for layer in found.layers),
        "macs": sum(layer.macs for layer in found.layers),
        "layers": [_layer(found, number, steps[layer.step]) for number, layer in enumerate(found.layers)],
        "weights": [
            {"name": name, "layer": number, "shape": list(found.moments[-1].parameters[name].shape)}
            for name, number in weights
        ],
        "ends": found.ends,
        "moments": [_moment(found, moment, [name for name, _ in weights]) for moment in found.moments],
    }


def _picture(rgb: np.ndarray) -> str:
    tag = image(rgb, "")
    return str(tag).split('src="', 1)[1].split('"', 1)[0]


def _layer(found: Portrait, number: int, event: Any) -> dict[str, Any]:
    layer = found.layers[number]
    y = as_maps(event.output)
    kept = found.channels[number]
    known = {
        "op": event.op,
        "path": layer.path,
        "from": [source for source, _ in layer.sources],
        "shape": list(event.output.shape[1:]),
        "maps": list(y.shape),
        "kept": None if len(kept) == len(y) else kept.tolist(),
        "column": layer.column,
        "lane": layer.lane,
    }
    if layer.weights:
        known["weights"] = [name for name, _ in layer.weights]
        known["parameters"] = layer.parameters
    if layer.macs:
        known["macs"] = layer.macs
    settings = {
        name: value for name, value in event.settings.items() if name not in SHOWN and _plain(value) is not None
    }
    if settings:
        known["settings"] = {name: _plain(value) for name, value in settings.items()}
    return known


def _plain(value: Any) -> Any:
    """Return a setting as JSON has it; None for what is no setting to read, such as an array."""
    if isinstance(value, (tuple, list)):
        parts = [_plain(one) for one in value]
        return None if any(part is None for part in parts) else parts
    if isinstance(value, (bool, int, float, str)):
        return value
    return int(value) if isinstance(value, np.integer) else None


def _moment(found: Portrait, moment: Moment, names: list[str]) -> dict[str, Any]:
    way, level = moment.way, found.level
    known: dict[str, Any] = {
        "name": moment.name,
        "heads": {name: _short(logits) for name, logits in way.heads.items()},
        "x": _floats(found.subject.x) if level.exact else None,
        "maps": [
            _maps(planes(way.steps[layer.step].output, found.channels[number], level.side), level.floats)
            for number, layer in enumerate(found.layers)
        ],
        "windows": [
            [_window(window, found, moment, number) for window in found.windows(moment, number)]
            for number in range(len(found.layers))
        ],
        "backs": [_back(found, back, names) for back in moment.backs],
    }
    if level.exact:
        known["parameters"] = {name: _floats(moment.parameters[name]) for name in dict.fromkeys(names)}
        known["statistics"] = [_statistics(way.steps[layer.step]) for layer in found.layers]
    return known


def _statistics(event: Any) -> list[str] | None:
    """Return mean and 1 / deviation of each channel of a norm in evaluation."""
    if event.op != "batch_norm_eval":
        return None
    set_ = event.settings
    rstd = (np.asarray(set_["running_var"], dtype=np.float64) + set_["eps"]) ** -0.5
    return [_floats(set_["running_mean"]), _floats(rstd)]


def _back(found: Portrait, back: Back, names: list[str]) -> dict[str, Any]:
    way, level = back.way, found.level
    maps, norms, shares = [], [], []
    for number, layer in enumerate(found.layers):
        dy = way.dy.get(layer.step)
        norms.append(_cut(norm(dy)))
        parts = way.shares.get(layer.step, ())
        shares.append([_cut(norm(parts[place])) if place < len(parts) else 0 for _, place in layer.sources])
        maps.append(None if dy is None else _maps(planes(dy, found.channels[number], level.side), level.exact))
    return {
        "label": back.label,
        "all": back.all_heads,
        "loss": _cut(way.loss or 0.0),
        "maps": maps,
        "norms": norms,
        "shares": shares,
        "dw": [_cut(norm(way.dw.get(name))) for name in names],
        "dx": _cut(norm(way.dx)),
        "dx_map": None if way.dx is None else _maps(np.abs(way.dx).max(axis=0, keepdims=True), False),
    }


def _maps(x: np.ndarray, floats: bool) -> dict[str, Any]:
    """Return maps (C, H, W) as text."""
    size = list(x.shape[1:])
    if floats:
        return {"t": "f", "size": size, "d": _floats(x)}
    if x[0].size == 1:  # single numbers need no scale
        return {"t": "f", "size": size, "d": _floats(x)}
    finite = np.isfinite(x)
    x = np.where(finite, x, 0).astype(np.float64)
    low, high = x.min(axis=(1, 2)), x.max(axis=(1, 2))
    span = np.where(high > low, high - low, 1)[:, None, None]
    parts = np.where(finite, np.rint(MOST * (x - low[:, None, None]) / span), NOT_FINITE).astype(np.uint8)
    return {"t": "b", "size": size, "d": _text(parts), "ends": _floats(np.stack([low, high]))}


def _window(window: Window, found: Portrait, moment: Moment, number: int) -> dict[str, Any]:
    known: dict[str, Any] = {"c": window.channel, "at": list(window.at), "y": _cut(window.y)}
    if not window.op:
        return known | {"v": [_cut(value) for value in window.values]}
    operands = window.operands
    dy = moment.backs[0].way.dy.get(found.layers[number].step) if moment.backs else None
    if dy is not None:
        operands = operands | {"dy": np.asarray([as_maps(dy)[window.channel][window.at]])}
    return known | {
        "op": window.op,
        "set": window.settings,
        "in": window.channels,
        "cell": list(window.cell),
        "rest": _cut(window.rest),
        "d": {name: _floats(array) for name, array in operands.items()},
    }


def _floats(array: Any) -> str:
    return _text(np.ascontiguousarray(array, dtype="<f4"))


def _text(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _short(array: np.ndarray) -> list[float | None]:
    return [_cut(value) for value in array.tolist()]


def _cut(value: float) -> float | None:
    """Return a number with seven digits; None for one that JSON has no word for."""
    return float(f"{value:.7g}") if np.isfinite(value) else None
