"""A mart that changed in a breaking way is published twice until the old version's day."""

import json

from assets.dbt import prepared_manifest
from tests.line import Line

MART = "mart_objective_issuers_monthly"


def test_the_old_version_is_published_beside_the_new_one(demo_line: Line) -> None:
    [(told, parts)] = demo_line.query(
        "select count(*), count(objectives_per_product_change) from"
        f" {MART} join {MART}_v1 using (issued_by, objective_month, objectives_per_product_change)"
        " where product_change_count = objectives_per_product_change_denominator"
    )
    assert told == parts > 0
    [(new, old)] = demo_line.query(
        f"select (select count(*) from {MART}), (select count(*) from {MART}_v1)"
    )
    assert new == old > 0
    assert {MART, f"{MART}_v1"} <= set(demo_line.manifest()["marts"])


def test_whoever_reads_the_old_version_is_told_until_when(demo_line: Line) -> None:
    comments = dict(
        demo_line.query(
            f"select table_name, comment from duckdb_tables() where table_name like '{MART}%'"
        )
    )
    until = "2027-06-30"
    assert comments[f"{MART}_v1"].startswith(
        f"DEPRECATED, published until {until}; read {MART} instead. One row per issuer"
    )
    assert "DEPRECATED" not in comments[MART]
    versions = {
        node["alias"]: (node["version"], (node["deprecation_date"] or "")[:10])
        for node in json.loads(prepared_manifest().read_text())["nodes"].values()
        if node["name"] == MART
    }
    assert versions == {MART: (2, ""), f"{MART}_v1": (1, until)}
