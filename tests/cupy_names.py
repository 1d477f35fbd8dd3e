"""The names that CuPy has and the parameters that it takes, as tests/data/cupy_names.txt keeps them.

The file is made from installed CuPys, whose import needs no GPU; of several versions it keeps what all of them have:

    python tests/cupy_names.py write NEW.txt                 in an environment with CuPy
    python tests/cupy_names.py merge OLD.txt NEW.txt > tests/data/cupy_names.txt

Each line is a kind, parameters where there are some (an optional one ends in =), a colon, and the names.
"""

import inspect
import re
import sys
import textwrap
from pathlib import Path

FILE = Path(__file__).parent / "data" / "cupy_names.txt"
PARAMETER = inspect.Parameter


def read(path=FILE):
    """Return {kind: {name: its parameters as one string}}, kinds in the order of the file."""
    table = {}
    text = path.read_text(encoding="utf-8").replace("\n    ", " ")
    for line in text.splitlines():
        if not line.startswith("#"):
            head, names = line.split(": ")
            kind, _, parameters = head.partition(" ")
            table.setdefault(kind, {}).update(dict.fromkeys(names.split(), parameters))
    return table


def signature(parameters):
    """Turn "a axis= out=" into a signature; defaults are not kept, only that there is one."""
    found, kind = [], PARAMETER.POSITIONAL_OR_KEYWORD
    for word in parameters.split():
        name = word.rstrip("=").lstrip("*")
        if word == "/":
            found = [parameter.replace(kind=PARAMETER.POSITIONAL_ONLY) for parameter in found]
        elif word == "*":
            kind = PARAMETER.KEYWORD_ONLY
        elif word.startswith("**"):
            found.append(PARAMETER(name, PARAMETER.VAR_KEYWORD))
        elif word.startswith("*"):
            found.append(PARAMETER(name, PARAMETER.VAR_POSITIONAL))
            kind = PARAMETER.KEYWORD_ONLY
        else:
            found.append(PARAMETER(name, kind, default=None if word.endswith("=") else PARAMETER.empty))
    return inspect.Signature(found)


def written(table, title):
    """Return the text of the file: names with the same parameters share a line."""
    lines = [title]
    for kind, names in table.items():
        shared = {}
        for name, parameters in names.items():
            shared.setdefault(parameters, []).append(name)
        for parameters, group in sorted(shared.items()):
            head = f"{kind} {parameters}".strip()
            lines.append(textwrap.fill(f"{head}: {' '.join(sorted(group))}", 120, subsequent_indent="    "))
    return "\n".join(lines) + "\n"


def parameters_of(function):
    """Return the parameters of a function; compiled ones show them in the first line of their docstring."""
    if type(function).__name__ == "_GUFunc":
        return "x1 x2 / out="
    if type(function).__name__ == "ufunc":
        inputs = " ".join(f"x{number + 1}" for number in range(function.nin))
        return f"{inputs} / {'out= ' if function.nout == 1 else ''}* casting= dtype="
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        line = re.search(r"\((.*)\)", (function.__doc__ or "()").splitlines()[0]).group(1)
        words = [word.split("=") for word in line.split(", ") if word not in ("", "self")]
        return " ".join(word[0].split()[-1] + "=" * (len(word) > 1) for word in words)
    words, before = [], None
    for parameter in given:
        if before == PARAMETER.POSITIONAL_ONLY != parameter.kind:
            words.append("/")
        if parameter.kind == PARAMETER.KEYWORD_ONLY and before not in (parameter.kind, PARAMETER.VAR_POSITIONAL):
            words.append("*")
        stars = {PARAMETER.VAR_POSITIONAL: "*", PARAMETER.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        words.append(stars + parameter.name + "=" * (parameter.default is not PARAMETER.empty))
        before = parameter.kind
    return " ".join(word for word in words if word != "self")


def collect(cupy):
    """Return the table of an installed CuPy."""
    import numpy

    table = {kind: {} for kind in ("numpy", "type", "module", "ufunc", "at", "function", "attribute", "method")}
    for name in dir(cupy):
        value = getattr(cupy, name)
        if name.startswith("_"):
            continue
        if getattr(numpy, name, table) is value or isinstance(value, (float, type(None))):
            table["numpy"][name] = ""  # the very object that NumPy has under this name
        elif inspect.isclass(value):
            table["type"][name] = ""
        elif isinstance(value, cupy.ufunc):
            table["ufunc"][name] = parameters_of(value)
            if value._scatter_op:
                table["at"][name] = ""
        elif callable(value):
            table["function"][name] = parameters_of(value)
        else:
            table["module"][name] = ""
    for name in dir(cupy.ndarray):
        value = getattr(cupy.ndarray, name)
        if name.startswith("_") and (not name.startswith("__") or name in dir(object)):
            continue
        is_method = callable(value) and not name.startswith("__")
        table["method" if is_method else "attribute"][name] = parameters_of(value) if is_method else ""
    return table


def merge(old, new):
    """Keep the names that both have, and of their parameters those that both take."""
    merged = {}
    for kind, names in old.items():
        merged[kind] = {}
        for name, parameters in names.items():
            if name in new.get(kind, {}):
                wanted, found = parameters.split(), new[kind][name].split()
                open_ended = any(word.startswith("**") for word in wanted)
                kept = found if open_ended else [word for word in wanted if word in found]
                merged[kind][name] = " ".join(kept[:-1] if kept[-1:] == ["*"] else kept)
    return merged


def main(command, *paths):
    if command == "write":
        import cupy

        title = f"# CuPy {cupy.__version__} (cupy-cuda13x): its names and their parameters; made by tests/cupy_names.py"
        Path(paths[0]).write_text(written(collect(cupy), title), encoding="utf-8")
    else:
        old, new = (Path(path) for path in paths)
        versions = " and ".join(path.read_text(encoding="utf-8").split()[2] for path in (old, new))
        title = f"# CuPy {versions} (cupy-cuda13x): names and parameters that both have; made by tests/cupy_names.py"
        sys.stdout.write(written(merge(read(old), read(new)), title))


if __name__ == "__main__":
    main(*sys.argv[1:])
