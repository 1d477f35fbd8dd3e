"""A network as HTML: the tree of its modules, to be folded, with the shapes of their parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minidl._html import Html, element, faint, folded, or_plain
from minidl._looks import count, cut, sides

MOST = 400  # modules that are shown; the deepest of a larger network are only counted
OPEN = 30  # modules of a network that is unfolded from the start
INDENT = "margin-left:1.3em"


@or_plain
def tree(net: Any) -> str:
    """Return the tree of a module."""
    sizes: dict[int, int] = {}  # of parameters that are shared, once
    total = _total(net, sizes)
    modules = list(_walk(net, 0))
    depths = [depth for depth, _ in modules]
    deepest = next((d for d in range(1, max(depths)) if sum(one <= d + 1 for one in depths) > MOST), max(depths))
    frozen = sum(p.numel() for _, p in net.named_parameters() if not p.requires_grad)
    words = f"{count(len(modules), 'module')}, {count(total, 'parameter')}"
    title = [element("b", getattr(net, "name", "") or type(net).__name__), " ", faint(words)]
    title += [faint(f", {frozen:,} of them frozen")] if frozen else []
    inside = _inside(net, deepest, 1, len(modules) <= OPEN)
    return element("div", folded(element("span", *title), inside, is_open=True) if inside else _row("", net))


def _walk(module: Any, depth: int) -> Iterator[tuple[int, Any]]:
    yield depth, module
    for _, child in _children(module):
        yield from _walk(child, depth + 1)


def _children(module: Any) -> list[tuple[str, Any]]:
    return [(name, child) for name, child in module._modules.items() if child is not None]


def _total(module: Any, seen: dict[int, int]) -> int:
    for _, below in _walk(module, 0):
        seen.update({id(p): p.numel() for p in below._parameters.values() if p is not None})
    return sum(seen.values())


def _inside(module: Any, deepest: int, depth: int, is_open: bool) -> str:
    """Return what is below a module, a row each; of too many, the first."""
    if depth > deepest or not module._modules:
        return ""
    children = list(module._modules.items())
    rows = [_branch(name, child, deepest, depth, is_open) for name, child in children[:MOST]]
    if len(children) > MOST:
        rows.append(element("div", faint(f"… and {len(children) - MOST:,} more")))
    own = [element("div", faint(words)) for words in _shapes(module)]
    return element("div", *own, *rows, style=INDENT)


def _branch(name: str, module: Any, deepest: int, depth: int, is_open: bool) -> Html:
    if module is None:
        return element("div", element("b", name), " ", faint("None"))
    below = sum(1 for _ in _walk(module, 0)) - 1
    if not below:
        return _row(name, module)
    amount = f"{count(below, 'module')}, {count(_total(module, {}), 'parameter')}"
    title = element("span", element("b", name), f" {type(module).__name__} ", faint(amount))
    inside = _inside(module, deepest, depth + 1, is_open)
    return folded(title, Html(inside), is_open=is_open) if inside else element("div", title)


def _row(name: str, module: Any) -> Html:
    """Return a module without others inside: what it is, and the shapes of its parameters."""
    words = cut(" ".join(repr(module).split()), 160)
    shapes = "; ".join(_shapes(module))
    label = (element("b", name), " ") if name else ()
    return element("div", *label, f"{words} ", faint(shapes))


def _shapes(module: Any) -> list[str]:
    found = [(name, p) for name, p in module._parameters.items() if p is not None]
    return [f"{name} {sides(p.shape) or 'one number'}{' (frozen)' * (not p.requires_grad)}" for name, p in found]
