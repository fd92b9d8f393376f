"""Reports over 100,000 opportunities: small pages that open, sort and search in a browser."""

import io
import json
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from openpyxl import load_workbook

from assets.reports import page
from assets.reports.catalogue import REPORTS
from assets.reports.content import Report, Table
from assets.reports.published import published
from assets.reports.workbook import workbook
from assets.settings import Settings
from tests.line import Line
from tests.test_report_browser import browser, opened

__all__ = ["browser"]  # the fixture

pytestmark = pytest.mark.slow

WANTED = 100_000
#: what a page may weigh
MOST_BYTES = 5_000_000


@pytest.fixture(scope="module")
def large(demo_line: Line, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The demo's marts with every deal so often that they are 100,000, each under an id of its own.

    Marts of months are as long as they would be; counts in them stay those of the small company.
    """
    settings = Settings(home=tmp_path_factory.mktemp("large"), as_of=date(2026, 6, 30))
    version = demo_line.manifest()["version"]
    file = settings.published / "versions" / f"{version}.duckdb"
    file.parent.mkdir(parents=True)
    shutil.copy(demo_line.home / "published" / "manifest.json", settings.published)
    shutil.copy(demo_line.home / "published" / "marts.duckdb", file)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as large; use large.marts")
        [(deals,)] = connection.execute("select count(*) from fct_opportunities").fetchall()
        tables = connection.execute(
            "select table_name from duckdb_columns() where database_name = 'large'"
            " and column_name = 'opportunity_id' and starts_with(table_name, 'fct_')"
        ).fetchall()
        for (table,) in tables:
            connection.execute(
                f"insert into {table}"
                " select each.* replace (each.opportunity_id || '-' || copy as opportunity_id)"
                f" from {table} as each, range(1, {-(-WANTED // deals)}) as copies (copy)"
            )
        [(deals,)] = connection.execute("select count(*) from fct_opportunities").fetchall()
    assert deals >= WANTED
    return settings


@pytest.fixture(scope="module")
def reports(large: Settings) -> dict[str, Report]:
    with published(large) as marts:
        return {key: listed.report(marts) for key, listed in REPORTS.items()}


@pytest.mark.parametrize("key", REPORTS)
def test_the_page_is_small(reports: dict[str, Report], key: str) -> None:
    assert len(page.page(reports[key]).encode()) < MOST_BYTES


def test_the_whole_list_is_in_the_workbook(reports: dict[str, Report]) -> None:
    report = reports["qualification_year_to_date"]
    table = whole_list(report)
    assert len(table.rows) > 10_000
    book = load_workbook(io.BytesIO(workbook(report)), read_only=True)
    assert max(sheet.max_row for sheet in book) >= len(table.rows)


def test_a_page_of_many_deals_sorts_and_searches(
    reports: dict[str, Report], browser: Any, tmp_path: Path
) -> None:
    file = tmp_path / "index.html"
    file.write_text(page.page(reports["qualification_year_to_date"]), encoding="utf-8")
    tab, wrong = opened(browser, file)
    deals = tab.locator(".list")
    found = json.loads(deals.locator(".rows").text_content() or "")["rows"]
    assert len(found) > 10_000
    first = min(row[0] for row in found)
    cell = deals.locator("tbody tr").first.locator("td").first
    deals.get_by_role("button", name=re.compile(r"^Deal\W*$")).click()
    assert cell.inner_text() == first
    last = max(row[0] for row in found)
    deals.get_by_label("Find").fill(last)
    assert cell.inner_text() == last
    assert deals.locator("tbody tr").count() == sum(last in row[0] for row in found)
    assert not wrong
    tab.context.close()


def whole_list(report: Report) -> Table:
    [found] = [
        part
        for section in report.sections
        for part in section.parts
        if isinstance(part, Table) and part.is_whole_list
    ]
    return found
