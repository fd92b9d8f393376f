"""No report puts people in the order of a result: not in a table, not in a chart, not in words."""

import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from assets.reports.catalogue import REPORTS as LISTED
from assets.reports.content import Chart, Column, Number, Query, Report, Table, figures
from assets.reports.published import Published, published
from assets.settings import Settings
from tests.line import Line

REPORTS = tuple(LISTED)
#: columns that say which one, not how much
NAMES = ("text", "date", "month", "flag")
#: where persons are called by name or id
PERSONS = """
select rep_id from marts.dim_reps
union select rep_name from marts.dim_reps
union select manager_id from marts.dim_reps
union select product_manager_id from marts.dim_products
union select issued_by from marts.mart_objective_issuers_monthly
"""


def persons(marts: Published) -> set[str]:
    found = {str(name) for (name,) in marts.ask(Query(PERSONS)) if name not in (None, "unknown")}
    assert len(found) > 5
    return found


def columns(figure: Table | Chart) -> list[Column]:
    return list(figure.columns if isinstance(figure, Table) else figure.columns.values())


def person_columns(figure: Table | Chart, known: set[str]) -> list[int]:
    """Places of the columns that hold persons, and of each row another."""
    found = []
    for place in range(len(columns(figure))):
        named = [row[place] for row in figure.rows if row[place] in known]
        if len(named) > 1 and 2 * len(named) > len(figure.rows):
            found.append(place)
    return found


def is_one_row_each(figure: Table | Chart, place: int) -> bool:
    named = [row[place] for row in figure.rows]
    return len(set(named)) == len(named)


def rankings(content: Any, known: set[str]) -> Iterator[str]:
    """What is wrong, in words.

    A table of people, a row each, is in the order of their names, or of names and dates that stand
    before them, and no list to be sorted by its reader. A chart with people has no axis, colour or
    facet of them that is sorted by anything, and its rows begin with a name or a date.
    """
    for figure in figures(content):
        if isinstance(figure, Number):
            if figure.value in known:
                yield f"a person in words: {figure.value}"
            continue
        for place in person_columns(figure, known):
            before = columns(figure)[: place + 1]
            if isinstance(figure, Table):
                if not is_one_row_each(figure, place):
                    continue
                keys = [tuple(str(value) for value in row[: place + 1]) for row in figure.rows]
                if any(column.unit not in NAMES for column in before) or keys != sorted(keys):
                    yield f"people by a result: table {figure.title}"
                if figure.is_whole_list:
                    yield f"people to be sorted: table {figure.title}"
            else:
                if columns(figure)[0].unit not in NAMES:
                    yield f"people by a result: rows of chart {figure.title}"
                if is_sorted(figure.spec, list(figure.columns)[place]):
                    yield f"people by a result: chart {figure.title}"


def is_sorted(spec: Any, person: str) -> bool:
    """Whether a channel of the person is sorted by something, or the rows are ranked."""
    if isinstance(spec, dict):
        field = str(spec.get("field", ""))
        if field == person and spec.get("sort") not in (None, "ascending"):
            return True
        if spec.get("op") in ("rank", "dense_rank", "percent_rank", "row_number"):
            return True
        return any(is_sorted(part, person) for part in spec.values())
    return isinstance(spec, list) and any(is_sorted(part, person) for part in spec)


@pytest.mark.parametrize("name", REPORTS)
def test_no_report_ranks_people(name: str, demo_line: Line, settings: Settings) -> None:
    module = f"assets.reports.{name}"
    if importlib.util.find_spec(module) is None:
        pytest.skip("there is no such report")
    with published(replace(settings, home=demo_line.home)) as marts:
        report = importlib.import_module(module).report(marts)
        assert isinstance(report, Report)
        assert len(figures(report)) > 10
        assert list(rankings(report, persons(marts))) == []


ANN_BOB_CY = {"Ann", "Bob", "Cy"}
ASKED = Query("select 1")


def people(*rows: tuple[str, float], is_whole_list: bool = False) -> Table:
    labels = (Column("Rep"), Column("Won", "rate"))
    return Table("People", labels, rows, ASKED, is_whole_list=is_whole_list)


def drawn(encoding: dict[str, Any], unit: Any = "text") -> Chart:
    return Chart(
        "People",
        ("Won by rep",),
        {"mark": "bar", "encoding": encoding},
        {"month": Column("Month", unit), "rep": Column("Rep"), "won": Column("Won", "rate")},
        (("May", "Bob", 0.1), ("May", "Ann", 0.5), ("May", "Cy", 0.2)),
        ASKED,
    )


@pytest.mark.parametrize(
    "content",
    [
        people(("Bob", 0.9), ("Ann", 0.5), ("Cy", 0.1)),
        people(("Ann", 0.9), ("Bob", 0.5), ("Cy", 0.1), is_whole_list=True),
        Table(
            "People",
            (Column("Won", "rate"), Column("Rep")),
            ((0.1, "Ann"), (0.5, "Bob"), (0.9, "Cy")),
            ASKED,
        ),
        drawn({"y": {"field": "rep", "sort": "-x"}, "x": {"field": "won"}}),
        drawn({"y": {"field": "rep", "sort": {"field": "won"}}, "x": {"field": "won"}}),
        drawn({"y": {"field": "rep", "sort": ["Cy", "Ann", "Bob"]}}),
        drawn({"y": {"field": "rep"}}, "count"),
        Number("Ann", "text", ASKED),
    ],
)
def test_a_ranking_is_found(content: Any) -> None:
    assert len(list(rankings(content, ANN_BOB_CY))) == 1


@pytest.mark.parametrize(
    "content",
    [
        people(("Ann", 0.9), ("Bob", 0.5), ("Cy", 0.1)),
        # deals in the order of their chance, of which several are of one person
        people(("Bob", 0.9), ("Ann", 0.5), ("Bob", 0.1)),
        drawn({"y": {"field": "rep", "sort": "ascending"}, "x": {"field": "won"}}),
        drawn({"x": {"field": "month", "sort": "-y"}, "color": {"field": "rep"}}),
    ],
)
def test_people_by_name_are_no_ranking(content: Any) -> None:
    assert list(rankings(content, ANN_BOB_CY)) == []
