"""What must hold of every published mart: of each by itself, of marts together, against last time.

By itself: its grain has no twins, a rate lies in [0, 1] and is nothing where there is nothing to
divide by. Together: two marts that tell of the same things tell the same number. Against last
time: a mart that lost much of its rows is stopped until somebody says that it is right.
"""

import json
from pathlib import Path
from typing import Any

from expectations.suites import Rule, Suite
from expectations.suites.reconciliations import RECONCILIATIONS
from expectations.validation import Gate, last_published

MANIFEST = Path(__file__).resolve().parents[2] / "dbt_project" / "target" / "manifest.json"
#: the share of its rows that a mart may lose from one publish to the next
DRIFT_LIMIT = 0.30
DRIFT_RULE = "kept_its_rows"


def mart_names() -> list[str]:
    return [node["alias"] for node in _public_models()]


def mart_gates(settings: Any) -> list[Gate]:
    """A gate for every public dbt model; `settings` gives the folders of the run."""
    version, before = last_published(settings.published / "manifest.json")
    allowed = _allowed_drifts(settings.state / "overrides", version)
    gates = []
    for node in _public_models():
        name, meta = node["alias"], node["config"]["meta"]
        rules = [*_rate_rules(node["columns"]), *RECONCILIATIONS.get(name, ())]
        # of what is open or ahead at the as_of, much is over with the end of a quarter
        keeps_rows = not meta.get("rows_follow_as_of") and name not in allowed
        if before.get(name) and keeps_rows:
            rules.append(_drift_rule(name, before[name]))
        gates.append(
            Gate(
                node["schema"],
                name,
                f'select * from {node["schema"]}."{name}"',
                Suite(key=tuple(meta["grain"]), rules=tuple(rules)),
            )
        )
    return gates


def _public_models() -> list[dict[str, Any]]:
    nodes = json.loads(MANIFEST.read_text())["nodes"].values()
    return sorted(
        (
            node
            for node in nodes
            if node["resource_type"] == "model" and node["config"].get("access") == "public"
        ),
        key=lambda node: node["alias"],
    )


def _rate_rules(columns: dict[str, dict[str, Any]]) -> list[Rule]:
    # a mean has its parts beside it as well, but no bounds; a load has only the lower one
    rates = [name for name in columns if "_rate" in name and f"{name}_denominator" in columns]
    fault = "this is a fault of the model: mend it, or put the last publish back (make rollback)"
    if not rates:
        return []
    return [
        Rule(
            "rates_lie_between_0_and_1",
            " or ".join(
                f"{rate} < 0" if _may_exceed_one(columns[rate]) else f"{rate} not between 0 and 1"
                for rate in rates
            ),
            "hold a rate outside 0 to 1",
            fault,
        ),
        Rule(
            "no_rate_without_cases",
            " or ".join(
                f"({rate} is not null and coalesce({rate}_denominator, 0) = 0)" for rate in rates
            ),
            "hold a rate though there is nothing to divide by",
            fault,
        ),
    ]


def _may_exceed_one(column: dict[str, Any]) -> bool:
    return bool(column["config"]["meta"].get("may_exceed_one"))


def _drift_rule(mart: str, rows_before: int) -> Rule:
    least = rows_before * (1 - DRIFT_LIMIT)
    return Rule(
        DRIFT_RULE,
        "select row_count from (select count(*) as row_count from {batch})"
        f" where row_count <= {least}",
        f"lost {DRIFT_LIMIT:.0%} or more of its {rows_before:,} rows since the last publish",
        f"look for the extract that shrank; if it is right: make allow DRIFT={mart} REASON='…'",
        what="mart",
        shows="row_count || ' rows are left'",
        keeps_rows=False,
    )


def _allowed_drifts(overrides: Path, version: str) -> set[str]:
    """Marts that may shrink against the published `version`; a later one asks anew."""
    import duckdb

    if not any(overrides.glob("*.parquet")):
        return set()
    found = duckdb.execute(
        "select distinct target from read_parquet($1, union_by_name := true) where kind = 'drift'"
        " and sha256 = $2",
        [str(overrides / "*.parquet"), version],
    ).fetchall()
    return {target for (target,) in found}
