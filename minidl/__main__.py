"""The command line: `minidl` and `python -m minidl`."""

import sys
import warnings
from typing import Any

from minidl._names import printable


def main() -> int:
    """Run the command line with the arguments of this process and return the exit status."""
    from minidl.cli import run

    warnings.formatwarning = _in_a_line
    return run()


def _in_a_line(message: Warning | str, *_: Any, **__: Any) -> str:
    """Write a warning as a user of the command line wants it: without the place in the code."""
    return f"minidl: warning: {' '.join(printable(message).split())}\n"


if __name__ == "__main__":
    sys.exit(main())
