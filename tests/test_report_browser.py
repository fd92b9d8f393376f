"""Pages as a browser shows them: in three widths, light and dark, offline, and on paper."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unicodedata import normalize

import pytest

from assets.reports import page
from assets.reports.content import Column, Query, Table
from assets.reports.shelf import Kept
from expectations import page as data_quality
from tests.line import Line
from tests.sample_report import INFO, MARKUP, a_report, cells
from tests.test_cards import WIN, card

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
    _looks_well(browser, written, tmp_path / f"{width}-{scheme}.png", width, scheme)


def test_the_pages_beside_the_reports_read_well(
    browser: Any, demo_line: Line, tmp_path: Path
) -> None:
    """The index, the page of data quality and the card of a score."""
    (tmp_path / "index.html").write_text(
        page.index(
            [
                Kept(
                    *("promises", "Promises", INFO.as_of_date, "v", INFO.published_at, tmp_path),
                    page.at_a_glance(a_report()),
                )
            ]
        ),
        encoding="utf-8",
    )
    (tmp_path / "card.html").write_text(card("win_probability_standard", WIN)[1], encoding="utf-8")
    home = SimpleNamespace(
        warehouse=demo_line.home / "warehouse" / "warehouse.duckdb", reports=tmp_path
    )
    for file in (tmp_path / "index.html", tmp_path / "card.html", data_quality.write(home)):
        _looks_well(browser, file, file.with_suffix(".png"), 390, "dark")


def _looks_well(browser: Any, file: Path, picture: Path, width: int, scheme: str) -> None:
    """Nothing is too wide, asked for, complained of, or closed to whoever cannot see it."""
    from axe_playwright_python.sync_playwright import Axe

    tab, wrong = opened(browser, file, width, scheme)
    tab.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 10_000
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
        return cells(table.rows[place])

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
    tab.get_by_role("button", name="Next").click()
    tab.get_by_role("button", name="Next").click()
    assert tab.locator(".list tbody tr").count() == 20
    assert tab.get_by_role("button", name="Next").is_disabled()
    tab.get_by_label("Find").fill(" 117")
    assert tab.locator(".list tbody tr").count() == 1 and texts() == row(117)
    assert tab.locator(".found").inner_text() == "1 of 120 rows"
    assert not wrong


def test_the_whole_list_reads_as_in_python(browser: Any, written: Path) -> None:
    """The page's script writes every value as the page without it does."""
    tab, _ = opened(browser, written)
    table = a_report().sections[0].parts[1]
    found: list[list[str]] = []
    for _ in range(3):
        found += tab.locator(".list tbody").evaluate(
            "body => [...body.rows].map(row => [...row.cells].map(cell => cell.textContent))"
        )
        if tab.get_by_role("button", name="Next").is_enabled():
            tab.get_by_role("button", name="Next").click()
    assert found == [cells(row) for row in table.rows]


def test_a_list_is_filtered_and_sorted_by_keyboard(browser: Any, tmp_path: Path) -> None:
    report = a_report()
    deals = Table(
        "Deals",
        (Column("Deal"), Column("Stage"), Column("Month", "month"), Column("Gain", "points")),
        tuple(
            (f"D{n}", "open" if n % 3 else MARKUP, date(2026, 1 + n % 12, 1), n / 8 - 2)
            for n in range(40)
        ),
        Query("select deals"),
        is_whole_list=True,
    )
    file = tmp_path / "index.html"
    section = replace(report.sections[0], parts=(deals,))
    file.write_text(page.page(replace(report, sections=(section,))), encoding="utf-8")
    tab, wrong = opened(browser, file)
    tab.get_by_label("Stage", exact=True).select_option(MARKUP)
    assert tab.locator(".found").inner_text() == "14 of 40 rows"
    tab.get_by_label("Stage", exact=True).select_option("")
    tab.locator("th button", has_text="Month").focus()
    tab.keyboard.press("Enter")  # in the order of time, not of the alphabet
    months = tab.locator(".list tbody td:nth-child(3)").all_inner_texts()
    assert months[:5] == ["Jan 2026"] * 4 + ["Feb 2026"]
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    gains = tab.locator(".list tbody td:nth-child(4)").all_inner_texts()
    assert gains[0] == "-2.0" and gains[-1] == "+2.9"
    assert not wrong


@pytest.mark.slow
def test_the_longest_list_opens(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "index.html"
    file.write_text(page.page(a_report(100_000)), encoding="utf-8")
    tab, wrong = opened(browser, file)
    held = tab.locator(".list > p:not(.without-script) data").first.get_attribute("data-count")
    for _ in range(2):
        tab.get_by_role("button", name="Amount").click()
    assert tab.locator(".list tbody td").first.inner_text() == f"{MARKUP} {int(held) - 1}"
    assert not wrong


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
    assert "mart_sales_outcomes_monthly" in text.replace("\n", "")  # its source is for both
    # a list that can be sorted has its header on each of its sheets
    assert sum("Account Days Rate" in each.extract_text() for each in printed.pages) > 1
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": 680, "height": 900})  # a sheet between its margins
    assert tab.evaluate("document.documentElement.scrollWidth") <= 680


def test_headlines_begin_on_the_first_sheet(browser: Any, tmp_path: Path) -> None:
    import io

    from pypdf import PdfReader

    report = a_report()
    file = tmp_path / "index.html"
    many = replace(report, headlines=report.headlines * 16)
    file.write_text(page.page(many), encoding="utf-8")
    tab, _ = opened(browser, file)
    first, *_ = PdfReader(io.BytesIO(tab.pdf(format="A4"))).pages
    assert report.headlines[1].title in first.extract_text()


def test_it_reads_without_a_script(browser: Any, written: Path) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    tab = context.new_page()
    tab.goto(written.as_uri())
    assert tab.locator("figure .wide svg[role=img]").first.is_visible()
    assert tab.locator(".list tbody tr").count() == page.FIRST_ROWS
    assert tab.get_by_text("the workbook beside this page has them all").is_visible()
    assert tab.get_by_role("button").count() == 0  # nothing offers what it cannot do
    context.close()
