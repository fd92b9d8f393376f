"""The card of a fitted model: what it says and for whom, how it came about, how well it does, where
it ends.

Belongs here: one card as Markdown and as a self-contained HTML file, from the facts that lie beside
the model. Nothing is computed but the layout and no clock is asked: the same facts give the same
bytes. What the card holds follows M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.

A card takes any facts. `performance`, the training, and the names under which modules tell which
features they used and left out have places of their own; whatever else there is follows in order.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from assets.templates import environment

Json = Any
Pairs = list[tuple[str, str]]

MARKDOWN, HTML = "card.md", "card.html"
#: rows of a list, and values in a cell, that a card shows; metrics.json has them all
MOST_ROWS, MOST_VALUES = 40, 12
#: names under which facts tell of features
USED, LEFT_OUT = ("features", "numbers", "categories"), ("ignored", "unused_features", "suspects")
#: told at a place of their own, where they stand at the top of the facts
TOLD = ("status", "case_count", "data_sha256")
#: which cases, in the order in which they are told; others come behind
SLICES = {
    "all": "All cases",
    "quarter": "By quarter",
    "fitted_on": "By the day of the fit",
    "group": "By group",
}
#: the slice of the reliability curve, and what was said there; what was seen is named by a rate
PROBABILITY, SAID = "probability", "mean_probability"
MODEL = "model"
ACRONYMS = {"auc": "AUC", "ece": "ECE", "psi": "PSI"}
#: a quantile as a method, and how often it held
LEVEL, COVERAGE = re.compile(r"p(\d\d)"), ("coverage", "coverage_rate")
#: the drawing of a curve, in pixels of its own
LEFT, TOP, SIDE = 52.0, 12.0, 280.0
SMALLEST_DOT, LARGEST_DOT = 3.0, 9.0
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class About:
    """What a score answers, in words for those who use it."""

    title: str
    says: str
    for_whom: str
    limits: tuple[str, ...] = ()


PLANT = ("A change of the plant that nobody recorded shows only once lines have felt it.",)
#: by what the name of the score begins with; the rest of it says for which source
ABOUT = {
    "win_probability": About(
        "Win probability",
        "How probable it is, from 0 to 1, that an open deal will be won, by what was recorded of"
        " it on the day of the score.",
        "For whoever decides which deal gets the next hour, and for the forecast of bookings.",
        ("A deal that will be disqualified is neither won nor lost, and the model knows none.",),
    ),
    "order_lead_time": About(
        "Order lead time",
        "In how many days from the order a line is delivered 10, 50, 80 and 95 times in 100.",
        "For whoever answers for the dates of open orders.",
        PLANT,
    ),
    "promise_quote": About(
        "Promise quote",
        "In how many days an order of today is delivered whole 50, 80 and 95 times in 100, and so"
        " which date can be promised.",
        "For whoever promises a date before the order is there.",
        PLANT,
    ),
    "work_order_lead_time": About(
        "Work order lead time",
        "In how many days from its release a work order is finished 10, 50, 80 and 95 times in 100;"
        " it stands in where too few deliveries are known.",
        "For whoever promises or plans from production alone. Shipping is not in it.",
        PLANT,
    ),
    "late_delivery": About(
        "Late delivery",
        "How probable it is, from 0 to 1, that a scheduled line is delivered after its due date, by"
        " what was known when it was scheduled.",
        "For whoever warns a customer in time.",
        PLANT,
    ),
    "delivery_slip": About(
        "Slip of the delivery",
        "By how many days before or after its due date a scheduled line is delivered 10, 50, 80 and"
        " 95 times in 100.",
        "For whoever answers for scheduled dates.",
        PLANT,
    ),
}
LIMITS = (
    "What goes with an outcome need not cause it: to change a fact may change no outcome.",
    "It ranks no people and holds nobody's name. Nobody may be judged, compared or paid by it.",
    "It holds on average over many cases. Of a single one it knows only what was recorded.",
    "It has learned from the past. Whether cases are still like that, every run checks.",
)


@dataclass(frozen=True)
class Grid:
    """A table of texts; `quiet` says what it leaves out."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    quiet: str = ""


@dataclass(frozen=True)
class Point:
    """Said and seen, 0–1, with the interval of the seen where there is one."""

    said: float
    seen: float
    low: float | None
    high: float | None
    count: int | None

    @property
    def x(self) -> str:
        return _pixels(LEFT + SIDE * self.said)

    @property
    def y(self) -> str:
        return _height(self.seen)

    @property
    def ends(self) -> tuple[str, str] | None:
        if self.low is None or self.high is None:
            return None
        return _height(self.low), _height(self.high)


@dataclass(frozen=True)
class Curve:
    """What was said beside what came; points in the order of the said."""

    title: str
    said: str
    seen: str
    points: tuple[Point, ...]

    @property
    def line(self) -> str:
        return " ".join(f"{point.x},{point.y}" for point in self.points)

    def size_of(self, point: Point) -> str:
        """The area of a dot grows with the cases behind it."""
        most = max((other.count or 0 for other in self.points), default=0)
        share = (point.count or 0) / most if most else 0.0
        return _pixels(max(SMALLEST_DOT, LARGEST_DOT * share**0.5))

    @property
    def grid(self) -> Grid:
        rows = (
            (
                number(point.said),
                _with_interval(point.seen, point.low, point.high),
                number(point.count),
            )
            for point in self.points
        )
        return Grid(self.title, (self.said, self.seen, "cases"), tuple(rows))


@dataclass
class _Facts:
    """What facts hold, sorted into the places of a card."""

    training: Pairs = field(default_factory=list)
    used: list[tuple[str, ...]] = field(default_factory=list)
    left_out: list[tuple[str, ...]] = field(default_factory=list)
    values: Pairs = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)


def documents(
    score: str,
    version: str,
    as_of: date,
    status: str,
    facts: Mapping[str, Json],
    refused_because: Sequence[str],
    libraries: Mapping[str, str],
) -> dict[str, str]:
    """The card as Markdown and as HTML: name of the file → text.

    Args:
        as_of: the last day that the training knew.
        status: how the training ended.
        facts: what lies in `metrics.json`.
        refused_because: what speaks against the model; empty = promoted.
        libraries: name → release, of all that the model's figures hang on.
    """

    unknown = About(_words(score), "What docs/scores.md says of it.", "")
    about = next((ABOUT[name] for name in ABOUT if score.startswith(name)), unknown)
    # as they will be read, tuples and all
    facts = json.loads(json.dumps(facts))
    performance = [row for row in facts.get("performance") or () if row.get("value") is not None]
    sorted_in = _Facts()
    _sort_in(sorted_in, {n: v for n, v in facts.items() if n not in TOLD}, ())
    told = {
        "about": about,
        "score": score,
        "version": version,
        "as_of": as_of.isoformat(),
        "status": status,
        "refused_because": list(refused_because),
        "cases": number(facts.get("case_count")),
        "sha256": _text(facts.get("data_sha256")),
        "libraries": ", ".join(f"{name} {release}" for name, release in sorted(libraries.items())),
        "facts": sorted_in,
        "used": Grid("", ("fact", "kind", "in words"), tuple(sorted_in.used)),
        "left_out": Grid("", ("fact", "why"), tuple(sorted_in.left_out)),
        "performance": _performance(performance),
        "curves": _curves(performance),
        "limits": (*about.limits, *LIMITS),
        "ticks": [(number(tick), _pixels(LEFT + SIDE * tick), _height(tick)) for tick in TICKS],
        "left": _pixels(LEFT),
        "right": _pixels(LEFT + SIDE),
        "top": _pixels(TOP),
        "bottom": _pixels(TOP + SIDE),
    }

    def rendered(template: str, **how: Any) -> str:
        filling = environment(Path(__file__).parent, keep_trailing_newline=True, **how)
        return filling.get_template(template).render(told)

    return {
        # what stands in a cell of Markdown is no HTML, whatever it holds
        MARKDOWN: rendered("card.md.j2", autoescape=False, finalize=_plain_markdown),
        HTML: rendered("card.html.j2", autoescape=True),
    }


def _pixels(place: float) -> str:
    return f"{place:.1f}"


def _height(share: float) -> str:
    return _pixels(TOP + SIDE * (1 - share))


def _plain_markdown(value: Any) -> Any:
    """Text that Markdown takes as it stands, on one line."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return re.sub(r"([\\`*|<>\[\]])", r"\\\1", " ".join(value.split()))


def number(value: float | None) -> str:
    """For a reader: whole numbers as they are, else three digits that tell."""
    if value is None:
        return "–"
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = 3 if abs(value) >= 0.001 else 6
    return f"{value:.{digits if abs(value) < 10 else 1}f}"


def _text(value: Json) -> str:
    """A scalar or a list of scalars for a reader."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list):
        more = len(value) - MOST_VALUES
        shown = ", ".join(_text(each) for each in value[:MOST_VALUES])
        return f"{shown} and {more:,} more" if more > 0 else shown or "none"
    return str(value)


def _words(name: str) -> str:
    words = name.replace("_", " ").strip()
    return ACRONYMS.get(name) or words[:1].upper() + words[1:]


def _label(path: Sequence[str]) -> str:
    return " › ".join(_words(name) for name in path)


# --- performance ---------------------------------------------------------------------------------


def _performance(rows: Sequence[Mapping[str, Json]]) -> list[Grid]:
    """A table per slice: a row per part of it and measure, a column per method, the model first."""
    names = [row["slice"] for row in rows if row["slice"] != PROBABILITY]
    known = [name for name in SLICES if name in names]
    return [
        _slice_grid(name, [row for row in rows if row["slice"] == name])
        for name in (*known, *sorted(set(names) - set(known)))
    ]


def _slice_grid(name: str, rows: Sequence[Mapping[str, Json]]) -> Grid:
    methods = sorted({row["method"] for row in rows}, key=lambda each: (each != MODEL, each))
    cells: dict[tuple[str, str], dict[str, Mapping[str, Json]]] = {}
    for row in rows:
        cells.setdefault((row.get("slice_value") or "", row["measure"]), {})[row["method"]] = row
    lines = []
    for (part, measure), by_method in sorted(cells.items()):
        # the cases of the first method; where another has others, it says so
        first = next(by_method[method] for method in methods if method in by_method)
        cases = first.get("case_count")
        lines.append(
            (
                *((part,) if name != "all" else ()),
                _words(measure),
                *(_cell(by_method.get(method), cases) for method in methods),
                number(cases),
            )
        )
    head = (*(("",) if name != "all" else ()), "measure", *methods, "cases")
    left_out = len(lines) - MOST_ROWS
    return Grid(
        SLICES.get(name) or _words(name),
        head,
        tuple(lines[:MOST_ROWS]),
        f"{left_out:,} more rows in metrics.json." if left_out > 0 else "",
    )


def _cell(row: Mapping[str, Json] | None, cases: int | None) -> str:
    if row is None:
        return "–"
    told = _with_interval(row["value"], row.get("lower_bound"), row.get("upper_bound"))
    own = row.get("case_count")
    return told if own == cases else f"{told}, n {number(own)}"


def _with_interval(value: float, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return number(value)
    return f"{number(value)} ({number(low)} to {number(high)})"


def _curves(rows: Sequence[Mapping[str, Json]]) -> list[Curve]:
    """Probabilities beside the rates that came of them, and levels of quantiles beside how often
    they held."""
    in_bins = [row for row in rows if row["slice"] == PROBABILITY and row["method"] == MODEL]
    said = {row.get("slice_value"): row["value"] for row in in_bins if row["measure"] == SAID}
    by_rate: dict[str, list[Point]] = {}
    for row in in_bins:
        if row["measure"].endswith("_rate") and row.get("slice_value") in said:
            by_rate.setdefault(row["measure"], []).append(_point(said[row["slice_value"]], row))
    levels = [
        _point(int(match[1]) / 100, row)
        for row in rows
        if row["slice"] == "all"
        and row["measure"] in COVERAGE
        and (match := LEVEL.fullmatch(row["method"]))
    ]
    curves = [
        ("Reliability of the probability", "mean probability", rate.replace("_", " "), points)
        for rate, points in sorted(by_rate.items())
    ]
    if levels:
        curves.append(("Reliability of the quantiles", "level", "share that held it", levels))
    return [
        Curve(title, said_name, seen, tuple(sorted(points, key=lambda point: point.said)))
        for title, said_name, seen, points in curves
    ]


def _point(said: float, row: Mapping[str, Json]) -> Point:
    bounds = row.get("lower_bound"), row.get("upper_bound")
    return Point(said, row["value"], *bounds, row.get("case_count"))


# --- facts ---------------------------------------------------------------------------------------


def _sort_in(found: _Facts, facts: Mapping[str, Json], path: tuple[str, ...]) -> None:
    """Sorts facts, and those that they hold, into the places of a card."""
    part = _label(path)
    for name, value in sorted(facts.items()):
        where = (*path, name)
        if name == "performance":
            continue
        if name in USED and isinstance(value, list):
            found.used += [_feature(part, name, feature) for feature in value]
        elif name in LEFT_OUT and isinstance(value, Mapping):
            found.left_out += [(_of(part, key), _text(why)) for key, why in sorted(value.items())]
        elif name == "training" and isinstance(value, Mapping):
            found.training += [
                (_label((*path, key)), text)
                for key, text in _flat(value).items()
                if key not in TOLD
            ]
        elif isinstance(value, Mapping) and not _is_records(value.values()):
            _sort_in(found, value, where)
        elif isinstance(value, Mapping):
            rows = [{"": key, **each} for key, each in sorted(value.items())]
            found.grids.append(_grid(_label(where), rows))
        elif isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
            found.grids.append(_grid(_label(where), value))
        else:
            found.values.append((_label(where), _text(value)))


def _of(part: str, name: str) -> str:
    return f"{name} ({part})" if part else name


def _feature(part: str, kind: str, feature: Json) -> tuple[str, str, str]:
    """A feature by name alone, or with kind and words."""
    if not isinstance(feature, Mapping):
        return _of(part, str(feature)), "–" if kind == "features" else kind, "–"
    signs = (("+", "lifts"), ("−", "lowers"))
    words = [f"{sign} {feature[name]}" for sign, name in signs if feature.get(name)]
    if feature.get("is_changeable"):
        words.append("can be changed")
    return (
        _of(part, _text(feature.get("name"))),
        _text(feature.get("kind")),
        "; ".join(words) or "–",
    )


def _is_records(values: Iterable[Json]) -> bool:
    """Whether values are records of one kind, such as a name → {value, count}."""
    values = list(values)
    return bool(values) and all(
        isinstance(value, Mapping) and not any(isinstance(v, Mapping) for v in value.values())
        for value in values
    )


def _grid(title: str, rows: Sequence[Mapping[str, Json]]) -> Grid:
    flat = [_flat(row) for row in rows[:MOST_ROWS]]
    columns = tuple(dict.fromkeys(name for row in flat for name in row))
    left_out = len(rows) - MOST_ROWS
    return Grid(
        title,
        tuple(column.replace("_", " ") for column in columns),
        tuple(tuple(row.get(column, "–") for column in columns) for row in flat),
        f"{left_out:,} more rows in metrics.json." if left_out > 0 else "",
    )


def _flat(row: Mapping[str, Json]) -> dict[str, str]:
    return dict(_leaves(row, ()))


def _leaves(row: Mapping[str, Json], path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, name))
        elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
            yield " › ".join((*path, name)), f"{len(value):,} rows in metrics.json"
        else:
            yield " › ".join((*path, name)), _text(value)
