"""The workbook of a report: real numbers and dates, native tables and charts, and inert texts."""

import csv
import io
import zipfile
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from assets.reports import workbook as module
from assets.reports.content import Column, Table
from assets.reports.workbook import FORMULA, inert, sheet_names, workbook
from tests.sample_report import ASKED, DEALS, HOSTILE, LINK, REPORT


@pytest.fixture(scope="module")
def written() -> bytes:
    return workbook(REPORT)


@pytest.fixture(scope="module")
def book(written: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(written))


def cells(sheet: Worksheet, table: str) -> list[list[Any]]:
    return [list(row) for row in sheet[sheet.tables[table].ref]]


def table_with(sheet: Worksheet, label: str) -> list[list[Any]]:
    """The cells of the native table whose first column is called so, the header first."""
    [found] = [rows for name in sheet.tables if (rows := cells(sheet, name))[0][0].value == label]
    return found


def test_headlines_are_numbers_with_formats(book: openpyxl.Workbook) -> None:
    sheet = book["Headlines"]
    rows = table_with(sheet, "Headline")
    assert [row[1].value for row in rows[1:]] == [0.2345, 1234567, None]
    assert [row[1].number_format for row in rows[1:3]] == ["0.0%", '#,##0 "EUR"']
    assert rows[1][2].value == 1234
    assert [cell.value for cell in rows[1][3:]] == [
        "a year before 20.0 %",
        "Signal",
        "more than chance in 1,234 deals",
        "Deals: open/won",
        "mart_funnel_monthly",
    ]
    told = [cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert datetime.fromisoformat("2026-06-30") in told
    assert "The scores are 40 days old" in told
    assert "1. Look at 12 deals first" in told
    assert sheet.freeze_panes is not None


def test_a_table_holds_the_rows_of_the_report(book: openpyxl.Workbook) -> None:
    sheet = book[book.sheetnames[1]]
    head, *rows = table_with(sheet, "Account")
    # a header occurs once in a table of Excel, whatever the case
    assert [cell.value for cell in head][-1] == "account (2)"
    assert len(rows) == len(DEALS.rows)
    for row, expected in zip(rows, DEALS.rows, strict=True):
        values = [
            cell.value.date() if isinstance(cell.value, datetime) else cell.value for cell in row
        ]
        assert values[1:] == list(expected[1:])
    formats = [cell.number_format for cell in rows[0]]
    assert formats[1:7] == [
        *("yyyy-mm-dd", "mmm yyyy", '#,##0 "EUR"', "0.0%"),
        *(module.FORMATS["points"], "General"),
    ]
    first = head[0].row
    assert sheet.freeze_panes == f"A{first + 1}"
    assert all(table.autoFilter is not None for table in sheet.tables.values())
    assert {
        table.ref.split(":")[0].strip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        for table in sheet.tables.values()
    } == {str(first)}, "one frozen row heads all tables"


def test_no_text_is_a_formula_or_a_link(book: openpyxl.Workbook, written: bytes) -> None:
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f", cell.coordinate
                assert cell.hyperlink is None
                assert not (isinstance(cell.value, str) and cell.value.startswith(FORMULA))
    with zipfile.ZipFile(io.BytesIO(written)) as parts:
        for name in parts.namelist():
            content = parts.read(name)
            if name.startswith("xl/worksheets/"):
                assert b"<f>" not in content
            assert b"/hyperlink" not in content, name


def test_texts_stay_text_when_saved_as_csv(book: openpyxl.Workbook) -> None:
    sheet = book[book.sheetnames[1]]
    accounts = [row[0].value for row in table_with(sheet, "Account")[1:]]
    assert f"'{LINK}" in accounts
    saved = io.StringIO(newline="")
    csv.writer(saved).writerows([account] for account in accounts)
    read = list(csv.reader(io.StringIO(saved.getvalue(), newline="")))
    assert len(read) == len(DEALS.rows)
    assert not any(text.startswith(FORMULA) for row in read for text in row)
    # what was said is still there, but for the mark before it
    assert [str(each).lstrip("'") for each in accounts[:4]] == list(HOSTILE[:4])


def test_the_charts_are_native(written: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(written)) as parts:
        charts = {
            name: parts.read(name).decode() for name in parts.namelist() if "charts/chart" in name
        }
        drawing = parts.read("xl/drawings/drawing1.xml").decode()
    line, bar = (charts[f"xl/charts/chart{number}.xml"] for number in (1, 2))
    assert "<c:lineChart>" in line and "<c:dateAx>" in line and '<c:min val="0"/>' in line
    assert "mmm yyyy" in line and "0.0%" in line
    assert '<c:barDir val="bar"/>' in bar and "<c:catAx>" in bar and '<c:min val="0"/>' in bar
    category, value = bar.split("<c:valAx>")
    assert "maxMin" in category and "maxMin" not in value, "the first row is the top one"
    assert 'descr="The rate climbs to 60.0 %"' in drawing


def test_a_negative_value_is_not_cut_off() -> None:
    below = replace(
        REPORT.sections[0].parts[0], rows=((date(2026, 1, 1), -0.5), (date(2026, 2, 1), 0.5))
    )
    section = replace(REPORT.sections[0], parts=(below,))
    content = workbook(replace(REPORT, sections=(section,)))
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert "c:min" not in parts.read("xl/charts/chart1.xml").decode()


def test_what_is_missing_is_said(book: openpyxl.Workbook) -> None:
    sheet = book[book.sheetnames[2]]
    told = [cell.value for row in sheet.iter_rows() for cell in row if cell.value]
    assert "The extract order_lines would bring them" in told
    assert "none" in told
    assert not sheet.tables


def test_the_same_report_gives_the_same_bytes(written: bytes, book: openpyxl.Workbook) -> None:
    assert workbook(REPORT) == written
    assert book.properties.created == datetime.fromisoformat("2026-07-01T05:00:00")


def test_more_rows_than_a_sheet_holds_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", module.HEADER_ROW + 4)
    long = Table("Long", (Column("N", "count"),), tuple((n,) for n in range(10)), ASKED)
    report = replace(REPORT, sections=(replace(REPORT.sections[0], parts=(long,)),))
    sheet = openpyxl.load_workbook(io.BytesIO(workbook(report))).worksheets[1]
    assert [row[0].value for row in table_with(sheet, "N")] == ["N", 0, 1, 2]
    told = [cell.value for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
    assert any("The first 3 of 10 rows: a sheet holds no more." in text for text in told)


def test_values_that_excel_has_no_number_or_date_for_are_text() -> None:
    odd = (float("nan"), float("inf"), date(1776, 7, 4), "x" * 40_000)
    table = Table("Odd", (Column("Odd", "number"),), tuple((each,) for each in odd), ASKED)
    report = replace(REPORT, sections=(replace(REPORT.sections[0], parts=(table,)),))
    sheet = openpyxl.load_workbook(io.BytesIO(workbook(report))).worksheets[1]
    values = [row[0].value for row in table_with(sheet, "Odd")[1:]]
    assert values[:3] == ["nan", "inf", "1776-07-04"]
    assert len(values[3]) == module.MOST_CHARACTERS and values[3].endswith("…")


def test_sheets_are_named_as_excel_allows() -> None:
    long = "A question that is longer than a name may be"
    names = sheet_names(
        ["Deals: open/won", "deals  open won", "'quoted'", long, long, "", "History"]
    )
    assert names == [
        "Deals open won",
        "deals open won (2)",
        "quoted",
        "A question that is longer than",
        "A question that is longer t (2)",
        "Sheet",
        "History (2)",
    ]
    assert all(len(name) <= 31 for name in names)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_begins_as_a_formula_gets_an_apostrophe(text: str) -> None:
    assert inert(text).startswith("'") == text.startswith(FORMULA)
    assert inert(text).removeprefix("'") == text
