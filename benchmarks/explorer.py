"""How quickly the explorer's pages answer in a real browser: first paint, a changed control, a step.

Needs the extra `browser` and Chromium. Run from the root of the repository:

    python -m benchmarks.explorer
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks._asked import Parser, need, run
from benchmarks._machine import describe
from benchmarks._tables import table
from minidl.teach import explore

REPEATS, CHANGES = 7, 3
SIZES = (6, 8, 12, 16)

# From the change to the frame that shows it: two frames later nothing is left to be drawn.
ANSWER = """([key, values, repeats]) => {
  const one = document.getElementById("explorer").shadowRoot.querySelector(`fieldset[data-key="${key}"] input`);
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  const run = async () => {
    const taken = [];
    for (let n = 0; n < repeats * values.length; n++) {
      await frame();
      const began = performance.now();
      one.value = values[n % values.length];
      one.dispatchEvent(new Event("input", { bubbles: true }));
      document.body.getBoundingClientRect(); // the layout is part of the answer
      await frame();
      taken.push(performance.now() - began);
    }
    return taken;
  };
  return run();
}"""

STEP = """async (view) => {
  explorer.view(view);
  const next = document.getElementById("explorer").shadowRoot.querySelector('button[data-key="next"]');
  const taken = [];
  for (let n = 0; n < 20; n++) {
    const began = performance.now();
    next.click();
    document.body.getBoundingClientRect();
    taken.push(performance.now() - began);
    await new Promise((done) => requestAnimationFrame(done));
  }
  return taken;
}"""

PAINT = """() => new Promise((done) => {
  const read = () => performance.getEntriesByName("first-contentful-paint")[0];
  const look = () => (read() ? done([read().startTime, performance.now()]) : requestAnimationFrame(look));
  look();
})"""


class Thread:
    """How long the page's own thread has worked, which another program on the machine does not change.

    Attributes:
        busy: milliseconds of work between entering and leaving.
    """

    def __init__(self, tab: Any):
        self.session = tab.context.new_cdp_session(tab)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.busy = 0.0

    def read(self) -> float:
        """Return the milliseconds since the page was opened."""
        found = self.session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(one["value"] for one in found if one["name"] == "TaskDuration")

    def __enter__(self) -> Thread:
        self.began = self.read()
        return self

    def __exit__(self, *_: object) -> None:
        self.busy = self.read() - self.began


def main() -> None:
    """Print three tables: first paint of every operation, controls by size of the input, steps."""
    Parser("benchmarks.explorer", __doc__).parse_args()
    need("playwright")
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    print(*describe(), sep="\n")
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        print(f"Chromium {browser.version}\n")
        tab = browser.new_page(viewport={"width": 1440, "height": 1000})
        rows = []
        for op in ("conv", "conv-transpose", "depthwise", "max-pool", "avg-pool", "lrn", "batch-norm"):
            path = explore(op).save(Path(folder) / "page.html")
            paints = []
            for _ in range(REPEATS):
                tab.goto("about:blank")
                tab.goto(path.as_uri())
                paints.append(tab.evaluate(PAINT)[0])
            rows.append(
                [op, f"{path.stat().st_size / 1000:.0f}", f"{statistics.median(paints):.0f}", f"{max(paints):.0f}"]
            )
        print(table(["page", "kB", "first paint, ms", "worst, ms"], rows), "\n")
        rows, steps = [], []
        thread = Thread(tab)
        for size in SIZES:
            path = explore("conv", input=(3, size, size), padding=1).save(Path(folder) / "page.html")
            tab.goto(path.as_uri())
            for key, values in (("stride", [2, 1]), ("padding", [0, 1]), ("filters", [3, 2])):
                with thread:
                    taken = tab.evaluate(ANSWER, [key, values, CHANGES])
                shown = [f"{one:.0f}" for one in (statistics.median(taken), max(taken))]
                rows.append([f"{size}×{size}", key, f"{thread.busy / len(taken):.0f}", *shown])
            for view in ("forward", "dx", "dw"):
                with thread:
                    taken = tab.evaluate(STEP, view)
                steps.append(
                    [f"{size}×{size}", view, f"{thread.busy / len(taken):.1f}", f"{statistics.median(taken):.1f}"]
                )
        print(table(["input", "control", "work, ms", "until shown, ms", "worst, ms"], rows), "\n")
        print(table(["input", "view", "work of a step, ms", "until done, ms"], steps))
        browser.close()


if __name__ == "__main__":
    run("benchmarks.explorer", main)
