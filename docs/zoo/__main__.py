"""Write docs/zoo.md and docs/zoo/family-tree.svg.

    python -m docs.zoo        # where the folder docs/ is

A test compares the two files with what this command would write.
"""

from __future__ import annotations

from docs.zoo import outputs
from minidl._files import atomic_write

for path, text in outputs().items():
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    print(path)
