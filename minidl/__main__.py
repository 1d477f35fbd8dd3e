"""The command line: `minidl` and `python -m minidl`."""

import sys


def main() -> int:
    """Run the command line with the arguments of this process and return the exit status."""
    from minidl.cli import run

    return run()


if __name__ == "__main__":
    sys.exit(main())
