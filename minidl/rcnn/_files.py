"""The folder of an R-CNN: a file for each stage, which says what it was made from, so that nothing stale is used.

A file is a safetensors file. Its arrays are what the stage has made; its head is JSON under the key "minidl":

    stage        whose file it is
    settings     what the stage was asked for
    from         the digests of the files that it was made from, by their names
    digest       of all that, and of the arrays
    more         what else there is to know: names, counts

A digest is no guard against somebody who changes files by hand; it tells whether a file still is the one that a later
stage has seen. The same settings and files give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minidl._checks import check_path
from minidl._files import atomic_write
from minidl._looks import Brief
from minidl._names import printable
from minidl.training.run_folder.lock import hold

KEY = "minidl"
STAGES = {  # which command makes a file
    "proposals": "propose",
    "network": "finetune",
    "features-train": "features",
    "features-val": "features",
    "features-test": "features",
    "svm": "svm",
    "boxes": "boxes",
}
NEWER = "made by another version of minidl"


@dataclass(frozen=True)
class About(Brief):
    """What a file says of itself.

    Attributes:
        settings: what its stage was asked for.
        made_from: digests of the files that it was made from, by their names.
        digest: of all of it.
        more: what else there is to know.
    """

    settings: dict[str, Any]
    made_from: dict[str, str]
    digest: str
    more: dict[str, Any]

    def _words(self) -> list[str]:
        return [self.digest[:8], f"{len(self.settings)} settings"]


class Folder(Brief):
    """The files of an R-CNN.

        proposals.safetensors        where things might be, of every picture
        network.safetensors          the network, where it was fine-tuned
        features-PART.safetensors    what the network makes of each of these
        svm.safetensors              a linear classifier for each class
        boxes.safetensors            a linear regression for each class, which moves boxes to their thing
        results.json                 how good all of it is, and report.html, with pictures

    Args:
        path: the folder.
    """

    def __init__(self, path: str | os.PathLike[str]):
        check_path("rcnn", path)
        self.path = Path(path)
        self.results, self.report = self.path / "results.json", self.path / "report.html"

    def __str__(self) -> str:
        return printable(self.path)

    def _words(self) -> list[str]:
        return [repr(str(self.path))]

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Folder:
        """Return a folder in which there are proposals.

        Raises:
            ValueError: if there is none.
        """
        folder = cls(path)
        if not folder.file("proposals").is_file():
            what = "has no proposals.safetensors" if folder.path.is_dir() else "does not exist"
            raise ValueError(f"rcnn: {folder} {what}; begin with: minidl rcnn propose DATA --out {folder}")
        return folder

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from writing to the folder, which is made if it is not there."""
        self.path.mkdir(parents=True, exist_ok=True)
        if any(self.path.glob("*.safetensors")) and not self.file("proposals").is_file():
            raise ValueError(f"rcnn: {self} holds something else; take another folder: --out NEW")
        with hold(self.path):
            yield

    def file(self, name: str) -> Path:
        """Return the path of the file of that name."""
        return self.path / f"{name}.safetensors"

    def write(
        self,
        name: str,
        arrays: Mapping[str, np.ndarray],
        settings: Mapping[str, Any],
        made_from: Mapping[str, str],
        more: Mapping[str, Any],
    ) -> About:
        """Write a file, whole or not at all.

        Args:
            name: of the file.
            arrays: what was made.
            settings: what was asked for.
            made_from: digests by the names of files.
            more: plain values for whoever reads it; "model" and "arguments" make it a file of weights.
        """
        import safetensors.numpy

        note: dict[str, Any] = {"settings": dict(settings), "from": dict(made_from), "more": dict(more)}
        digest = hashlib.sha256(json.dumps(note, sort_keys=True).encode())
        kept = {key: np.ascontiguousarray(array) for key, array in sorted(arrays.items())}
        for key, array in kept.items():
            digest.update(f"{key} {array.dtype} {array.shape}".encode())
            digest.update(array.data if array.size else b"")
        note |= {"stage": name, "digest": digest.hexdigest()[:16]}
        note |= {key: more[key] for key in ("model", "arguments") if key in more}
        content = safetensors.numpy.save(kept, metadata={KEY: json.dumps(note, sort_keys=True, allow_nan=False)})
        with atomic_write(self.file(name)) as unfinished:
            unfinished.write_bytes(content)
        return About(note["settings"], note["from"], note["digest"], note["more"])

    def about(self, name: str) -> About | None:
        """Return what a file says of itself, None if it is not there.

        Raises:
            ValueError: if it cannot be read, or is no such file.
        """
        if not self.file(name).is_file():
            return None
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.file(name), framework="numpy") as file:
                note = json.loads((file.metadata() or {})[KEY])
            if note["stage"] != name:
                raise ValueError(f"it is {note['stage']}")
            return About(dict(note["settings"]), dict(note["from"]), str(note["digest"]), dict(note["more"]))
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self._where(name)}: damaged ({error}); {self._again(name)}") from None

    def is_made(self, name: str, settings: Mapping[str, Any], made_from: Mapping[str, str]) -> bool:
        """Tell whether a file is there that was made of the same by the same settings."""
        try:
            found = self.about(name)
        except ValueError:
            return False  # which is made again
        as_json = json.loads(json.dumps([dict(settings), dict(made_from)]))
        return found is not None and [found.settings, found.made_from] == as_json

    def need(self, op: str, name: str) -> About:
        """Return what a file says of itself, once it is there and made from what there is now.

        Raises:
            ValueError: if it is missing, damaged or stale; the message names the command that makes it.
        """
        found = self.about(name)
        if found is None:
            raise ValueError(f"rcnn {op}: {self._where(name)} is not there; {self._again(name, 'make it')}")
        for source, digest in found.made_from.items():
            if source not in STAGES:
                continue
            now = self.about(source)
            if now is None or now.digest != digest:
                what = "is gone" if now is None else "has changed since"
                raise ValueError(
                    f"rcnn {op}: {self._where(name)} was made from a {source}.safetensors that {what}; "
                    f"{self._again(source if now is None else name)}"
                )
        return found

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """Return the arrays of a file.

        Raises:
            ValueError: if it cannot be read.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            found: dict[str, np.ndarray] = load_file(self.file(name))
        except (SafetensorError, ValueError) as error:
            raise ValueError(f"{self._where(name)}: damaged ({error}); {self._again(name)}") from None
        return found

    def _where(self, name: str) -> str:
        return printable(self.file(name))

    def _again(self, name: str, what: str = "make it again") -> str:
        stage = STAGES[name.partition(".")[0]]
        return f"{what}: minidl rcnn {stage} {'DATA --out ' if stage == 'propose' else ''}{self}"
