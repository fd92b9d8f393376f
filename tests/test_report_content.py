"""The forms of a report: what a figure carries, and how a reader sees it."""

import io
import re
from dataclasses import replace
from datetime import date

import openpyxl
import pypdf
import pytest

from assets.reports import page
from assets.reports.content import (
    VERDICT_WORDS,
    Column,
    Headline,
    Number,
    Query,
    Section,
    Table,
    Unit,
    Value,
    Verdict,
    figures,
    shown,
    words,
)
from assets.reports.headlines import headlines
from assets.reports.mail import chat, html, text
from assets.reports.workbook import workbook
from tests.sample_report import REPORT

ONE = Number(1, "count", Query("select 1"))
TWO = Number(2, "count", Query("select 2"))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "rate", "–"),
        (0.0, "rate", "0.0 %"),
        (0.1234, "rate", "12.3 %"),
        (1234567, "count", "1,234,567"),
        (1, "days", "1 day"),
        (12.5, "days", "12.5 days"),
        (-1.25, "points", "-1.2 points"),
        (60.0, "score", "60"),
        (999.4, "amount", "999 EUR"),
        (1234.0, "amount", "1.23 k EUR"),
        (-123456789.0, "amount", "-123 M EUR"),
        (date(2026, 6, 1), "month", "Jun 2026"),
        (date(2026, 6, 1), "date", "2026-06-01"),
        ("<b>", "text", "<b>"),
        (True, "flag", "yes"),
    ],
)
def test_a_value_as_a_reader_sees_it(value: Value, unit: Unit, text: str) -> None:
    assert shown(value, unit, "EUR") == text


def test_a_value_of_another_unit_is_an_error() -> None:
    with pytest.raises(ValueError, match="'many' is no count"):
        shown("many", "count")


def test_a_sentence_has_a_figure_for_each_place() -> None:
    assert words("{} of {} closed", ONE, TWO) == (ONE, " of ", TWO, " closed")
    with pytest.raises(ValueError, match="1 places for 2 figures"):
        words("{} closed", ONE, TWO)


def test_every_figure_is_found_wherever_it_stands() -> None:
    table = Table("t", (Column("c", "count"),), ((3,),), Query("select 3"), words("of {}", TWO))
    section = Section("s", "S", "?", words("{}", ONE), (table, words("and {}", TWO)), ("m",))
    headline = Headline("h", TWO, words("after {}", ONE), "plain", (), "s", ("m",))
    assert figures(section) == [ONE, table, TWO, TWO]
    assert figures(headline) == [TWO, ONE]


@pytest.mark.parametrize("verdict", VERDICT_WORDS)
def test_every_rendering_has_the_same_words_for_a_verdict(verdict: Verdict) -> None:
    report = replace(
        REPORT, headlines=(replace(REPORT.headlines[0], verdict=verdict, why=()),), sections=()
    )
    book = openpyxl.load_workbook(io.BytesIO(workbook(report)))
    [sheet] = pypdf.PdfReader(io.BytesIO(headlines(report))).pages
    said = {
        "page": re.sub(r"<(script|style).*?</\1>", "", page.page(report), flags=re.DOTALL),
        "mail": html(report),
        "text": text(report),
        "chat": " ".join(each.capitalize() for each in re.findall(r"\((.+?)\)", chat(report)[1])),
        "workbook": str([cell.value for row in book["Headlines"] for cell in row]),
        "sheet": sheet.extract_text(),
    }
    for rendering, words_of in said.items():
        found = {word for word in VERDICT_WORDS.values() if word and word in words_of}
        assert found == {VERDICT_WORDS[verdict]} - {""}, rendering
