"""What a report says, before it is drawn: figures with their source, words, tables and charts.

Belongs here: the forms that every report fills and every rendering (page, workbook, PDF, mail)
reads. Does not belong here: what a report says (its own module) and how it looks (the renderings).

A figure is printed only as a `Number`, a cell of a `Table` or a mark of a `Chart`, and each carries
the query that gives it again from the published marts: so it can be looked up, and a test does.
"""

from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from typing import Any, Literal, TypeAlias

Value: TypeAlias = int | float | bool | str | date | datetime | None
#: rate: 0–1, shown as per cent; points: percentage points; amount: in the base currency; number:
#: plain, with decimals; score: 0–100
Unit = Literal[
    "count", "rate", "points", "amount", "days", "score", "number", "date", "month", "text", "flag"
]
#: signal: more than chance; noise: within what chance does; too little: too few cases to tell;
#: plain: a fact that nothing is to be told from
Verdict = Literal["signal", "noise", "too little", "plain"]
#: what every rendering calls each of them
VERDICT_WORDS: dict[Verdict, str] = {
    "signal": "Signal",
    "noise": "No more than chance",
    "too little": "Too few to tell",
    "plain": "",
}


@dataclass(frozen=True)
class Query:
    """SQL on the published marts (schema `marts`), its values bound as `?`."""

    sql: str
    parameters: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Number:
    """One figure; its query gives it as one row of one column. None = the mart has none."""

    value: Value
    unit: Unit
    query: Query


#: a sentence: texts, and figures between them
Words: TypeAlias = tuple[str | Number, ...]


def words(text: str, *numbers: Number) -> Words:
    """A sentence in which each `{}` stands for the next figure.

    Raises:
        ValueError: there are more or fewer figures than places.
    """
    texts = text.split("{}")
    if len(texts) != len(numbers) + 1:
        raise ValueError(f"{len(texts) - 1} places for {len(numbers)} figures: {text}")
    parts: list[str | Number] = [texts[0]]
    for number, after in zip(numbers, texts[1:], strict=True):
        parts += [number, after]
    return tuple(part for part in parts if part != "")


@dataclass(frozen=True)
class Headline:
    """A figure of the first screen: what it is, against what, and whether that is a signal.

    `section` is the key of the section that says more; `marts` name where it comes from.
    """

    title: str
    number: Number
    context: Words
    verdict: Verdict
    why: Words
    section: str
    marts: tuple[str, ...]
    case_count: Number | None = None


@dataclass(frozen=True)
class Column:
    label: str
    unit: Unit = "text"


@dataclass(frozen=True)
class Table:
    """Rows just as the query gives them, a column per `Column`.

    `is_whole_list`: a long list to search, sort and filter, not a table to read through.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    query: Query
    note: Words = ()
    is_whole_list: bool = False


@dataclass(frozen=True)
class NativeChart:
    """The same chart as a spreadsheet draws it: columns of the query by name."""

    kind: Literal["line", "column", "bar", "scatter", "area"]
    x: str
    series: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """A Vega-Lite specification without its data, which are the rows of the query.

    `spec` is what Altair's `to_dict` gives for a chart over `alt.NamedData("rows")`, without
    config: colours, type and sizes are the rendering's. `label` says in a sentence what there is
    to see, for whoever cannot see it. `columns` give labels and units for tooltips and workbook.
    """

    title: str
    label: Words
    spec: dict[str, Any]
    columns: dict[str, Column]
    rows: tuple[tuple[Value, ...], ...]
    query: Query
    native: NativeChart | None = None
    note: Words = ()


Part: TypeAlias = Table | Chart | Words


@dataclass(frozen=True)
class Section:
    """A question, what was found in a sentence, and what shows it.

    `missing`: what is not there, and which extract would bring it; then `parts` may be empty.
    """

    key: str
    title: str
    question: str
    finding: Words
    parts: tuple[Part, ...]
    marts: tuple[str, ...]
    missing: str | None = None


@dataclass(frozen=True)
class PublishInfo:
    """The publish that a report was made from, as `publish_info` has it."""

    version: str
    as_of_date: date
    business_timezone: str
    base_currency: str
    fiscal_year_start_month: int
    published_at: datetime

    @property
    def fiscal_year_start(self) -> date:
        """First day of the fiscal year of the as_of."""
        is_before = self.as_of_date.month < self.fiscal_year_start_month
        return date(self.as_of_date.year - is_before, self.fiscal_year_start_month, 1)


@dataclass(frozen=True)
class Report:
    """`look_first`: what to look at first, most pressing first. `stale`: what is too old to be
    trusted, each with the way out; shown above all else."""

    key: str
    title: str
    subtitle: str
    info: PublishInfo
    headlines: tuple[Headline, ...]
    look_first: tuple[Words, ...]
    sections: tuple[Section, ...]
    stale: tuple[Words, ...] = ()


def figures(content: Any) -> list[Number | Table | Chart]:
    """Everything in a report (or a part of one) that came from a query, in the order it is told."""
    if isinstance(content, Number):
        return [content]
    found: list[Number | Table | Chart] = []
    if isinstance(content, Table | Chart):
        found.append(content)
    if is_dataclass(content):
        content = tuple(getattr(content, field.name) for field in fields(content))
    if isinstance(content, tuple):
        for part in content:
            if is_dataclass(part) or isinstance(part, tuple):
                found += figures(part)
    return found


def shown(value: Value, unit: Unit, currency: str = "") -> str:
    """A value as a reader sees it, in every rendering but the workbook; "–" where there is none.

    Large amounts are shortened (1.24 M), rates are per cent with one decimal, days with one; plain
    numbers have two unless they are whole.
    """
    if value is None:
        return "–"
    match unit, value:
        case "text", _:
            return str(value)
        case "flag", _:
            return "yes" if value else "no"
        case "month", date():
            return value.strftime("%b %Y")
        case "date", date():
            return value.strftime("%Y-%m-%d")
        case "count", int() | float():
            return f"{value:,.0f}"
        case "rate", int() | float():
            return f"{100 * value:.1f} %"
        case "points", int() | float():
            # what rounds to nothing has no minus
            return f"{round(value, 1) + 0:+.1f} points"
        case "days", int() | float():
            return f"{value:,.1f}".removesuffix(".0") + (" day" if value == 1 else " days")
        case "score", int() | float():
            return f"{value:.1f}".removesuffix(".0")
        case "amount", int() | float():
            return f"{_short(float(value))} {currency}".rstrip()
        case "number", int() | float():
            return f"{value:,.2f}".removesuffix(".00")
    raise ValueError(f"{value!r} is no {unit}")


def told(words: Words, currency: str = "") -> str:
    """A sentence as plain text, its figures as a reader sees them."""
    return "".join(
        part if isinstance(part, str) else shown(part.value, part.unit, currency) for part in words
    )


def _short(amount: float) -> str:
    for size, word in ((1e9, " bn"), (1e6, " M"), (1e3, " k")):
        if abs(amount) >= size:
            scaled = amount / size
            return (f"{scaled:,.0f}" if abs(scaled) >= 100 else f"{scaled:.3g}") + word
    return f"{round(amount):,}"
