"""The scoreboard's page in a real browser: ``uv sync --extra browser`` and an installed Chromium or Chrome."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rlx.board.standing import Group, rank_board
from rlx.board.store import Scoreboard
from rlx.report.page.document import row_ids
from rlx.report.scoreboard import write_board
from tests.report.boards import HOSTILE, make_board

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start an installed browser; skip, with the reason, if there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: uv sync --extra browser")
    with api.sync_playwright() as driver:
        own = driver.chromium.executable_path
        found = own if Path(own).exists() else next(filter(None, map(shutil.which, NAMES)), None)
        if found is None:
            pytest.skip(f"no browser: neither playwright's own nor one of {', '.join(NAMES)} is installed")
        root = hasattr(os, "geteuid") and os.geteuid() == 0  # Chromium refuses its sandbox to root
        started = driver.chromium.launch(executable_path=found, args=["--no-sandbox"] if root else [])
        yield started
        started.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Group]]:
    """Return the address of a page in a file, and the groups on it."""
    path = make_board(tmp_path_factory.mktemp("board"))
    board = Scoreboard.load(path)
    return write_board(path, board)[1].as_uri(), rank_board(board)


LOOKS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]
every_look = pytest.mark.parametrize("tab", LOOKS, ids="-".join, indirect=True)
"""Marks a test whose outcome depends on the size of the window or on the colours."""


every_size = pytest.mark.parametrize("tab", [(size, "light") for size in SIZES], ids="-".join, indirect=True)
"""Marks a test whose outcome depends on the size of the window alone."""


@pytest.fixture
def tab(request: Any, browser: Browser, written: tuple[str, list[Group]]) -> Iterator[Page]:
    """Open the page in a size and a colour scheme; at the end nothing was requested and nothing went wrong."""
    size, scheme = getattr(request, "param", LOOKS[0])
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme)
    tab = context.new_page()
    trouble: list[str] = []
    requested: list[str] = []
    tab.on("console", lambda message: trouble.append(message.text))
    tab.on("pageerror", lambda error: trouble.append(str(error)))
    tab.on("dialog", lambda dialog: trouble.append(f"{dialog.type}: {dialog.message}"))
    tab.on("request", lambda sent: requested.append(sent.url))
    tab.goto(written[0])
    yield tab
    context.close()
    assert trouble == []
    assert {url.split("#")[0] for url in requested} <= {written[0], "data:,"}


def names(tab: Page) -> list[str]:
    """Return the targets of the first table in their current order, those without rank last."""
    return tab.locator(".board >> nth=0 >> tbody .name").locator("xpath=self::span[parent::th]").all_text_contents()


def heading(tab: Page, words: str) -> Any:
    """Return the button in a heading of the first table."""
    return tab.locator(".board >> nth=0 >> thead").get_by_role("button", name=words, exact=True)


def test_it_sorts_by_click_and_by_key(tab: Page, written: tuple[str, list[Group]]) -> None:
    group = written[1][0]
    ranked = [row for row in group.rows if row.rank is not None]
    rest = [row.entry.target for row in group.rows if row.rank is None]
    by_drawdown = sorted(ranked, key=lambda row: row.entry.metrics["max_drawdown"] or 0.0)
    heading(tab, "max drawdown").click()
    assert names(tab) == [row.entry.target for row in by_drawdown] + rest
    heading(tab, "max drawdown").press("Enter")
    assert names(tab) == [row.entry.target for row in reversed(by_drawdown)] + rest
    heading(tab, "target").click()
    assert names(tab) == sorted(row.entry.target for row in ranked) + rest
    sorted_by = tab.locator(".board >> nth=0 >> th[aria-sort]")
    assert sorted_by.count() == 1 and sorted_by.get_attribute("aria-sort") == "ascending"


def test_cells_without_a_value_come_last_both_ways(tab: Page) -> None:
    for _ in range(2):  # equal weight is not compared with itself
        heading(tab, "p (Holm)").click()
        assert names(tab)[4] == "equal_weight"


def test_it_filters_by_name_and_system(tab: Page) -> None:
    box = tab.get_by_placeholder("Filter targets")
    box.fill("SEEDS tilt")
    assert tab.locator(".board tbody tr:visible .name").locator("xpath=self::span[parent::th]").all_text_contents() == [
        "tilted",
        "tilted",
    ]
    assert tab.locator("#found").inner_text() == "2 of 13 rows"
    box.fill("")
    assert tab.locator(".board tbody tr:visible").count() == 13


@every_size
def test_a_report_opens_by_click_and_closes_by_escape(tab: Page, written: tuple[str, list[Group]]) -> None:
    link = tab.locator(".board >> nth=0").get_by_role("link", name="shorts")
    link.click()
    dialog = tab.get_by_role("dialog", name="shorts")
    dialog.wait_for()
    assert tab.url.endswith("#" + row_ids(written[1][0])["shorts"])
    assert dialog.locator("figure").count() == 8 and "What the measures mean" in dialog.inner_text()
    for number in range(8):
        box = dialog.locator("figure").nth(number).bounding_box()
        assert box is not None and box["width"] > 250 and box["height"] > 50
    tab.keyboard.press("Escape")
    tab.locator("dialog").wait_for(state="hidden")
    tab.wait_for_url(written[0])
    assert link.evaluate("node => node === document.activeElement")


def test_enter_opens_and_back_closes(tab: Page, written: tuple[str, list[Group]]) -> None:
    tab.locator(".board >> nth=0").get_by_role("link", name=HOSTILE).press("Enter")
    tab.get_by_role("dialog", name=HOSTILE).wait_for()
    tab.go_back()
    tab.wait_for_url(written[0])
    assert not tab.locator("dialog").is_visible()
    tab.go_forward()
    tab.get_by_role("dialog", name=HOSTILE).wait_for()


def test_a_closed_report_leaves_nothing_to_go_back_to(tab: Page, written: tuple[str, list[Group]]) -> None:
    tab.goto("about:blank")
    tab.goto(written[0])
    tab.locator("a.open").first.click()
    tab.locator("dialog").wait_for(state="visible")
    tab.keyboard.press("Escape")
    tab.wait_for_url(written[0])
    tab.go_back()
    assert tab.url == "about:blank"


def test_a_row_opens_where_it_is_clicked(tab: Page) -> None:
    tab.locator(".board >> nth=1 >> tbody tr").filter(has_text="tilted").locator("td").first.click()
    tab.get_by_role("dialog", name="tilted").wait_for()


def test_a_failed_row_does_not_open(tab: Page) -> None:
    tab.locator("tr.failed th").click()
    assert not tab.locator("dialog").is_visible() and "#" not in tab.url


def test_a_link_to_a_report_opens_it_and_its_neighbours(tab: Page, written: tuple[str, list[Group]]) -> None:
    url, groups = written
    tab.goto("about:blank")
    tab.goto(f"{url}#{row_ids(groups[0])['shorts']}")
    tab.get_by_role("dialog", name="shorts").wait_for()
    tab.get_by_role("button", name="Report of the row below").click()
    below = groups[0].rows[2].entry.target
    assert tab.locator("#report-title").inner_text() == below and tab.url.endswith(row_ids(groups[0])[below])
    tab.keyboard.press("Escape")
    tab.wait_for_url(url)
    assert not tab.locator("dialog").is_visible()


def test_an_address_of_nothing_shows_the_page(tab: Page, written: tuple[str, list[Group]]) -> None:
    for hash_ in ("nothing", "%", written[1][1].key):
        tab.goto(f"{written[0]}#{hash_}")
        assert not tab.locator("dialog").is_visible() and tab.locator("section").count() == 2


@every_size
def test_nothing_is_wider_than_the_window(tab: Page) -> None:
    width = tab.viewport_size["width"]  # type: ignore[index]
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    tab.locator("a.open").first.click()
    body = tab.locator("#report-body")
    assert body.evaluate("node => node.scrollWidth") == body.evaluate("node => node.clientWidth")
    if width > 1000:  # and on a desktop no table of a report has to be scrolled
        scrolled = body.evaluate(
            "node => [...node.querySelectorAll('.scroll')].map(e => e.scrollWidth - e.clientWidth)"
        )
        assert len(scrolled) > 3 and max(scrolled) <= 0


@every_look
def test_the_theme_changes_and_is_remembered(tab: Page) -> None:
    button = tab.get_by_role("button", name="Theme: system")
    background = "getComputedStyle(document.body).backgroundColor"
    system = tab.evaluate(background)
    button.click()
    light = tab.evaluate(background)
    tab.get_by_role("button", name="Theme: light").click()
    dark = tab.evaluate(background)
    assert light != dark
    assert system == (dark if tab.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else light)
    tab.reload()
    assert tab.get_by_role("button", name="Theme: dark").is_visible() and tab.evaluate(background) == dark


@every_look
def test_words_are_readable_on_their_background(tab: Page) -> None:
    tab.locator("a.open").first.click()
    assert (
        tab.evaluate(CONTRAST, [".verdict", "td", "th", "dd", "dt", ".note", ".line", "summary", "a", ".key span"])
        == []
    )


CONTRAST = """selectors => {
  // colours of color-mix() and light-dark() come as color(srgb ...) or rgb(...): a canvas turns both into bytes
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const bytes = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const luminance = ([r, g, b]) => { const [x, y, z] = [r, g, b].map(v => v / 255).map(
    v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const behind = (node) => { for (let at = node; at; at = at.parentElement) {
    const found = bytes(getComputedStyle(at).backgroundColor); if (found[3] === 255) return found; } };
  const bad = [];
  for (const node of document.querySelectorAll(selectors.join(","))) {
    if (!node.textContent.trim() || !node.checkVisibility()) continue;
    const [a, b] = [luminance(bytes(getComputedStyle(node).color)), luminance(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push(`${ratio.toFixed(2)} ${node.tagName} ${node.className} ${node.textContent.slice(0, 30)}`);
  }
  return [...new Set(bad)];
}"""
"""Returns the elements whose text has less contrast than 4.5 to 1 (WCAG 2, level AA)."""
