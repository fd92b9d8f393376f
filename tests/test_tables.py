"""What Dagster shows of the assets: who, what, how many rows, which columns, and where from."""

from pathlib import Path

import dagster as dg
import pytest

from assets.publish import public_marts
from assets.tables import column_lineage, read_lineage
from orchestration.definitions import OWN_RHYTHM, defs
from tests.line import Line

DEALS = ("intermediate", "deals")
REPS = ("intermediate", "reps")
PARENTS = {DEALS: ["id", "rep", "amount", "won_on"], REPS: ["rep", "name"]}


@pytest.mark.parametrize(
    ("sql", "lineage"),
    [
        (
            (
                'with d as (select * from "warehouse"."intermediate"."deals"),'
                ' r as (select * from "warehouse"."intermediate"."reps"),'
                " joined as (select d.*, r.name from d inner join r on d.rep = r.rep),"
                " summed as (select name, sum(amount) as won, count(*) as deals, 1 as one"
                " from joined where won_on is not null group by name) select * from summed"
            ),
            {
                "name": [(*REPS, "name")],
                "won": [(*DEALS, "amount")],
                "deals": [],
                "one": [],
            },
        ),
        (
            (
                "select id, rep from intermediate.deals union all by name"
                " select name as rep, rep as id from intermediate.reps"
            ),
            {
                "id": [(*DEALS, "id"), (*REPS, "rep")],
                "rep": [(*DEALS, "rep"), (*REPS, "name")],
            },
        ),
        (
            (
                "select id, rep from intermediate.deals union all"
                " select rep as other, name from intermediate.reps"
            ),
            {
                "id": [(*DEALS, "id"), (*REPS, "rep")],
                "rep": [(*DEALS, "rep"), (*REPS, "name")],
            },
        ),
        (
            "select id, (select max(name) from intermediate.reps) as last from intermediate.deals",
            {"id": [(*DEALS, "id")], "last": [(*REPS, "name")]},
        ),
        (
            (
                "with recursive chain as (select id, rep from intermediate.deals union all"
                " select chain.id, reps.name from chain inner join intermediate.reps as reps"
                " on chain.rep = reps.rep) select * from chain"
            ),
            {"id": [(*DEALS, "id")], "rep": [(*DEALS, "rep"), (*REPS, "name")]},
        ),
        ("this is no query at all (", {}),
    ],
)
def test_a_column_is_traced_to_what_it_is_made_of(
    sql: str, lineage: dict[str, list[tuple[str, str, str]]]
) -> None:
    assert column_lineage(sql, PARENTS) == lineage


def test_lineage_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "lineage.json"
    table = ("marts", "m")
    asked = ({table: "select id from intermediate.deals"}, {table: {DEALS: ["id"]}}, kept)
    kept.write_text("{ torn")
    first = read_lineage(*asked)
    assert first == {table: {"id": [(*DEALS, "id")]}}
    monkeypatch.setattr("assets.tables.column_lineage", lambda *_: {"anew": []})
    assert read_lineage(*asked) == first
    asked[0][table] += " where true"
    assert read_lineage(*asked) == {table: {"anew": []}}


def test_every_asset_says_whose_and_what_it_is() -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        asset, name = graph.get(key), key.to_user_string()
        assert asset.group_name not in (None, "default"), name
        assert asset.owners, name
        assert asset.kinds, name
        assert asset.description, name
        assert asset.freshness_policy or asset.group_name in OWN_RHYTHM, name


def test_after_a_run_assets_tell_rows_columns_and_lineage(
    demo_line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(demo_line.home / "dagster"))
    keys = [dg.AssetKey(["marts", mart.name]) for mart in public_marts()]
    raw = dg.AssetKey(["raw_standard", "opportunities"])
    with dg.DagsterInstance.get() as instance:
        last = instance.get_latest_materialization_events([*keys, raw])
    told = {
        key: event.asset_materialization.metadata
        for key, event in last.items()
        if event and event.asset_materialization
    }
    traced = 0
    for key in keys:
        [(rows,)] = demo_line.query(f"select count(*) from {key.path[1]}")
        columns = demo_line.query(f"select column_name from (describe {key.path[1]})")
        assert told[key]["dagster/row_count"].value == rows, key
        schema = told[key]["dagster/column_schema"].value
        assert [(column.name,) for column in schema.columns] == columns, key
        assert all(column.description for column in schema.columns), key
        if "dagster/column_lineage" in told[key]:
            lineage = told[key]["dagster/column_lineage"].value.deps_by_column
            assert {(column,) for column in lineage} <= set(columns)
            traced += len(lineage) / len(columns) > 0.5
    assert traced > 0.8 * len(keys)
    assert told[raw]["dagster/row_count"].value > 0
    assert "opportunity_id" in [c.name for c in told[raw]["dagster/column_schema"].value.columns]
