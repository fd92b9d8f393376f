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
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from assets.reports import charts
from assets.reports.content import (
    Chart,
    Number,
    Part,
    Query,
    Report,
    Table,
    Unit,
    Value,
    Words,
    figures,
    shown,
    told,
)
from assets.reports.shelf import Kept
from assets.templates import environment

HERE = Path(__file__).parent
#: of a long list, what the page holds: the workbook holds all of it
MOST_LIST_BYTES = 3_000_000
#: of a long list, the rows that stand on paper and where no script runs
FIRST_ROWS = 50
#: units that stand at the right, figure under figure
AT_RIGHT = frozenset(["count", "rate", "points", "amount", "days", "score", "number"])
#: a verdict in words, and a sign for whoever sees no colour
VERDICTS = {
    "signal": ("◆", "Signal"),
    "noise": ("○", "Within the usual"),
    "too little": ("…", "Too few to tell"),
    "plain": ("", ""),
}


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
        style=Markup(_file("page.css")),
        scripts=[Markup(script) for script in scripts],
        policy=_policy(scripts),
        widths={"wide": charts.WIDE, "narrow": charts.NARROW},
    )


def index(kept: Iterable[Kept]) -> str:
    """The page that lists the reports on the shelf, the newest of each first."""
    by_key: dict[str, list[Kept]] = {}
    for each in sorted(kept, key=lambda each: (each.title, -each.as_of.toordinal())):
        by_key.setdefault(each.key, []).append(each)
    template = environment(HERE).get_template("index.html.j2")
    return template.render(reports=by_key, style=Markup(_file("page.css")), policy=_policy([]))


@functools.cache
def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


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
class _List:
    """A long list as the page's script takes it; `count` of all its rows."""

    data: Markup
    held: int
    count: int


class _Drawing:
    """What the template asks for: figures that know their number, charts, lists."""

    def __init__(self, report: Report) -> None:
        self._currency = report.info.base_currency
        self._numbers: dict[int, int] = {}
        for place, each in enumerate(figures(report)):
            self._numbers.setdefault(id(each), place)
        parts = [part for section in report.sections for part in section.parts]
        self.charts = [part for part in parts if isinstance(part, Chart) and part.rows]
        #: what stands for the colours of charts in this page, as JSON
        self.colours = _inert(json.dumps(charts.VARIABLES))

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

    def cell(self, value: Value, unit: Unit) -> str:
        return shown(value, unit, self._currency)

    def side(self, unit: Unit) -> str:
        """The class of a cell."""
        if unit in AT_RIGHT:
            return "right"
        return "left whole" if unit in ("date", "month") else "left"

    def kind(self, part: Part) -> str:
        if isinstance(part, Chart):
            return "chart"
        return "table" if isinstance(part, Table) else "words"

    def first_rows(self, table: Table) -> tuple[tuple[Value, ...], ...]:
        return table.rows[:FIRST_ROWS] if table.is_whole_list else table.rows

    def whole_list(self, table: Table) -> _List:
        rows: list[str] = []
        size = 0
        for row in table.rows:
            text = json.dumps([_plain(value) for value in row], ensure_ascii=False)
            size += len(text.encode()) + 1
            if size > MOST_LIST_BYTES:
                break
            rows.append(text)
        units = json.dumps([column.unit for column in table.columns])
        currency = json.dumps(self._currency)
        data = f'{{"units":{units},"currency":{currency},"rows":[{",".join(rows)}]}}'
        return _List(_inert(data), len(rows), len(table.rows))

    def svg(self, chart: Chart, width: int) -> Markup:
        """The chart without a script, `width` pixels wide."""
        svg = charts.static_svg(chart, f"f{self.number_of(chart)}w{width}", width)
        label = Markup('<svg role="img" aria-label="{}"').format(told(chart.label, self._currency))
        return label + Markup(svg.removeprefix("<svg"))

    def specification(self, chart: Chart) -> Markup:
        return _inert(json.dumps(charts.spec_with_rows(chart), sort_keys=True))

    def queries(self, content: Any) -> list[tuple[int, Query]]:
        """The queries behind the figures of a part of the report, each once."""
        found: dict[Query, int] = {}
        for figure in figures(content):
            found.setdefault(figure.query, self.number_of(figure))
        return [(number, query) for query, number in found.items()]


def _plain(value: Value) -> Value:
    return value.isoformat() if isinstance(value, date | datetime) else value


def _inert(data: str) -> Markup:
    """JSON that may stand in a script element: it cannot end it, nor begin a comment."""
    for sign in "<>&":
        data = data.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(data)
