"""Claims in files: a YAML list, whose fields are judged with their lines, and the sentences of a Markdown deck."""

from __future__ import annotations

import difflib
import html
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minidl.teach.strings import claims as words

FIELDS = ("claim", "topic", "verdict", "right", "slip")
VERDICTS = (words.RIGHT, words.WRONG, words.DEPENDS)
YAML, MARKDOWN = (".yaml", ".yml"), (".md", ".markdown")


@dataclass(frozen=True)
class Entry:
    """A claim of a file: its text, its line, and what the file expects of it; or a problem with the file itself."""

    text: str
    line: int
    topic: str = ""
    verdict: str = ""
    right: str = ""
    slip: str = ""
    problem: str = ""


def is_file(name: str) -> bool:
    """Tell whether an argument names a file of claims."""
    return name.lower().endswith(YAML + MARKDOWN) and "\n" not in name


def entries(file: Path) -> list[Entry]:
    """Return the claims of a file in their order; what is wrong with it is an entry with a problem.

    Raises:
        OSError: if it cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return [Entry("", 1, problem="is not in UTF-8; save it as UTF-8")]
    return of_yaml(text) if file.name.lower().endswith(YAML) else of_markdown(text)


def of_yaml(text: str) -> list[Entry]:
    """Return the claims of a YAML list; each is a text, or a mapping with the fields `FIELDS`.

    Example:
        >>> of_yaml("- VGG-16 has 138M weights")[0].text
        'VGG-16 has 138M weights'
        >>> of_yaml("- clam: VGG-16 has 138M weights")[0].problem
        "there is no field 'clam'; did you mean claim? Allowed are claim, topic, verdict, right, slip"
    """
    import yaml

    try:
        root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "it is nested too deeply"
        return [Entry("", mark.line + 1 if mark else 1, problem=f"is no YAML: {what}")]
    if isinstance(root, yaml.MappingNode):
        named = {key.value: value for key, value in root.value if isinstance(key, yaml.ScalarNode)}
        if set(named) == {"claims"}:
            root = named["claims"]
    if not isinstance(root, yaml.SequenceNode) or not root.value:
        line = root.start_mark.line + 1 if root is not None else 1
        return [Entry("", line, problem="expects a list of claims: - VGG-16 has 138M weights")]
    return [_entry(node, yaml) for node in root.value]


def _entry(node: Any, yaml: Any) -> Entry:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return Entry(node.value, line) if node.value.strip() else Entry("", line, problem="the claim is empty")
    if not isinstance(node, yaml.MappingNode):
        return Entry("", line, problem="a claim is a text, or a mapping with the field claim")
    fields: dict[str, str] = {}
    for key, value in node.value:
        at = key.start_mark.line + 1
        name = key.value if isinstance(key, yaml.ScalarNode) else "?"
        if name not in FIELDS:
            near = difflib.get_close_matches(str(name), FIELDS, n=1)
            cure = f"; did you mean {near[0]}?" if near else ";"
            return Entry("", at, problem=f"there is no field {name!r}{cure} Allowed are {', '.join(FIELDS)}")
        if not isinstance(value, yaml.ScalarNode):
            return Entry("", at, problem=f"the field {name} must be a text")
        if name in fields:
            return Entry("", at, problem=f"the field {name} stands there twice")
        if name == "verdict" and value.value not in VERDICTS:
            return Entry("", at, problem=f"verdict must be {', '.join(VERDICTS)}; it is {value.value!r}")
        fields[name] = value.value
    if not fields.get("claim", "").strip():
        return Entry("", line, problem="the field claim is missing")
    rest = {name: fields[name] for name in FIELDS[1:] if name in fields}
    return Entry(fields["claim"], line, **rest)


# ---- Markdown

FENCE = re.compile(r"\s*(```|~~~)")
LEADING = re.compile(r"\s*(?:#{1,6}\s+|[-*+]\s+|\d+[.)]\s+|>\s*)+")
BARE = re.compile(r"~?\s*\d[\d,.]*")
MEASURED = re.compile(
    r"(?P<name>.+?)\s*[(\[]\s*(?:in\s+)?(?P<unit>[KMGBT]|[kKMG]i?B|[KMGT]?(?:FLOP|MAC)s?|[mb]illions?|만|억)\s*[)\]]"
)
LETTERED = re.compile(r"(?P<unit>[KMGT])[\s-]?(?P<name>FLOPs?|MACs?)")
ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s")
INDENTED = re.compile(r" {0,3}\t| {4}")
RULED = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$")
END = re.compile(r"(?<=[.!?。])\s+(?=[A-Z가-힣\"'(*_`])")
ABBREVIATED = re.compile(r"(?:\b(?:approx|ca|vs|al|Fig|Eq|Sec|e\.g|i\.e|cf|No|resp)\.)$")
PLAINER = (
    (re.compile(r"<!--.*?-->", re.S), " "),
    (re.compile(r"~~.*?~~"), " "),
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), " "),
    (re.compile(r"\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"</?[a-zA-Z][^>]*>"), " "),
    (re.compile(r"\\(?:times|cdot)"), "×"),
    (re.compile(r"\\(?:approx|sim)"), "≈"),
    (re.compile(r"\\[,;!% ]"), " "),
    (re.compile(r"\*\*|__|`|\$"), ""),
    (re.compile(r"(?<!\w)[*_]|[*_](?!\w)"), ""),
)


def of_markdown(text: str) -> list[Entry]:
    r"""Return the sentences of a deck that hold a digit, each with the line in which it begins.

    Cells of a table are read with their row and column: | VGG-16 | 138M | under | network | weights |.

    Example:
        >>> [(entry.line, entry.text) for entry in of_markdown("# VGG\n\nIt is *deep*. VGG-16 has **138M** weights.")]
        [(3, 'VGG-16 has 138M weights.')]
    """
    found: list[Entry] = []
    for line, block in _blocks(_without_comments(text)):
        for at, sentence in _sentences(line, block):
            plain = plainer(sentence)
            if any(letter.isdigit() for letter in plain) or re.search(r"[천백십]만|[천백]억", plain):
                found.append(Entry(plain, at))
    found += _tables(text)
    return sorted(found, key=lambda entry: entry.line)


def plainer(text: str) -> str:
    """Return a sentence without the marks of Markdown."""
    text = html.unescape(text)
    for pattern, by in PLAINER:
        text = pattern.sub(by, text)
    return " ".join(text.split())


def _without_comments(text: str) -> str:
    return re.sub(r"<!--.*?-->", lambda match: "\n" * match[0].count("\n"), text, flags=re.S)


def _blocks(text: str) -> list[tuple[int, list[str]]]:
    """Return paragraphs, items of lists and headings: the number of the first line, and the lines."""
    found: list[tuple[int, list[str]]] = []
    fenced, is_open, is_listed = False, False, False
    lines = text.splitlines()
    rows = _rows(lines)
    front = (
        len(lines) > 1
        and lines[0].strip() == "---"
        and next((i for i, one in enumerate(lines[1:], 1) if one.strip() == "---"), 0)
    )
    for number, line in enumerate(lines, start=1):
        if front and number <= front + 1:
            continue
        if FENCE.match(line):
            fenced, is_open, is_listed = not fenced, False, False
            continue
        if fenced or not line.strip() or number in rows or RULED.match(line):
            is_open = False
            continue
        mark = LEADING.match(line)
        if INDENTED.match(line):
            if not is_open and not is_listed:  # code
                continue
        else:
            is_listed = bool(mark and ITEM.match(line))
        if mark or not is_open:
            found.append((number, [line[mark.end() :] if mark else line]))
        else:
            found[-1][1].append(line)
        is_open = not (mark and mark[0].lstrip().startswith("#"))
    return found


def _sentences(line: int, block: list[str]) -> list[tuple[int, str]]:
    """Split a block at the ends of sentences."""
    joined, starts = "", []
    for i, part in enumerate(block):
        starts.append((len(joined), line + i))
        joined += part.strip() + " "
    found, begin = [], 0
    for match in END.finditer(joined):
        if ABBREVIATED.search(joined[begin : match.start()]):
            continue
        found.append((begin, joined[begin : match.start()]))
        begin = match.end()
    found.append((begin, joined[begin:]))
    return [
        (next(number for start, number in reversed(starts) if start <= at), sentence.strip())
        for at, sentence in found
        if sentence.strip()
    ]


def _tables(text: str) -> list[Entry]:
    """Return a sentence for each cell with a digit: what its row is called, its column, and the cell."""
    found: list[Entry] = []
    titles: list[str] = []
    lines = text.splitlines()
    fenced, rows = False, _rows(lines)
    for number, line in enumerate(lines, start=1):
        if FENCE.match(line):
            fenced = not fenced
        if fenced or number not in rows:
            titles = []
            continue
        cells = [plainer(cell) for cell in line.strip().strip("|").split("|")]
        if not titles:
            titles = cells
        elif not RULED.match(line):
            found += [
                Entry(_cell(cells[0], title, cell), number)
                for title, cell in zip(titles[1:], cells[1:], strict=False)
                if any(letter.isdigit() for letter in cell)
            ]
    return found


def _rows(lines: list[str]) -> set[int]:
    """Return the numbers of the lines of tables; they may do without the bars on the outside."""
    found: set[int] = set()
    for number, line in enumerate(lines, start=1):
        is_title = number < len(lines) and "|" in line and "|" in lines[number] and RULED.match(lines[number])
        if line.lstrip().startswith("|") or is_title or ("|" in line and number - 1 in found):
            found.add(number)
    return found


def _cell(row: str, column: str, cell: str) -> str:
    """Say a cell as a sentence; the unit of its row or column is put behind a bare number: Params (M), GMACs."""
    unit, names = "", []
    for name in (row, column):
        match = MEASURED.fullmatch(name) or LETTERED.fullmatch(name)
        unit = unit or (match["unit"] if match else "")
        names.append(match["name"] if match else name)
    return f"{names[0]} {names[1]}: {cell}{unit if BARE.fullmatch(cell) else ''}"
