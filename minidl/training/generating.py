"""New pictures from the network of a run: what the command `generate` does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minidl import _random
from minidl._backend import to_numpy
from minidl._checks import nearest, shown, to_int
from minidl._looks import Brief
from minidl.data.images import read_pixels
from minidl.data.transforms import resize
from minidl.generation import generate
from minidl.training.checkpoint import About, load_trained, read_about
from minidl.training.run_folder.folder import RunFolder
from minidl.training.threads import hold_threads

TASKS = ("diffusion", "gan")  # whose networks make pictures


@dataclass(frozen=True)
class Made(Brief):
    """Pictures that the network of a run has made.

    Attributes:
        pictures: (N, C, H, W), float32 from 0 to 1.
        names: the class of each; empty where the network knows no classes.
        about: what the checkpoint says of the training.
        columns: how many stand in a row of a sheet, so that a class is a column; None where they are all alike.
    """

    pictures: np.ndarray
    names: tuple[str, ...]
    about: About
    columns: int | None


def generate_run(
    path: str | os.PathLike[str],
    *,
    n: int = 64,
    kind: str | int | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    seed: int = 0,
    like: str | os.PathLike[str] | None = None,
    region: Sequence[int] | None = None,
    checkpoint: str = "last",
) -> Made:
    """Let the network of a run make pictures.

    Args:
        path: the run folder, of a training that makes pictures.
        n: how many.
        kind: of which class, by its name or number; None (default) takes all of them in turn.
        steps: of the sampler; None (default) leaves that to the network.
        guidance: how much the class matters; None (default) leaves that to the network.
        seed: the same seed makes the same pictures.
        like: a picture file, whose tokens are taken in the region; it is brought to the network's size.
        region: (x0, y0, x1, y1) in pixels of the made pictures; x1 and y1 are outside, as in a crop.
        checkpoint: "last" or "best".

    Raises:
        ValueError: if there is no such run, it makes no pictures, or the network does not take what was asked for.
    """
    run = RunFolder.open(path)
    file = run.checkpoint(checkpoint)
    about = read_about(file)
    if about.config.task not in TASKS:
        raise ValueError(
            f"generate: {run} is a run of {about.config.model}, which learnt {about.config.task} and makes no "
            f"pictures; train one that does: minidl train dit_tiny"
        )
    n, seed = to_int("generate", "n", n, least=1), to_int("generate", "seed", seed, least=0)
    net = load_trained(file, about.config.task).net
    known = about.classes if net.num_classes else []
    settings: dict[str, Any] = {"steps": steps, "guidance": guidance, "region": region}
    if kind is not None:
        settings["classes"] = _number_of(kind, known, about) if known else 0
    elif known:
        settings["classes"] = np.arange(n) % len(known)
    if like is not None:
        settings["like"] = _read(like, net.average) if "like" in net.takes else like  # which is refused then
    with hold_threads(about.config.threads):
        pictures = to_numpy(generate(net, n, rng=_random.addressed(seed, "generate"), **settings))
    names = tuple(known[number] for number in np.broadcast_to(settings["classes"], n)) if known else ()
    columns = len(known) if known and kind is None and n > len(known) else None
    return Made(pictures, names, about, columns)


def _number_of(kind: str | int, known: Sequence[str], about: About) -> int:
    """Return the number of a class that is called by its name, or by its number."""
    word = str(kind)
    if word in known:
        return known.index(word)
    if word.isdecimal() and int(word) < len(known):
        return int(word)
    numbers = f"0 to {len(known) - 1}"
    cure = f"there are {len(known)}, {numbers}: {', '.join(known)}"
    if len(known) > 10:
        cure = f"there are {len(known)}, {numbers}; did you mean {nearest(word, known)}?"
    raise ValueError(f"generate: {about.config.model} has not learnt a class {shown(word)}; {cure}")


def _read(file: str | os.PathLike[str], net: Any) -> np.ndarray:
    """Return a picture file as the network would make it: (C, side, side), from 0 to 1."""
    pixels = read_pixels(Path(file), 1 if net.in_channels == 1 else 3)
    return resize(pixels[None], (net.input_size, net.input_size))[0].astype(np.float32) / 255
