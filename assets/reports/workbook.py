"""A report as a workbook (.xlsx): the headlines, and a sheet per section with tables and charts.

Belongs here: how figures become cells, native tables and native charts. Does not belong here: what
a report says, and how it looks elsewhere.

Every figure is a number or a date with a format, never a text. Every text is a text, never a
formula or a link; one that begins as a formula would gets an apostrophe before it (`inert`), so
that it stays text when somebody saves the sheet as CSV and opens that. The same report gives the
same bytes.
"""

import io
import math
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Any

from assets.reports.charts import PALETTE
from assets.reports.content import (
    VERDICT_WORDS,
    Chart,
    Column,
    PublishInfo,
    Report,
    Section,
    Table,
    Unit,
    Value,
    Words,
    told,
)

FORMATS: dict[Unit, str] = {
    "count": "#,##0",
    "rate": "0.0%",
    "points": '+0.0" points";-0.0" points";0.0" points"',
    "amount": "#,##0",
    "days": "#,##0.0",
    "score": "0.0",
    "number": "#,##0.00",
    "date": "yyyy-mm-dd",
    "month": "mmm yyyy",
    "text": "General",
    "flag": "General",
}
INSTANT = "yyyy-mm-dd hh:mm"
#: what a sheet of Excel holds, and a cell
MOST_ROWS, MOST_CHARACTERS = 1_048_576, 32_767
#: what a formula may begin with, also as full-width signs
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
#: on the sheet of a section: what is asked and found, then the titles of the tables, their notes,
#: their headers; all tables side by side, so that one frozen row heads all of them
TITLE_ROW, NOTE_ROW, HEADER_ROW = 4, 5, 6
#: rows that are looked at for the width of a column, and what it may become, in characters
LOOKED_AT, NARROWEST, WIDEST = 200, 9, 48
HEADLINE_WIDTHS = (34, 18, 10, 44, 12, 44, 24, 34)
#: of a chart, in columns of the usual width and in pixels
CHART_COLUMNS, CHART_SIZE = 9, {"width": 560, "height": 320}


def workbook(report: Report) -> bytes:
    """The report as the bytes of an .xlsx file."""
    import xlsxwriter

    written = io.BytesIO()
    book = xlsxwriter.Workbook(
        written,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    book.set_properties(
        {
            "title": report.title,
            "subject": f"{report.subtitle}, as of {report.info.as_of_date}",
            "author": "Funnelworks",
            "created": report.info.published_at.replace(microsecond=0),
        }
    )
    names = sheet_names(["Headlines", *(section.title for section in report.sections)])
    writer = _Writer(book, report.info)
    writer.headlines(names[0], report)
    for name, section in zip(names[1:], report.sections, strict=True):
        writer.section(name, section)
    book.close()
    return written.getvalue()


def inert(text: str) -> str:
    """A text that no spreadsheet takes for a formula, in a cell or read back from CSV; cut to what
    a cell holds."""
    safe = f"'{text}" if text.startswith(FORMULA) else text
    return safe if len(safe) <= MOST_CHARACTERS else safe[: MOST_CHARACTERS - 1] + "…"


def sheet_names(titles: Iterable[str]) -> list[str]:
    """Titles as Excel takes them for sheets: no []:*?/\\, 31 characters, each once."""
    names: list[str] = []
    taken = {"history"}  # which Excel keeps for itself
    for title in titles:
        plain = " ".join(re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", title).split())
        plain = plain[:31].strip("' ") or "Sheet"
        name, count = plain, 1
        while name.lower() in taken:
            count += 1
            name = f"{plain[: 31 - len(f' ({count})')]} ({count})"
        taken.add(name.lower())
        names.append(name)
    return names


class _Writer:
    """Writes into a workbook; keeps its formats, of which a file holds each once."""

    def __init__(self, book: Any, info: PublishInfo) -> None:
        self.book = book
        self.info = info
        self.big = book.add_format({"bold": True, "font_size": 16})
        self.bold = book.add_format({"bold": True, "font_size": 12})
        self.quiet = book.add_format({"font_color": "#595959"})
        self.wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        self.alarm = book.add_format({"bold": True, "font_color": "#9C2A00", "text_wrap": True})
        self.head = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        self.formats: dict[str, Any] = {}

    def format_of(self, unit: Unit) -> Any:
        return self._format(self.layout(unit))

    def layout(self, unit: Unit) -> str:
        """The number format of a unit."""
        of_money = f' "{self.info.base_currency}"' if unit == "amount" else ""
        return FORMATS[unit] + of_money

    def _format(self, layout: str) -> Any:
        if layout not in self.formats:
            self.formats[layout] = self.book.add_format({"num_format": layout, "valign": "top"})
        return self.formats[layout]

    def told(self, words: Words) -> str:
        return inert(told(words, self.info.base_currency))

    # --- sheets

    def headlines(self, name: str, report: Report) -> None:
        sheet = self.sheet(name)
        info = report.info
        sheet.write_string(0, 0, inert(report.title), self.big)
        sheet.write_string(1, 0, inert(report.subtitle), self.quiet)
        sheet.write_string(2, 0, "As of", self.quiet)
        sheet.write_datetime(2, 1, _midnight(info.as_of_date), self.format_of("date"))
        sheet.write_string(3, 0, "Published (UTC)", self.quiet)
        sheet.write_datetime(3, 1, info.published_at, self._format(INSTANT))
        sheet.write_string(4, 0, "Version", self.quiet)
        sheet.write_string(4, 1, inert(info.version))
        row = 5
        for stale in report.stale:
            self.paragraph(sheet, row, self.told(stale), self.alarm, HEADLINE_WIDTHS)
            row += 1
        row += 1
        columns = (
            "Headline",
            "Value",
            "Cases",
            "Against what",
            "Verdict",
            "Why",
            "More on",
            "Marts",
        )
        for place, label in enumerate(columns):
            sheet.write_string(row, place, label, self.head)
        sheet.freeze_panes(row + 1, 1)
        first = row
        sections = {section.key: section.title for section in report.sections}
        for row, headline in enumerate(report.headlines, first + 1):
            sheet.write_string(row, 0, inert(headline.title), self.wrapped)
            self.cell(sheet, row, 1, headline.number.value, headline.number.unit)
            if count := headline.case_count:
                self.cell(sheet, row, 2, count.value, count.unit)
            section = sections.get(headline.section, headline.section)
            for place, text in (
                (3, self.told(headline.context)),
                (4, VERDICT_WORDS[headline.verdict]),
                (5, self.told(headline.why)),
                (6, inert(section)),
                (7, inert(", ".join(headline.marts))),
            ):
                sheet.write_string(row, place, text, self.wrapped)
        if report.headlines:
            self.native_table(sheet, first, 0, row, columns)
        for place, width in enumerate(HEADLINE_WIDTHS):
            sheet.set_column(place, place, width)
        if report.look_first:
            row += 2
            sheet.write_string(row, 0, "What to look at first", self.bold)
            for number, look in enumerate(report.look_first, 1):
                text = f"{number}. {self.told(look)}"
                self.paragraph(sheet, row + number, text, self.wrapped, HEADLINE_WIDTHS)

    def section(self, name: str, section: Section) -> None:
        sheet = self.sheet(name)
        sheet.write_string(0, 0, inert(section.question), self.bold)
        widths = (NARROWEST,) * 12  # at least
        self.paragraph(sheet, 1, self.told(section.finding), self.wrapped, widths)
        if section.missing:
            self.paragraph(sheet, 2, inert(section.missing), self.alarm, widths)
        source = f"Source: {', '.join(section.marts)}, as of {self.info.as_of_date}"
        sheet.write_string(3, 0, inert(source), self.quiet)
        grids = [part for part in section.parts if isinstance(part, Table | Chart)]
        texts = [part for part in section.parts if not isinstance(part, Table | Chart)]
        column = 0
        for part in grids:
            if isinstance(part, Chart) and part.native and part.rows:
                self.chart(sheet, name, column, part)
                column += CHART_COLUMNS
            columns = part.columns if isinstance(part, Table) else tuple(part.columns.values())
            self.grid(sheet, column, part.title, columns, part.rows, part.note)
            column += len(columns) + 1
        if grids:
            sheet.freeze_panes(HEADER_ROW + 1, 0)
            sheet.repeat_rows(HEADER_ROW)
        for row, text in enumerate(texts, HEADER_ROW):
            sheet.write_string(row, column, self.told(text))

    def sheet(self, name: str) -> Any:
        sheet = self.book.add_worksheet(name)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&A&RPage &P of &N")
        sheet.hide_gridlines(2)
        return sheet

    # --- their parts

    def grid(
        self,
        sheet: Any,
        column: int,
        title: str,
        columns: Sequence[Column],
        rows: Sequence[Sequence[Value]],
        note: Words,
    ) -> None:
        """A native table from the header row on."""
        sheet.write_string(TITLE_ROW, column, inert(title), self.bold)
        room = MOST_ROWS - HEADER_ROW - 1
        said = self.told(note)
        if len(rows) > room:
            said = f"The first {room:,} of {len(rows):,} rows: a sheet holds no more. {said}"
        if said:
            sheet.write_string(NOTE_ROW, column, said, self.quiet)
        labels = _once(inert(each.label) or " " for each in columns)
        for place, (label, each) in enumerate(zip(labels, columns, strict=True), column):
            sheet.write_string(HEADER_ROW, place, label, self.head)
            shown = [row[place - column] for row in rows[:LOOKED_AT]]
            sheet.set_column(place, place, _width(label, each.unit, shown))
        if not rows:
            sheet.write_string(HEADER_ROW + 1, column, "none", self.quiet)
            return
        for number, values in enumerate(rows[:room], HEADER_ROW + 1):
            for place, value in enumerate(values, column):
                self.cell(sheet, number, place, value, columns[place - column].unit)
        self.native_table(sheet, HEADER_ROW, column, number, labels)

    def paragraph(
        self, sheet: Any, row: int, text: str, look: Any, widths: Sequence[float]
    ) -> None:
        """A text over the first columns, as high as it needs; Excel does not see to that itself
        where cells are merged."""
        sheet.merge_range(row, 0, row, len(widths) - 1, "", look)
        sheet.write_string(row, 0, text, look)
        sheet.set_row(row, 15 * math.ceil((len(text) + 1) / (0.95 * sum(widths))))

    def native_table(
        self, sheet: Any, first: int, column: int, last: int, labels: Sequence[str]
    ) -> None:
        """Makes cells that are written a table with a filter and a header row."""
        sheet.add_table(
            first,
            column,
            last,
            column + len(labels) - 1,
            {
                "columns": [{"header": label, "header_format": self.head} for label in labels],
                "style": "Table Style Light 1",
                "autofilter": True,
            },
        )

    def cell(self, sheet: Any, row: int, column: int, value: Value, unit: Unit) -> None:
        """A value by its kind; what is not there is an empty cell, never 0 or a dash."""
        match value:
            case None:
                sheet.write_blank(row, column, None, self.format_of(unit))
            case bool():
                sheet.write_boolean(row, column, value, self.format_of("flag"))
            case int() | float() if math.isfinite(value):
                sheet.write_number(row, column, value, self.format_of(unit))
            case datetime() if value.year >= 1900:
                sheet.write_datetime(row, column, value, self._format(INSTANT))
            case date() if value.year >= 1900:
                layout = unit if unit in ("date", "month") else "date"
                sheet.write_datetime(row, column, _midnight(value), self.format_of(layout))
            case str():
                sheet.write_string(row, column, inert(value), self.wrapped)
            case _:  # a day before Excel's first, a number that is none
                sheet.write_string(row, column, inert(str(value)), self.wrapped)

    def chart(self, sheet: Any, name: str, column: int, chart: Chart) -> None:
        """The chart as Excel draws it from the table that will stand to its right."""
        native = chart.native
        assert native is not None
        names = list(chart.columns)
        rows = chart.rows[: MOST_ROWS - HEADER_ROW - 1]
        first, last = HEADER_ROW + 1, HEADER_ROW + len(rows)
        data = column + CHART_COLUMNS
        drawing = self.book.add_chart({"type": native.kind})
        x_at = data + names.index(native.x)
        colours = list(PALETTE.values())
        for number, series in enumerate(native.series):
            at = data + names.index(series)
            colour = colours[number % len(colours)]
            look: dict[str, Any] = {"fill": {"color": colour}}
            if native.kind == "line":
                look = {"line": {"color": colour, "width": 2}}
            elif native.kind == "scatter":
                both = {"fill": {"color": colour}, "border": {"color": colour}}
                look = {"marker": {"type": "circle", "size": 5, **both}}
            drawing.add_series(
                {
                    "name": [name, HEADER_ROW, at],
                    "categories": [name, first, x_at, last, x_at],
                    "values": [name, first, at, last, at],
                    **look,
                }
            )
        shown = chart.columns[native.x]
        across: dict[str, Any] = {"name": shown.label, "num_format": self.layout(shown.unit)}
        if shown.unit in ("date", "month"):
            across["date_axis"] = True
            if shown.unit == "month":
                across |= {"major_unit": max(1, len(rows) // 12), "major_unit_type": "months"}
        measure = chart.columns[native.series[0]]
        up: dict[str, Any] = {
            "num_format": self.layout(measure.unit),
            "major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}},
        }
        values = [row[names.index(series)] for row in rows for series in native.series]
        if all(value >= 0 for value in values if isinstance(value, int | float)):
            up["min"] = 0
        if native.kind == "bar":
            # it lies on its side, and its first row is to be the top one
            across, up = up, across | {"reverse": True}
        drawing.set_x_axis(across)
        drawing.set_y_axis(up)
        drawing.set_title({"name": chart.title, "name_font": {"size": 11}, "overlay": False})
        drawing.set_legend({"none": True} if len(native.series) == 1 else {"position": "bottom"})
        drawing.set_size(CHART_SIZE)
        drawing.show_blanks_as("gap")
        label = told(chart.label, self.info.base_currency)
        sheet.insert_chart(
            HEADER_ROW + 1, column, drawing, {"description": label, "object_position": 3}
        )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _once(labels: Iterable[str]) -> list[str]:
    """Headers of a table, each once whatever the case, as Excel wants them."""
    found: list[str] = []
    for label in labels:
        name, count = label, 1
        while name.lower() in {other.lower() for other in found}:
            count += 1
            name = f"{label} ({count})"
        found.append(name)
    return found


def _width(label: str, unit: Unit, values: Iterable[Value]) -> float:
    """The width that shows the header on two lines at most, and the values."""
    longest = max((len(str(value)) for value in values if isinstance(value, str)), default=0)
    needed = {"amount": 18, "points": 14, "date": 11}.get(unit, NARROWEST)
    words = max((len(word) for word in label.split()), default=0)
    return float(min(WIDEST, max(needed, longest + 1, words + 4, len(label) / 2 + 4)))
