"""A report as a page: every figure in its place, nothing alive from an extract, the same bytes."""

import html
import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from assets.reports import page, sales_process_review
from assets.reports.content import (
    VERDICT_WORDS,
    Column,
    Number,
    Query,
    Report,
    Section,
    Table,
    Unit,
    Value,
    figures,
    shown,
)
from assets.reports.published import published
from assets.reports.shelf import Kept
from assets.settings import Settings
from tests.line import Line
from tests.sample_report import INFO, MARKUP, a_report, cells

#: where digits that are no figures may stand
FREE = {"script", "style", "pre", "svg", "code", "title"}


class Reader(HTMLParser):
    """The figures of a page by their number, and the other text of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self.other: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.seen: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "input", "br", "img"):
            self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self.tags and self.tags.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        names = {name for name, _ in self.tags}
        for tag, attributes in reversed(self.tags):
            if tag == "data":
                if number := attributes.get("data-figure"):
                    self.found.append((int(number), data))
                return
            if tag in ("td", "tbody"):
                return
        if not names & FREE:
            self.other.append(data)


@pytest.fixture(scope="module")
def written() -> str:
    return page.page(a_report())


def test_each_figure_stands_where_its_number_says(written: str) -> None:
    known = figures(a_report())
    reader = Reader(written)
    for number, text in reader.found:
        figure = known[number]
        assert isinstance(figure, Number)
        assert text == shown(figure.value, figure.unit, "EUR")
    assert {text for _, text in reader.found} == {
        shown(figure.value, figure.unit, "EUR") for figure in known if isinstance(figure, Number)
    }


def test_no_digit_stands_outside_a_figure(written: str) -> None:
    text = "".join(Reader(written).other)
    for known in ("2026-06-30", "2026-07-01 05:00", INFO.version):
        text = text.replace(known, "")
    assert not re.findall(r"\d+", text.replace(MARKUP, ""))


def test_nothing_of_an_extract_is_alive(written: str) -> None:
    reader = Reader(written)
    assert "img" not in reader.seen
    assert "onerror" not in json.dumps([attributes for _, attributes in reader.tags])
    assert html.escape(MARKUP, quote=False)[:20] in written
    bodies = re.findall(r"<script[^>]*>(.*?)</script>", written, re.DOTALL)
    lists = [body for body in bodies if body.startswith('{"columns"')]
    assert lists and all("<" not in body for body in lists)
    assert json.loads(lists[0])["rows"][3][0] == f"{MARKUP} 3"


def test_its_policy_lets_nothing_in(written: str) -> None:
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', written)
    assert "default-src 'none'" in html.unescape(policy)
    assert "unsafe-eval" not in policy and "http" not in policy
    assert not re.findall(r'(?:src|href)="(?!#|data:)', written.partition("<script>")[0])


def test_the_same_report_gives_the_same_page(written: str) -> None:
    assert page.page(a_report()) == written


def test_what_is_missing_and_what_is_old_is_said(written: str) -> None:
    assert "deliver order_lines and shipments" in written
    assert "There is nothing to draw." in written and "There are none." in written
    assert "Out of date" in written
    fresh = page.page(replace(a_report(), stale=()))
    assert "Out of date" not in fresh


def test_a_long_list_leaves_the_page_small_and_says_what_it_left_out() -> None:
    report = a_report(100_000)
    written = page.page(report)
    assert len(written.encode()) < 5_000_000
    [body] = re.findall(r'class="rows">(.*?)</script>', written, re.DOTALL)
    held = len(json.loads(body)["rows"])
    assert 10_000 < held < 100_000
    assert re.search(
        rf"holds the first <data[^>]*>{held}</data> of <data[^>]*>100000</data>", written
    )
    assert "workbook" in written


def test_a_report_of_nothing_is_a_page() -> None:
    empty = replace(a_report(), headlines=(), look_first=(), sections=(), stale=())
    written = page.page(empty)
    assert "A report" in written
    assert len(written) < 50_000  # without charts it carries nothing to draw them with


def test_the_index_has_the_newest_first_with_its_headlines_and_escapes() -> None:
    said = page.at_a_glance(a_report())
    kept = [
        Kept(
            "promises",
            "Promises <b>",
            date(2026, month, 28),
            "v",
            INFO.published_at,
            Path(),
            tuple(each._replace(figure=f"of {month}") for each in said) if month < 6 else said,
        )
        for month in (4, 6, 5)
    ]
    written = page.index(kept)
    assert re.findall(r'href="promises/([\d-]+)/index\.html"', written) == [
        *("2026-06-28", "2026-05-28", "2026-04-28"),
    ]
    assert "<b>" not in written and "<img" not in written
    assert all(
        text in written for text in ("26.7 %", VERDICT_WORDS["signal"], VERDICT_WORDS["noise"])
    )
    assert "of 5" not in written and "of 4" not in written
    assert "make reports" in page.index([])


def test_tables_hold_their_rows_in_order_and_leave_out_what_is_empty(written: str) -> None:
    [table] = [
        figure for figure in figures(a_report()) if isinstance(figure, Table) and figure.rows
    ]
    found = re.findall(r"<td[^>]*>(.*?)</td>", written.partition("<script>")[0])
    assert [html.unescape(cell) for cell in found] == [
        cell for row in table.rows[: page.FIRST_ROWS] for cell in cells(row)
    ]
    assert "Amount, EUR" in written and ">Days</th>" in written and "Why no rate" not in written


@pytest.mark.parametrize(
    ("unit", "values", "texts"),
    [
        ("number", (1.006, -0.001, None), ["1.01", "0.00", "–"]),
        ("number", (3.0, 12.0), ["3", "12"]),
        ("amount", (1234567.6, -3.0), ["1,234,568", "-3"]),
        ("amount", (0.25, 7.0), ["0.25", "7.00"]),
        ("amount", (None, None), ["–", "–"]),
        ("points", (0.04, -2.0), ["+0.0", "-2.0"]),
        ("score", (99.96, 3.0), ["100.0", "3.0"]),
        ("month", (date(2026, 6, 1),), ["Jun 2026"]),
        ("flag", (True, False, None), ["yes", "no", "–"]),
        ("text", (None, "a"), ["–", "a"]),
    ],
)
def test_digits_of_one_worth_stand_under_each_other(
    unit: Unit, values: tuple[Value, ...], texts: list[str]
) -> None:
    table = Table("t", (Column("c", unit),), tuple((v,) for v in values), Query("select 1"))
    written = page.page(_of(table))
    assert re.findall(r"<td[^>]*>(.*?)</td>", written.partition("<script>")[0]) == texts


def test_long_lists_share_the_room_of_a_page() -> None:
    """A short list between two long ones is whole."""
    [table] = [each for each in figures(a_report(30_000)) if isinstance(each, Table) and each.rows]
    short = replace(table, rows=table.rows[:500])
    written = page.page(_of(table, short, replace(table, title="Again")))
    assert len(written.encode()) < 5_000_000
    held = [
        len(json.loads(body)["rows"])
        for body in re.findall(r'class="rows">(.*?)</script>', written, re.DOTALL)
    ]
    assert held[1] == 500 and 5_000 < held[0] == held[2] < 30_000


def test_each_query_stands_with_what_it_gives(written: str) -> None:
    asked = html.unescape("".join(re.findall(r"<pre[^>]*>(.*?)</pre>", written, re.DOTALL)))
    told = replace(a_report(), sections=a_report().sections[:1])
    for figure in figures(told):
        assert figure.query.sql in asked
        assert all(str(value) in asked for value in figure.query.parameters)


def test_every_figure_of_a_real_report_is_asked_again(demo_line: Line, settings: Settings) -> None:
    """What stands on the page is what its query gives, and beside it stands the query."""
    with published(replace(settings, home=demo_line.home)) as marts:
        report = sales_process_review.report(marts)
        reader = Reader(page.page(report))
        known = figures(report)
        assert len(reader.found) > 50
        for number, text in set(reader.found):
            figure = known[number]
            assert isinstance(figure, Number)
            [[value]] = marts.ask(figure.query)
            assert text == shown(value, figure.unit, report.info.base_currency)


def _of(*tables: Table) -> Report:
    """A report of these tables alone."""
    section = Section("key", "title", "question", (), tables, ("mart_funnel_monthly",))
    return replace(a_report(), headlines=(), look_first=(), stale=(), sections=(section,))
