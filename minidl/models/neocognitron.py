"""The Neocognitron: a network that organises itself (Fukushima, 1980), the ancestor of those beside it.

Fukushima, "Neocognitron: a self-organizing neural network model for a mechanism of pattern recognition unaffected by
shift in position", Biological Cybernetics 36: cells that see a window and share their weights in planes (today's
convolution), behind them cells that ask whether any of several neighbours fires (today's pooling), stage after stage.
It learns without gradients and without labels, and so it is no row of the registry, whose networks are trained by a
loss: it has `learn`, `remember` and `recognise` instead. Its page, with figures, is docs/neocognitron.md.

A number is never negative here: it is how strongly a cell fires. With φ(x) = max(x, 0), u the planes of the stage
before (for the first, the picture), n a place and v a step within a window around it:

    V-cell   v(n) = √( Σ_k Σ_v c(v) · u(k, n+v)² )                   how much there is to be seen: Σ_k Σ_v c(v) = 1
    S-cell   s(k, n) = r · φ( (1 + Σ_κ Σ_v a(κ, v, k) · u(κ, n+v)) / (1 + 2r/(1+r) · b(k) · v(n)) - 1 )
    C-cell   y(k, n) = ψ( (1 + Σ_v d(v) · s(k, n+v)) / (1 + w(n)) - 1 ),  ψ(x) = φ(x) / (α + φ(x))
    V-cell   w(n) = 1/K · Σ_k Σ_v d(v) · s(k, n+v)                   the mean of all planes: what all say is no news

a and b are learnt; c and d are fixed and fall with the distance |v|. The rule, for one picture: each S-column, that is
all cells of all planes whose place lies in a small area, names its strongest cell as a candidate, if any of its cells
fires; of several candidates in a plane the strongest is taken. These seed cells n̂ learn, and with each its whole plane:

    Δa(κ, v, k) = q · c(v) · u(κ, n̂+v)            Δb(k) = q/2 · v(n̂)

Why an S-cell then answers to what it has learnt: let one pattern p have been shown, so often that the first weights and
the two 1s are small beside the rest. With t the times q, and with ⟨x, p⟩ = Σ c·x·p and |x|² = ⟨x, x⟩,

    Σ a·u = t⟨u, p⟩,  b = t|p|/2,  v = |u|,
    s = r · φ( (1+r)/r · ⟨u, p⟩/(|u||p|) - 1 ) = φ( (1+r) · cos(u, p) - r )

which is 1 for the pattern itself, in any strength, and 0 from cos = r/(1+r) on: r says how alike it must be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import ops
from minidl._backend import Array, to_numpy
from minidl._checks import (
    check_alike,
    check_choice,
    check_rank,
    shown,
    to_int,
    to_numbers,
)
from minidl.models._family import Paper
from minidl.models._learners import Learner
from minidl.models._stages import STAGES, TABLES, Stage
from minidl.nn import Module, init
from minidl.tensor import Tensor, no_grad

FIRST_WEIGHTS = 0.02  # the largest of the first excitatory weights: far below what one lesson adds
CHUNK = 64  # so many pictures' windows are in memory at a time


def falling(window: int, base: float) -> np.ndarray:
    """Return base ** |v| for every step v of a square window from its centre: (window, window).

    Example:
        >>> falling(3, 0.5)[1]
        array([0.5, 1. , 0.5])
    """
    steps = np.arange(window) - (window - 1) / 2
    return base ** np.hypot(steps[:, None], steps)


def centred(u: Tensor, side: int, window: int) -> Tensor:
    """Return planes with a border of zeros, or cut, so that `side` windows lie in the middle of each side.

    Example:
        >>> centred(Tensor(np.ones((1, 1, 16, 16))), 10, 5).shape  # 14 - 5 + 1 = 10
        (1, 1, 14, 14)
    """
    border = (side + window - 1 - u.shape[2]) // 2
    return ops.pad(u, border) if border >= 0 else u[:, :, -border:border, -border:border]


class SCells(Module):
    """The S-planes of a stage, which learn: excitatory weights `a`, inhibitory ones `b`, and the fixed `c` of V-cells.

    Args:
        in_planes: planes of the stage before.
        stage: sizes and constants.
        rng: from where the first weights are drawn; None (default) is minidl's own generator.
    """

    def __init__(self, in_planes: int, stage: Stage, *, rng: np.random.Generator | None = None):
        super().__init__()
        self.stage, self.in_planes = stage, in_planes
        c = np.broadcast_to(falling(stage.s_window, stage.gamma), (1, in_planes, stage.s_window, stage.s_window))
        first = abs(init.uniform((stage.planes, *c.shape[1:]), FIRST_WEIGHTS, rng))
        self.register_buffer("a", first * (c / c.sum()).astype(np.float32))
        self.register_buffer("b", np.zeros(stage.planes, dtype=np.float32))
        self.register_buffer("c", (c / c.sum()).astype(np.float32))

    def forward(self, u: Tensor) -> Tensor:
        """Turn planes (N, C, H, W) into how strongly each cell fires, (N, planes, s_side, s_side)."""
        u = centred(u, self.stage.s_side, self.stage.s_window)
        excitation = ops.conv2d(u, _as(u, self.a))._data  # (N, planes, OH, OW)
        return Tensor(self.fire(excitation, self.activity(u), _as(u, self.b)._data.reshape(-1, 1, 1)))

    def activity(self, u: Tensor) -> Array:
        """Return what the V-cells say of planes that are centred: (N, 1, OH, OW)."""
        return ops.sqrt(ops.conv2d(u * u, _as(u, self.c)))._data

    def fire(self, excitation: Array, v: Array, b: Array) -> Array:
        """Return r · φ((1 + excitation) / (1 + 2r/(1+r) · b · v) - 1)."""
        r = self.stage.r
        return r * ((1 + excitation) / (1 + 2 * r / (1 + r) * b * v) - 1).clip(0, None)

    def learn(self, u: Tensor) -> int:
        """Show patterns (N, C, H, W), one after the other; return how many seed cells there were in all.

        Only a and b change from one to the next, so that the windows and the V-cells are computed before.
        """
        from threadpoolctl import threadpool_limits

        side, q, c, count = self.stage.s_side, self.stage.q, self.c.reshape(-1), 0
        u = centred(u, side, self.stage.s_window)
        windows, activity = ops.im2col(u, self.stage.s_window)._data, self.activity(u).reshape(len(u), -1)
        a = self.a.reshape(len(self.a), -1)  # (planes, C·KH·KW), a view
        with threadpool_limits(1, "blas"):  # the products are too small to be shared
            for seen, v in zip(windows, activity):  # (C·KH·KW, OH·OW), (OH·OW,)
                s = self.fire(a @ seen, v, self.b[:, None])
                seeds = seed_cells(to_numpy(s).reshape(-1, side, side), self.stage.column)
                for plane, row, column in seeds:
                    place = row * side + column
                    a[plane] += q * c * seen[:, place]
                    self.b[plane] += q / 2 * v[place]
                count += len(seeds)
        return count

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.in_planes}, {self.stage.planes}, window={self.stage.s_window}, side={self.stage.s_side}"


def seed_cells(s: np.ndarray, column: int) -> list[tuple[int, int, int]]:
    """Choose the cells that learn: of every S-column the strongest, of those in one plane the strongest, if it fires.

    The areas of the columns overlap: there is one at every place where it lies within the plane, and a smaller plane is
    one column. Of equals the first counts.

    Args:
        s: how strongly the S-cells fire (K, H, W).
        column: side of the area.

    Returns:
        (plane, row, column) of each, plane after plane.

    Example:
        >>> s = np.zeros((3, 4, 4))
        >>> s[0, 0, 0], s[0, 3, 3], s[1, 0, 1] = 2, 3, 1  # the last is in a column with the first, which is stronger
        >>> seed_cells(s, 2)
        [(0, 3, 3), (1, 0, 1)]
        >>> seed_cells(s, 4)
        [(0, 3, 3)]
    """
    best = s.max(axis=0)  # (H, W), of all planes
    area = tuple(min(column, side) for side in best.shape)
    columns = np.lib.stride_tricks.sliding_window_view(best, area)  # (columns down, columns across, *area)
    within = columns.reshape(*columns.shape[:2], -1).argmax(axis=2)
    top, left = np.indices(within.shape)
    places = np.unique((top + within // area[1]) * s.shape[2] + left + within % area[1])
    seeds: dict[int, int] = {}
    for place in places[best.reshape(-1)[places] > 0]:
        plane = int(s.reshape(len(s), -1)[:, place].argmax())
        if plane not in seeds or best.flat[place] > best.flat[seeds[plane]]:
            seeds[plane] = int(place)
    return [(plane, *divmod(place, s.shape[2])) for plane, place in sorted(seeds.items())]


class CCells(Module):
    """The C-planes of a stage, which learn nothing: each cell asks whether its S-plane fires anywhere in a window."""

    def __init__(self, stage: Stage):
        super().__init__()
        self.stage = stage
        d = np.broadcast_to(falling(stage.c_window, stage.delta), (stage.planes, 1, stage.c_window, stage.c_window))
        self.register_buffer("d", d.astype(np.float32))

    def forward(self, s: Tensor) -> Tensor:
        """Turn S-planes (N, planes, H, W) into C-planes (N, planes, c_side, c_side), from 0 to 1."""
        s = centred(s, self.stage.c_side, self.stage.c_window)
        excitation = ops.conv2d(s, _as(s, self.d), groups=self.stage.planes)
        x = ops.relu((1 + excitation) / (1 + excitation.mean(axis=1, keepdims=True)) - 1)
        return x / (self.stage.alpha + x)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.stage.planes}, window={self.stage.c_window}, side={self.stage.c_side}"


def _as(u: Tensor, weights: Any) -> Tensor:
    """Return weights as numbers of the same precision as what they are multiplied with."""
    return Tensor(weights.astype(u.dtype, copy=False))


class Neocognitron(Module):
    """Stages of S-cells and C-cells that organise themselves; recognition by what the last C-cells said before.

    Args:
        stages: one `Stage` for each, first to last; by default the three of 1980.
        side: of the square pictures.
        in_channels: of the pictures.
        remembered: for how many pictures there is room beforehand, so that a file of weights can hold them, too.
        rng: from where the first weights are drawn; None (default) is minidl's own generator.

    Raises:
        ValueError: if there is no stage, or windows cannot lie around the centre of the planes that they see.
        TypeError: if a stage is no `Stage`.

    Example:
        >>> net = Neocognitron(rng=np.random.default_rng(0))
        >>> pictures = Tensor(np.eye(16, dtype=np.float32).reshape(1, 1, 16, 16))
        >>> net.learn(pictures).remember(pictures, np.array([7])).recognise(pictures)
        array([7])
    """

    def __init__(
        self,
        stages: Sequence[Stage] = STAGES,
        *,
        side: int = 16,
        in_channels: int = 1,
        remembered: int = 0,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        self.side = to_int("Neocognitron", "side", side, least=1)
        self.in_channels = planes = to_int("Neocognitron", "in_channels", in_channels, least=1)
        if not isinstance(stages, (tuple, list)) or not all(isinstance(stage, Stage) for stage in stages):
            raise TypeError(f"Neocognitron: stages must be a sequence of Stage; received stages={shown(stages)}")
        if not stages:
            raise ValueError("Neocognitron: there must be at least one stage; received stages=()")
        self.stages = tuple(stages)
        for number, stage in enumerate(self.stages, 1):
            for kind, one, window in (("s", stage.s_side, stage.s_window), ("c", stage.c_side, stage.c_window)):
                _check_windows(f"stage {number}: {kind}", side, one, window)
                side = one
            setattr(self, f"s{number}", SCells(planes, stage, rng=rng))
            setattr(self, f"c{number}", CCells(stage))
            planes = stage.planes
        room = to_int("Neocognitron", "remembered", remembered, least=0)
        width = planes * side**2
        self.register_buffer("responses", np.zeros((room, width), np.float32) if room else None)  # of those remembered
        self.register_buffer("labels", np.zeros(room, np.int64) if room else None)  # (M,)

    def forward(self, x: Tensor) -> Tensor:
        """Turn pictures (N, C, side, side), 0 where nothing is, into the last C-planes; no graph is made."""
        self.check_pictures(x)
        with no_grad():
            for number in range(1, len(self.stages) + 1):
                x = getattr(self, f"c{number}")(getattr(self, f"s{number}")(x))
        return x

    def learn(self, pictures: Tensor, *, passes: int = 1) -> Neocognitron:
        """Organise one stage after the other: each sees all pictures, one at a time, through the stages before it.

        Args:
            pictures: (N, C, side, side), 0 where nothing is; they are shown in this order.
            passes: how often each stage sees them.

        Raises:
            ValueError: if the pictures do not fit, or no cell of a stage fires.
        """
        self.check_pictures(pictures)
        to_int("learn", "passes", passes, least=1)
        u = pictures
        with no_grad():
            for number in range(1, len(self.stages) + 1):
                cells = getattr(self, f"s{number}")
                seeds = sum(cells.learn(u[i : i + CHUNK]) for _ in range(passes) for i in range(0, len(u), CHUNK))
                if not seeds:
                    raise ValueError(
                        f"learn: no cell of stage {number} fired at any of {len(u)} pictures, so none can learn; are "
                        "they blank, or is the stage before too selective (a smaller r)?"
                    )
                u = getattr(self, f"c{number}")(cells(u))
        self.responses, self.labels = None, None  # what was remembered is not what these cells would say
        return self

    def remember(self, pictures: Tensor, labels: Any) -> Neocognitron:
        """Keep what the last C-cells say of pictures whose classes are known, in place of what was kept before.

        Raises:
            ValueError: if the pictures do not fit, or there is not one label for each.
            TypeError: if the labels are no numbers.
        """
        labels = to_numbers("remember", "labels", labels)
        if labels.shape != (len(pictures),):
            raise ValueError(
                f"remember: there must be a label for each of {len(pictures)} pictures; "
                f"received labels.shape={labels.shape}"
            )
        self.responses, self.labels = _rows(self(pictures)), labels
        return self

    def recognise(self, pictures: Tensor) -> np.ndarray:
        """Return for each picture the label of the remembered one whose response is nearest, (N,).

        Responses are compared at length 1: which cells fire, and not how strongly all of them do.

        Raises:
            ValueError: if nothing is remembered, or the pictures do not fit.
        """
        if self.responses is None or self.labels is None:
            raise ValueError(
                "recognise: nothing is remembered yet; call remember(pictures, labels) after learn(pictures)"
            )
        alike = _rows(self(pictures)) @ self.responses.T  # (N, M) cosines; the nearest has the largest
        return self.labels[to_numpy(alike.argmax(axis=1))]

    def check_pictures(self, x: Tensor) -> None:
        """Refuse what is not a batch of pictures of the right size that are 0 where nothing is."""
        check_alike("neocognitron", x=x)
        check_rank("neocognitron", "x", x.shape, "N, C, H, W")
        if x.shape[1:] != (self.in_channels, self.side, self.side):
            raise ValueError(
                f"neocognitron: expects pictures (N, {self.in_channels}, {self.side}, {self.side}); x.shape={x.shape}"
            )
        least = float(x._data.min()) if len(x) else 0.0
        if not least >= 0:  # NaN is none, either
            raise ValueError(
                "neocognitron: cells fire or are silent, so pictures must be 0 where nothing is and positive "
                f"elsewhere; the least of x is {least:.4g}; were they normalised? "
                "take (x - x.min()) / (x.max() - x.min())"
            )


def _check_windows(name: str, seen: int, side: int, window: int) -> None:
    """Refuse windows that cannot lie around the centre of a plane, or would see nothing of it."""
    covered = side + window - 1
    if (covered - seen) % 2:
        raise ValueError(
            f"Neocognitron: {name}_side={side} windows of {name[-1]}_window={window} cover {side} + {window} - 1 = "
            f"{covered} cells, which cannot be centred on {seen}: {covered} - {seen} = {covered - seen} is odd; "
            "change one of them by 1"
        )
    if (covered - seen) // 2 >= window:
        raise ValueError(
            f"Neocognitron: {name}_side={side} windows of {name[-1]}_window={window} on {seen} cells: the border of "
            f"({covered} - {seen}) / 2 = {(covered - seen) // 2} is as wide as a window, which would see nothing"
        )


def _rows(y: Tensor) -> Array:
    """Return responses as rows of length 1, those of silent cells as 0."""
    rows = y._data.reshape(len(y), -1)
    length = (rows**2).sum(axis=1, keepdims=True) ** 0.5
    return rows / (length + (length == 0))


PAPER = Paper(
    "Neocognitron",
    1980,
    "Fukushima, Neocognitron: a self-organizing neural network model for a mechanism of pattern recognition unaffected "
    "by shift in position",
)


def organised(stages: str = "digits", *, in_channels: int = 1, remembered: int = 0) -> Neocognitron:
    """Build a Neocognitron of one of the tables above.

    Args:
        stages: "digits" or "1980".
        in_channels: of the pictures, which are 16×16.
        remembered: see `Neocognitron`.
    """
    check_choice("neocognitron", "stages", stages, tuple(TABLES))
    return Neocognitron(TABLES[stages], in_channels=in_channels, remembered=remembered)


LEARNERS = {
    "neocognitron": Learner("organisation", organised, PAPER, "stages that organise themselves, without labels or loss")
}
