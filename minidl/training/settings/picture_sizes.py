"""The sizes of pictures, judged before a training or an evaluation begins: all of them, from the heads of their files.

A network without fixed sizes takes pictures of any, and says nothing when it learns from 32×32 and is evaluated with
64×64: it only guesses. And two sizes in one batch end a training, when the batch comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from minidl import _threads
from minidl._names import printable
from minidl.data import Split
from minidl.data._parallel import in_order
from minidl.data.transforms.resize import new_size
from minidl.training.settings.config import Config, Table

SIZED = ("resize", "center_crop", "random_crop", "random_resized_crop")
USUAL = 0.9  # the share of the training pictures from which on the others are the odd ones
Size = tuple[int, int]  # height, width


@dataclass(frozen=True)
class Sizes:
    """How many pictures there are of each size, and which is the first."""

    counts: Counter[Size] = field(default_factory=Counter)
    first: dict[Size, str] = field(default_factory=dict)

    def __str__(self) -> str:
        told = [f"{n:,} of {h}×{width}" for (h, width), n in self.counts.most_common(3)]
        if len(self.counts) > 3:
            told.append(f"{self.counts.total() - sum(n for _, n in self.counts.most_common(3)):,} of other sizes")
        odd = self.counts.most_common()[-1]
        rare = f" ({printable(self.first[odd[0]])})" if len(self.counts) > 1 and odd[1] == 1 else ""
        return f"{', '.join(told)}{rare}"


def sizes_of(split: Split) -> Sizes:
    """Measure all pictures of a split; those that cannot be read are left out, they are named when they are wanted.

    Example:
        >>> from minidl import data
        >>> print(sizes_of(data.open_dataset("digits").val))
        359 of 32×32
    """
    found = Sizes()
    if split.x is not None:
        if len(split):
            found.counts[split.x.shape[2], split.x.shape[3]] = len(split)
        return found

    def look(index: int) -> Size | None:
        try:
            return split.size(index)
        except ValueError:
            return None

    workers = _threads.available()
    for index, size in enumerate(in_order(look, range(len(split)), workers, 64 * workers)):
        if size is not None:
            found.counts[size] += 1
            found.first.setdefault(size, split.name(index))
    return found


def sized(steps: Sequence[Table]) -> list[Table]:
    """Return those of some transforms that decide about the size."""
    return [step for step in steps if isinstance(step, Mapping) and step.get("name") in SIZED]


def common_side(train: Sizes, others: Sizes, usual: int) -> int:
    """Return the side of the squares that pictures are brought to: that of the usual training pictures, if there are.

    Args:
        train: those to learn from.
        others: those to evaluate with.
        usual: the side where they are of all sizes.

    Example:
        >>> train = Sizes(Counter({(32, 32): 199, (31, 40): 1}))
        >>> common_side(train, Sizes(Counter({(64, 64): 50})), 224)
        32
    """
    counts = train.counts or others.counts
    (size, n), *_ = counts.most_common(1) or [((usual, usual), 1)]
    return min(size) if n >= USUAL * max(counts.total(), 1) else usual


def with_size(steps: Sequence[Table], side: int | None, **settings: Any) -> list[Table]:
    """Return transforms that bring pictures to a size, where none says another; settings are the resize's."""
    own = sized(steps)
    if side is None:
        return list(steps)
    if not own:
        return [{"name": "resize", "size": side, **settings}, {"name": "center_crop", "size": side}, *steps]
    return [{**step, "size": side} if step in own and "size" not in step else step for step in steps]


def check_one_size(steps: Sequence[Table], found: Sizes, what: str) -> None:
    """Refuse transforms that leave pictures of several sizes: a resize with one number keeps their proportions.

    Raises:
        ValueError: if the last of them that decides about the size is such a resize, and the proportions differ.
    """
    own = sized(steps)
    last: Any = own[-1] if own else {}
    side = last.get("size")
    if last.get("name") != "resize" or not isinstance(side, int) or len(own) > 1:
        return
    made = {new_size(size, side): size for size in found.counts}
    if len(made) > 1:
        (a, b), (c, d) = list(made)[:2]
        (e, f), (g, h) = list(made.values())[:2]
        raise ValueError(
            f"train: after the resize of {what} to {side} pictures still differ in size ({e}×{f} becomes {a}×{b}, "
            f'{g}×{h} becomes {c}×{d}); put {{name="center_crop",size={side}}} behind it, or give it two numbers'
        )


def seen_sizes(train: Sequence[int], val: Sequence[int]) -> list[str]:
    """Say in which sizes a network gets the pictures, if it learns from others than it is evaluated with."""
    if tuple(train) == tuple(val):
        return []
    shown = [f"{h}×{width}" for h, width in (train, val)]
    return [f"sizes: the network learns from {shown[0]} and is examined with {shown[1]}, as the transforms say"]


def plain_size(config: Config, seen: Sequence[int]) -> list[int] | None:
    """Return the size of the validation pictures if it reaches the network as it is; None if transforms change it."""
    steps = config.test_transforms or []
    changed = sized(steps) or any(step.get("name") == "pad" for step in steps)
    return None if changed else [int(side) for side in seen]


def brought_to_size(config: Config, size: Sequence[int] | None, val: Split) -> tuple[Config, list[str]]:
    """Return the settings of a run that shall be evaluated with pictures that may have other sizes, and what to say.

    Args:
        config: the settings, which may bring no picture to any size.
        size: the one that the run is evaluated with, see `plain_size`.
        val: the pictures.
    """
    if size is None:
        return config, []
    found = sizes_of(val)
    if set(found.counts) <= {tuple(size)}:
        return config, []
    h, width = size
    square: list[Table] = [{"name": "resize", "size": h}, {"name": "center_crop", "size": h}]
    first = square if h == width else [{"name": "resize", "size": [h, width]}]
    changed = replace(config, test_transforms=[*first, *(config.test_transforms or [])])
    return changed, [f"sizes: {found}: all are brought to {h}×{width}, which the run is examined with"]
