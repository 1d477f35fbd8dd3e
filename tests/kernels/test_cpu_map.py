"""Each folder of the fast kernels begins with a map: every file of it is named there, and nothing else is."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CPU = ROOT / "minidl" / "kernels" / "cpu"
FOLDERS = sorted(path.parent for path in CPU.rglob("__init__.py"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_map_of_a_folder_names_what_is_in_it(folder):
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    named = set(re.findall(r"(?<![\w/`])(\w+(?:\.py|/))  ", text))
    files = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    folders = {f"{path.name}/" for path in folder.iterdir() if path in FOLDERS}
    assert named == files | folders
