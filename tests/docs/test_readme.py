"""What the README claims in numbers."""

import re
from pathlib import Path

import minidl

ROOT = Path(minidl.__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_as_many_lines_as_it_says():
    said = int(re.search(r"textbook's kernels are (\d,\d{3}) lines", README)[1].replace(",", ""))
    files = [ROOT / "minidl" / "tensor.py", *(ROOT / "minidl" / "kernels" / "textbook").glob("*.py")]
    lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
    assert abs(lines - said) < 150, lines


def test_the_python_that_it_asks_for():
    asked = re.search(r"Python (3\.\d+) or newer", README)[1]
    assert f'requires-python = ">={asked}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_every_link_leads_to_a_file():
    links = re.findall(r"\]\(([\w./-]+\.md)\)", README)
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []
