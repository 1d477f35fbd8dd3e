"""The command line. Each command is one thin file: it reads the arguments, calls the library, and prints.

What a command needs is imported inside its function, so that `minidl --help` answers at once.
"""

from minidl.cli._app import run

__all__ = ["run"]
