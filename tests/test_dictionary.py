"""The data dictionary tells of every mart, and its joins never multiply rows."""

import json
import re

import pytest

from assets.dbt import prepared_manifest
from assets.dictionary import Entry, Join, diagram, entries, page
from assets.publish import public_marts
from tests.line import Line


@pytest.fixture(scope="module")
def manifest() -> dict:
    return json.loads(prepared_manifest().read_text())


def by_name(manifest: dict) -> dict[str, Entry]:
    return {entry.name: entry for entry in entries(manifest)}


def test_every_mart_and_column_is_on_the_page(manifest: dict) -> None:
    html = page(manifest)
    for mart in public_marts():
        assert f'<h3 id="{mart.name}">' in html
    told = by_name(manifest)
    assert sorted(told) == [mart.name for mart in public_marts()]
    funnel = told["mart_funnel_monthly"]
    assert "unique_combination" in funnel.tests
    assert "raw_standard.opportunities" in funnel.sources
    assert "semantic model funnel" in funnel.read_by
    [system] = [column for column in funnel.columns if column.name == "source_system"]
    assert system.tests == ("not_null",)


def test_the_page_opens_offline_and_its_links_lead_somewhere(manifest: dict) -> None:
    html = page(manifest)
    assert not re.findall(r"(?:src|href)=\"(?!#)", html)
    assert set(re.findall(r'href="#(\w+)"', html)) <= set(re.findall(r'id="(\w+)"', html))


def test_a_table_joins_where_it_has_the_whole_grain_of_another(manifest: dict) -> None:
    told = by_name(manifest)
    events = {(join.to, join.on) for join in told["fct_opportunity_stage_events"].joins}
    assert ("fct_opportunities", (("opportunity_id", "opportunity_id"),)) in events
    owner = Join("fct_opportunities", "dim_reps", (("owner_current_id", "rep_id"),))
    assert owner in told["fct_opportunities"].joins
    assert all(join.to != "fct_opportunity_stage_events" for join in told["dim_accounts"].joins)
    # nobody is led to what will go
    assert not [join for entry in told.values() for join in entry.joins if join.to.endswith("_v1")]


def test_joins_find_their_rows_and_never_multiply(manifest: dict, demo_line: Line) -> None:
    joins = [join for entry in entries(manifest) for join in entry.joins]
    assert len(joins) > 30
    found = 0
    for join in joins:
        on = " and ".join(f"here.{a} is not distinct from there.{b}" for a, b in join.on)
        [(rows, joined, matched)] = demo_line.query(
            f"select (select count(*) from {join.mart}), count(*), count(there.found) from"
            f" {join.mart} as here left join (select *, true as found from {join.to}) as there"
            f" on {on}"
        )
        assert rows == joined, join
        found += matched > 0
    assert found > 0.8 * len(joins)


def test_a_diagram_has_a_box_for_both_ends_of_each_line(manifest: dict) -> None:
    joins = [join for entry in entries(manifest) if entry.area == "sales" for join in entry.joins]
    drawn = diagram(joins)
    assert len(drawn["lines"]) == len(joins)
    heights = [y for side in ("left", "right") for _, y in drawn[side]]
    assert all(0 < y < drawn["height"] for y in heights)
    assert {line["y1"] for line in drawn["lines"]} == {y for _, y in drawn["left"]}
