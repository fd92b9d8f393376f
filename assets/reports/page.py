"""A report as a page: one file that opens offline, in any width, on paper, light and dark.

Belongs here: from a report's forms to HTML. Does not belong here: what a report says (its module),
how charts look (`charts`), where the page lies.

Everything that is not of this package is text: the templates escape it, and what the page's scripts
are to show lies in it as JSON and becomes text nodes. A policy in the page's head lets nothing be
loaded and no script run but its own, named by their hashes.
"""

import base64
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from assets.reports import charts
from assets.reports.content import (
    VERDICT_WORDS,
    Chart,
    Column,
    Number,
    Part,
    Query,
    Report,
    Table,
    Unit,
    Value,
    Verdict,
    Words,
    figures,
    shown,
)
from assets.reports.shelf import Glance, Kept
from assets.templates import environment

HERE = Path(__file__).parent
#: of the long lists together, what the page holds: the workbook holds all of them
MOST_LIST_BYTES = 2_800_000
#: of a long list, the rows that stand on paper and where no script runs
FIRST_ROWS = 50
#: texts so short that they stay on one line, and so long that they need room
SHORT_TEXT, LONG_TEXT = 20, 32
#: columns from which on a table is set smaller on paper
MANY_COLUMNS = 9
#: units that stand at the right, figure under figure; what the head of a column says of each
MEASURES = {
    **dict.fromkeys(["count", "rate", "score", "number"], ""),
    **{unit: unit for unit in ("points", "days")},
    "amount": "{currency}",
}
#: a sign for whoever sees no colour
SIGNS: dict[Verdict, str] = {"signal": "◆", "noise": "○", "too little": "…", "plain": ""}
VERDICTS = {verdict: (SIGNS[verdict], word) for verdict, word in VERDICT_WORDS.items()}


def page(report: Report) -> str:
    """The page of a report. The same report gives the same page, to the byte."""
    drawing = _Drawing(report)
    scripts = [_file("page.js")]
    if drawing.charts:
        scripts.append(_vega())
    template = environment(HERE).get_template("page.html.j2")
    return template.render(
        report=report,
        drawing=drawing,
        verdicts=VERDICTS,
        style=_style(),
        scripts=[Markup(script) for script in scripts],
        policy=_policy(scripts),
    )


def at_a_glance(report: Report) -> tuple[Glance, ...]:
    """The headlines of a report, as the index shows them."""
    currency = report.info.base_currency
    return tuple(
        Glance(each.title, shown(each.number.value, each.number.unit, currency), each.verdict)
        for each in report.headlines
    )


def index(kept: Iterable[Kept]) -> str:
    """The page that lists the reports on the shelf: of each the newest, its headlines with it."""
    by_key: dict[str, list[Kept]] = {}
    for each in sorted(kept, key=lambda each: (each.title, -each.as_of.toordinal())):
        by_key.setdefault(each.key, []).append(each)
    template = environment(HERE).get_template("index.html.j2")
    return template.render(
        reports=by_key,
        verdicts=VERDICTS,
        style=_style(),
        policy=_policy([]),
    )


@functools.cache
def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _style() -> Markup:
    return Markup(charts.variables() + _file("page.css"))


@functools.cache  # it is made anew at each call, in seconds
def _vega() -> str:
    import vl_convert

    # an end tag in a text of it would end the script
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace(
        "</script", "<\\/script"
    )


def _policy(scripts: list[str]) -> str:
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = " ".join(f"'sha256-{each}'" for each in hashes) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


@dataclass(frozen=True)
class _Shown:
    """A column as the page shows it: `place` in the table, `side` its class, `decimals` of it."""

    place: int
    label: str
    unit: Unit
    decimals: int
    side: str

    def held(self, value: Value) -> str | float | None:
        """What the page's script gets, and sorts by: a number has no more digits than it shows."""
        if value is None:
            return None
        if self.unit in MEASURES and isinstance(value, int | float):
            number = float(f"{100 * value if self.unit == 'rate' else value:.{self.decimals}f}") + 0
            return number if self.decimals else int(number)
        if self.unit == "month" and isinstance(value, date):
            return f"{value:%Y-%m}"
        return shown(value, self.unit)

    def text(self, value: Value) -> str:
        """A cell: the unit that is the same all the way down stands in the head."""
        held = self.held(value)
        if held is None or isinstance(held, str):
            return shown(value, self.unit)
        sign = "+" if self.unit == "points" else ""
        return f"{held:{sign},.{self.decimals}f}{' %' if self.unit == 'rate' else ''}"


def _columns(table: Table, currency: str) -> list[_Shown]:
    """The columns that have something to show: reasons that nobody had to give are left out."""
    found = []
    for place, column in enumerate(table.columns):
        values = [row[place] for row in table.rows if row[place] is not None]
        if values or column.unit != "text":
            found.append(_shown(place, column, values, currency))
    return found


def _shown(place: int, column: Column, values: Sequence[Value], currency: str) -> _Shown:
    label, unit = column.label, column.unit
    if unit in MEASURES:
        measure = MEASURES[unit].format(currency=currency)
        if measure and measure not in label.lower().split():
            label = f"{label}, {measure}"
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        return _Shown(place, label, unit, _decimals(unit, numbers), "right")
    longest = max((len(shown(value, unit)) for value in values), default=0)
    room = "whole" if longest <= SHORT_TEXT else "long" if longest >= LONG_TEXT else ""
    return _Shown(place, label, unit, 0, f"left {room}".rstrip())


def _decimals(unit: Unit, numbers: Sequence[float]) -> int:
    """Alike all the way down a column, so that digits of one worth stand under each other."""
    if unit in ("rate", "points"):
        return 1
    if unit == "count" or all(number.is_integer() for number in numbers):
        return 0
    if unit == "amount":
        return 0 if max(map(abs, numbers)) >= 100 else 2
    return 2 if unit == "number" else 1


@dataclass(frozen=True)
class _List:
    """A long list as the page's script takes it; `held` of its `count` rows."""

    data: Markup
    held: int
    count: int


class _Drawing:
    """What the template asks for: figures that know their number, charts, lists."""

    def __init__(self, report: Report) -> None:
        self._currency = report.info.base_currency
        found = figures(report)
        self._numbers: dict[int, int] = {}
        for place, each in enumerate(found):
            self._numbers.setdefault(id(each), place)
        self.charts = [each for each in found if isinstance(each, Chart) and each.rows]
        #: what stands for the colours of charts in this page, as JSON
        self.colours = _inert(json.dumps(charts.VARIABLES))
        self._lists = _lists(
            {
                self.number_of(each): (each, self.columns(each))
                for each in found
                if isinstance(each, Table) and each.is_whole_list
            }
        )

    def number_of(self, figure: Number | Table | Chart) -> int:
        """Its place among `figures(report)`."""
        return self._numbers[id(figure)]

    def figure(self, number: Number) -> Markup:
        value = "" if number.value is None else _plain(number.value)
        text = shown(number.value, number.unit, self._currency)
        return Markup('<data class="{}" data-figure="{}" value="{}">{}</data>').format(
            "told-text" if number.unit == "text" else "figure", self.number_of(number), value, text
        )

    def say(self, words: Words) -> Markup:
        return Markup("").join(
            self.figure(part) if isinstance(part, Number) else escape(part) for part in words
        )

    def kind(self, part: Part) -> str:
        if isinstance(part, Chart):
            return "chart"
        return "table" if isinstance(part, Table) else "words"

    def columns(self, table: Table) -> list[_Shown]:
        return _columns(table, self._currency)

    def size(self, columns: Sequence[_Shown]) -> str:
        return "many" if len(columns) >= MANY_COLUMNS else "few"

    def first_rows(self, table: Table) -> tuple[tuple[Value, ...], ...]:
        return table.rows[:FIRST_ROWS] if table.is_whole_list else table.rows

    def whole_list(self, table: Table) -> _List:
        return self._lists[self.number_of(table)]

    def svg(self, chart: Chart, width: int) -> Markup:
        """The chart without a script, `width` pixels wide."""
        number = self.number_of(chart)
        svg = charts.static_svg(chart, f"f{number}w{width}", width)
        label = Markup('<svg role="img" aria-labelledby="l{}"').format(number)
        return label + Markup(svg.removeprefix("<svg"))

    def widths(self, chart: Chart) -> dict[str, int]:
        """What the chart is drawn in: several views have the sizes that their report gave them."""
        if "mark" in chart.spec or "layer" in chart.spec:
            return {"wide": charts.WIDE, "narrow": charts.NARROW}
        return {"views": charts.WIDE}

    def specification(self, chart: Chart) -> Markup:
        return _inert(json.dumps(charts.spec_with_rows(chart), sort_keys=True))

    def queries(self, content: Any) -> list[tuple[Query, list[Number | Table | Chart]]]:
        """The queries behind the figures of a part of the report, each with what it gives."""
        found: dict[Query, dict[int, Number | Table | Chart]] = {}
        for figure in figures(content):
            found.setdefault(figure.query, {}).setdefault(self.number_of(figure), figure)
        return [(query, list(given.values())) for query, given in found.items()]


def _lists(tables: Mapping[int, tuple[Table, Sequence[_Shown]]]) -> dict[int, _List]:
    """The long lists of a page, which share its room: who needs less than a share leaves it."""
    rows = {
        place: [
            _inert(json.dumps([each.held(row[each.place]) for each in columns], ensure_ascii=False))
            for row in table.rows
        ]
        for place, (table, columns) in tables.items()
    }
    sizes = {place: sum(len(row.encode()) + 1 for row in each) for place, each in rows.items()}
    found = {}
    room = MOST_LIST_BYTES
    for done, place in enumerate(sorted(sizes, key=lambda place: (sizes[place], place))):
        share = room // (len(sizes) - done)
        held = _fitting(rows[place], share)
        room -= min(sizes[place], share)
        columns = [
            {"unit": each.unit, "decimals": each.decimals, "side": each.side}
            for each in tables[place][1]
        ]
        data = f'{{"columns":{json.dumps(columns)},"rows":[{",".join(rows[place][:held])}]}}'
        found[place] = _List(Markup(data), held, len(rows[place]))
    return found


def _fitting(rows: Sequence[str], room: int) -> int:
    """How many of the rows there is room for, in bytes."""
    for held, row in enumerate(rows):
        room -= len(row.encode()) + 1
        if room < 0:
            return held
    return len(rows)


def _plain(value: Value) -> Value:
    return value.isoformat() if isinstance(value, date | datetime) else value


def _inert(data: str) -> Markup:
    """JSON that may stand in a script element: it cannot end it, nor begin a comment."""
    for sign in "<>&":
        data = data.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(data)
