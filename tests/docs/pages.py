"""Read the pages under docs/: their fenced blocks, and what stands above each of them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
TAKEN_FROM = re.compile(r"^From `([^`]+)`:$")


@dataclass(frozen=True)
class Block:
    """A fenced block: the line it begins in, its language, its text, the file it says it was taken from."""

    line: int
    language: str
    text: str
    source: str | None


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page."""
    found, above, lines = [], "", text.splitlines()
    index = 0
    while index < len(lines):
        line = lines[index]
        if line.startswith("```"):
            end = lines.index("```", index + 1)
            source = TAKEN_FROM.match(above)
            found.append(
                Block(index + 1, line[3:], "\n".join(lines[index + 1 : end]), source.group(1) if source else None)
            )
            index = end
        above = line if line.strip() and not line.startswith("```") else above
        index += 1
    return found


def drifted(text: str, root: Path = ROOT) -> list[str]:
    """Return one line for every Python block of a page that does not stand in the file it says it comes from.

    The block must be found there letter by letter, as whole lines.
    """
    problems = []
    for block in blocks(text):
        if block.language != "python" or block.text.startswith(">>>"):
            continue
        if block.source is None:
            problems.append(f'line {block.line}: no doctest, and no line "From `file`:" above it')
        elif not (root / block.source).is_file():
            problems.append(f"line {block.line}: there is no file {block.source}")
        elif f"\n{block.text}\n" not in "\n" + (root / block.source).read_text(encoding="utf-8") + "\n":
            problems.append(f"line {block.line}: does not stand in {block.source} like this")
    return problems


def broken_links(page: Path) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    local = [target.split("#")[0] for target in targets if not re.match(r"[a-z]+:", target)]
    return [target for target in local if target and not (page.parent / target).exists()]
