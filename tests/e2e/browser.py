"""Headless Chromium on the Prefect pages, as an operator uses them."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, TimeoutError, sync_playwright

from tests.e2e.server import Server

_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PATIENCE = 180_000


@contextmanager
def a_page(server: Server) -> Iterator[Page]:
    """Open Chromium on the deployments, and log in where the server asks for it."""
    with logged_in(server, "/deployments") as page:
        page.get_by_text("Search deployments").or_(page.get_by_placeholder("Search deployments")).first.wait_for()
        yield page


@contextmanager
def logged_in(server: Server, path: str) -> Iterator[Page]:
    """Open Chromium, log in, and be led to a path of the server's pages."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(_QUIET))
        page = browser.new_page(viewport={"width": 1400, "height": 1300})
        page.set_default_timeout(_PATIENCE)
        page.goto(f"{server.url.removesuffix('/api')}/login?redirect={path}")
        page.locator("input").first.fill(server.auth)
        page.get_by_role("button", name="Login").click()
        page.wait_for_url(f"**{path}")
        yield page
        browser.close()


def pick(page: Page, place: Locator, text: str) -> None:
    """Open a drop-down and pick the first option with this text."""
    place.locator(".p-select-button__control").focus()
    page.keyboard.press("Space")
    page.get_by_role("option").filter(has_text=text).first.click()


def field(page: Page, label: str) -> Locator:
    """Return the form's field of that label."""
    return page.locator(".schema-form-property").filter(has=page.get_by_text(re.compile(f"^{label}( .Optional.)?$")))


def send(form: Locator) -> None:
    """Press Submit until the form is taken: a busy server that keeps its data in SQLite now and then refuses."""
    for _ in range(5):
        form.get_by_role("button", name="Submit").click()
        try:
            return form.wait_for(state="hidden", timeout=_PATIENCE / 6)
        except TimeoutError:
            continue
    raise AssertionError(f"the form was not taken; the page says: {form.page.inner_text('body')[:2000]}")


def until_shown(page: Page, text: str, seconds: float = 180) -> None:
    """Load the page again until it shows the text, as an impatient person does."""
    end = time.monotonic() + seconds
    while not page.get_by_text(text, exact=True).first.is_visible():
        if time.monotonic() > end:
            raise AssertionError(f"'{text}' never came; the page says: {page.inner_text('body')[:2000]}")
        time.sleep(3)
        page.reload()
        page.locator(".flow-run-state-badge, .state-badge, h1").first.wait_for()
        time.sleep(1)


def picture(page: Page, folder: Path, name: str) -> None:
    """Keep a screenshot for people to look at."""
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")
