"""A real browser without a window: Playwright, with the system's Chromium. Where one is missing, these tests skip."""

import os
import shutil

import pytest

from minidl.teach import explore

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


@pytest.fixture(scope="session")
def browser():
    """Chromium, once for all tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the extra `browser` is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine: apt-get install chromium, or CHROMIUM=PATH")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


class Watched:
    """A tab, and all that it says or asks for; a test fails over any of it."""

    def __init__(self, tab, folder):
        self.tab, self.folder, self.said, self.asked = tab, folder, [], []
        tab.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        tab.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        tab.on("request", lambda request: self.asked.append(request.url))

    def show(self, *what, fragment="", **settings):
        """Write a page and open it; returns the tab."""
        path = explore(*what, **settings).save(self.folder / "page.html")
        self.tab.goto("about:blank")
        self.tab.goto(path.as_uri() + fragment)
        return self.tab

    def check(self):
        """Nothing was said, and nothing asked for but the page itself."""
        assert self.said == []
        assert [one for one in self.asked if not one.startswith(("file://", "data:", "about:"))] == []
        assert [one for one in self.asked if one.startswith("file:") and "page.html" not in one] == []


@pytest.fixture
def watched(browser, tmp_path):
    """A new tab of the usual size."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(10_000)
    found = Watched(context.new_page(), tmp_path)
    yield found
    context.close()
    found.check()
