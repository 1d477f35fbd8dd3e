"""Judge how a call fails: minidl itself must say so, in one line that begins with what was called."""

import dis
import re
import traceback
import warnings
from pathlib import Path

import minidl

HOME = str(Path(minidl.__file__).parent)
RAISE = dis.opmap["RAISE_VARARGS"]
KINDS = (ValueError, TypeError, IndexError, KeyError, RuntimeError, AttributeError, NotImplementedError, OSError)
HEAD = re.compile(r"[\w.\[\]…=+*/%<>!&|^~@ -]{1,60}: \S")


def complaint(call):
    """Make a call that may fail, and return what is wrong with the way it fails, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except Exception as error:
        return judge(error)
    return None


def judge(error):
    """Return what is wrong with an error as a user's answer, or None."""
    frames = list(traceback.walk_tb(error.__traceback__))
    frame, _ = frames[-1]
    tb = error.__traceback__
    while tb.tb_next:
        tb = tb.tb_next
    code, text = frame.f_code, str(error)
    where = f"{Path(code.co_filename).name}:{tb.tb_lineno} in {code.co_name}"
    said = f"{type(error).__name__}: {text[:300]!r}; raised at {where}"
    if isinstance(error, OSError) and error.filename is not None:
        return None  # the word of the system about a file that it names
    if not code.co_filename.startswith(HOME):
        return f"comes from elsewhere: {said}"
    if code.co_code[tb.tb_lasti] != RAISE:
        return f"nobody raised it: {said}"
    if not isinstance(error, KINDS):
        return f"another kind of error: {said}"
    if "\n" in text:
        return f"more than one line: {said}"
    if not HEAD.match(text):
        return f"does not say what was called: {said}"
    return None
