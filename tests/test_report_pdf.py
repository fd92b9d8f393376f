"""The headlines on one page, whatever is said."""

import io
from dataclasses import replace

import pypdf
import pytest

from assets.reports.content import Report
from assets.reports.headlines import MARGIN, headlines
from tests.sample_report import IMAGE, LINK, REPORT, headline, number


def page_of(report: Report) -> tuple[str, pypdf.PdfReader]:
    reader = pypdf.PdfReader(io.BytesIO(headlines(report)))
    [page] = reader.pages
    return " ".join(page.extract_text().split()), reader


def places(reader: pypdf.PdfReader) -> list[tuple[float, float]]:
    """Where texts begin, in points from the lower left."""
    found: list[tuple[float, float]] = []

    def visit(text: str, user: list[float], matrix: list[float], *_: object) -> None:
        if text.strip():
            found.append((user[4] + matrix[4], user[5] + matrix[5]))

    reader.pages[0].extract_text(visitor_text=visit)
    return found


def test_the_page_says_the_headlines() -> None:
    text, reader = page_of(REPORT)
    for said in (
        "Promises",
        "As of 2026-06-30",
        "The scores are 40 days old",
        "Win rate",
        "23.4 %",
        "n 1,234",
        "a year before 20.0 %",
        "Signal: more than chance in 1,234 deals",
        "1.23 M EUR",
        "1. Look at 12 deals first",
        "From mart_funnel_monthly",
        IMAGE,
        LINK,
    ):
        assert said in text
    assert reader.metadata and reader.metadata.title == "Promises"
    assert reader.trailer["/Root"]["/Lang"] == "en"
    assert reader.pages[0].mediabox[2:] == pytest.approx([595.27, 841.89], abs=0.1)
    fonts = reader.pages[0]["/Resources"]["/Font"].values()
    used = [font.get_object() for font in fonts]
    embedded = [font for font in used if "/FontDescriptor" in font]
    assert embedded and all(
        "/FontFile2" in font["/FontDescriptor"].get_object() for font in embedded
    )


def test_the_same_report_gives_the_same_bytes() -> None:
    assert headlines(REPORT) == headlines(REPORT)


@pytest.mark.parametrize("long", ["word " * 2000, "w" * 9000, "<b>&amp;" * 900])
@pytest.mark.parametrize("count", [1, 8, 80])
def test_nothing_overflows_the_page(long: str, count: int) -> None:
    many = tuple(headline(f"Headline {n}: {long}", number(n), long + " {}") for n in range(count))
    report = replace(REPORT, title=long, headlines=many, look_first=((long,),) * 9)
    text, reader = page_of(report)
    assert "Headline 0:" in text
    if count == 80:
        assert "more headlines on the page of the report" in text
    for x, y in places(reader):
        assert x >= MARGIN - 1 and y >= MARGIN - 1, "below the margin"


def test_letters_that_the_font_lacks_are_replaced() -> None:
    text, _ = page_of(replace(REPORT, title="Zażółć → 中文 Ø"))
    assert "Zazółć ? ?? Ø" in text


def test_nothing_to_say_is_a_page() -> None:
    text, _ = page_of(replace(REPORT, headlines=(), look_first=(), stale=()))
    assert "From no mart" in text
