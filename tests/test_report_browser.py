"""Pages as a browser shows them: in three widths, light and dark, offline, and on paper."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest

from assets.reports import page
from assets.reports.content import shown
from tests.sample_report import a_report

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium is installed: pages are not looked at")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "index.html"
    file.write_text(page.page(a_report()), encoding="utf-8")
    return file


def opened(
    browser: Any, file: Path, width: int = 1440, scheme: str = "light"
) -> tuple[Any, list[str]]:
    """The page, and what went wrong in it so far."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    tab = context.new_page()
    wrong: list[str] = []
    tab.on("console", lambda said: wrong.append(said.text))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    tab.on(
        "request",
        lambda request: None if request.url == file.as_uri() else wrong.append(request.url[:80]),
    )
    tab.goto(file.as_uri())
    return tab, wrong


@pytest.mark.parametrize(
    ("width", "scheme"),
    [(1440, "light"), (1440, "dark"), (768, "light"), (390, "light"), (390, "dark")],
)
def test_it_reads_well(
    browser: Any, written: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    tab, wrong = opened(browser, written, width, scheme)
    tab.screenshot(path=tmp_path / f"{width}-{scheme}.png", full_page=True)
    assert (tmp_path / f"{width}-{scheme}.png").stat().st_size > 10_000
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert not wrong
    # axe runs as a script of the tester's, which the page's policy would not let in by itself
    found = Axe().run(tab).response["violations"]
    serious = [each["id"] for each in found if each["impact"] in ("serious", "critical")]
    assert not serious, found
    tab.context.close()


def test_a_list_is_searched_sorted_and_paged(browser: Any, written: Path) -> None:
    tab, wrong = opened(browser, written)
    report = a_report()
    table = report.sections[0].parts[1]
    first = tab.locator(".list tbody tr").first.locator("td")

    def texts() -> list[str]:
        return first.all_inner_texts()

    def row(place: int) -> list[str]:
        return [
            shown(value, column.unit, "EUR")
            for value, column in zip(table.rows[place], table.columns, strict=True)
        ]

    assert texts() == row(0)
    assert tab.locator(".list tbody tr").count() == 50
    tab.get_by_role("button", name="Amount").click()
    assert texts() == row(0)
    tab.get_by_role("button", name="Amount").click()
    assert texts() == row(119)
    assert tab.locator("th[aria-sort='descending']").inner_text().startswith("Amount")
    # what is missing goes last, either way
    tab.get_by_role("button", name="Rate").click()
    assert texts() == row(1)
    tab.get_by_role("button", name="Rate").click()
    assert texts() == row(119)
    tab.get_by_role("button", name="After").click()
    tab.get_by_role("button", name="After").click()
    assert tab.locator(".list tbody tr").count() == 20
    assert tab.get_by_role("button", name="After").is_disabled()
    tab.get_by_label("Find").fill(" 117")
    assert tab.locator(".list tbody tr").count() == 1 and texts() == row(117)
    assert tab.locator(".found").inner_text() == "1 of 120 rows"
    assert not wrong


def test_the_whole_list_reads_as_in_python(browser: Any, written: Path) -> None:
    """The page's script writes every value as `shown` does."""
    tab, _ = opened(browser, written)
    table = a_report().sections[0].parts[1]
    found: list[list[str]] = []
    for _ in range(3):
        rows = tab.locator(".list tbody tr")
        found += [rows.nth(n).locator("td").all_inner_texts() for n in range(rows.count())]
        if tab.get_by_role("button", name="After").is_enabled():
            tab.get_by_role("button", name="After").click()
    assert found == [
        [shown(value, column.unit, "EUR") for value, column in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]


def test_a_chart_is_looked_at_closer_and_put_back(browser: Any, written: Path) -> None:
    tab, wrong = opened(browser, written)
    figure = tab.locator("figure").first
    assert figure.locator(".wide svg").is_visible()
    figure.get_by_role("button", name="Look closer").click()
    figure.locator(".vega-embed svg").wait_for()
    mark = figure.locator(".vega-embed svg .mark-line path").first
    assert mark.count() == 1
    figure.get_by_role("button", name="Back").click()
    assert figure.locator(".wide svg").is_visible() and figure.locator(".vega-embed").count() == 0
    assert not wrong


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_it_prints(browser: Any, written: Path, paper: str) -> None:
    import io

    from pypdf import PdfReader

    tab, _ = opened(browser, written)
    printed = PdfReader(io.BytesIO(tab.pdf(format=paper)))
    assert 2 <= len(printed.pages) <= 6
    # printers join letters: ﬁ
    text = normalize("NFKC", "\n".join(each.extract_text() for each in printed.pages))
    assert "What to look at first" in text and "Look closer" not in text
    assert "select list" not in text  # how it was asked is for the screen
