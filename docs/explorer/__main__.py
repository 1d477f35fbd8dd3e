"""Take the pictures of docs/explorer.md anew, in a real browser: `python -m docs.explorer`.

Needs the extra `browser` and Chromium.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from minidl.teach import explore

HERE = Path(__file__).parent
WIDE, COLOURS = 1280, 96

# name: dark or light, what is explored, what is done on the page
PICTURES: dict[str, tuple[str, dict[str, Any], str]] = {
    "lecture": ("light", {}, 'explorer.select("y", 0)'),
    "backward": ("dark", {}, 'explorer.view("dx"); explorer.select("dx", 7)'),
    "stride": ("light", {"input": (1, 6, 6), "filters": 1, "stride": 2}, 'explorer.select("y", 3)'),
    "depthwise": ("light", {"what": "depthwise"}, 'explorer.select("y", 0)'),
    "batch-norm": ("dark", {"what": "batch-norm"}, 'explorer.view("dx"); explorer.select("dx", 4)'),
}


def main() -> None:
    """Write every picture beside this file, in few colours, so that a clone stays small."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        for name, (scheme, settings, act) in PICTURES.items():
            page = explore(**settings).save(Path(folder) / "page.html")
            tab = browser.new_page(viewport={"width": WIDE, "height": 900}, color_scheme=scheme)
            tab.goto(page.as_uri())
            tab.evaluate(f"{{ {act}; explorer.complete(); }}")
            height = tab.evaluate("document.documentElement.scrollHeight")
            tab.set_viewport_size({"width": WIDE, "height": height})  # all of it is in sight, and so is drawn
            picture = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
            picture.quantize(COLOURS, dither=Image.Dither.NONE).save(HERE / f"{name}.png", optimize=True)
            tab.close()
        browser.close()


if __name__ == "__main__":
    main()
