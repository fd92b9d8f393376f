"""Which verdicts stand: those on tables and rules that are as they were when last judged.

Belongs here: by what a gate is known to be unchanged, and the verdicts kept of it. Does not belong
here: carrying out checks (`validation.py`).

Only verdicts that let the line through are kept to stand; what stopped it is always judged anew.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from expectations.suites.marts import DRIFT_RULE, MANIFEST
from expectations.validation import Gate, Verdict

HERE = Path(__file__).parent
#: what every verdict hangs on beside the table: the product's own rules, and what carries them out
PACKAGES = ("duckdb", "great-expectations")


def standing(
    warehouse: Path, gates: Sequence[Gate]
) -> tuple[dict[str, list[Verdict]], dict[str, str]]:
    """The verdicts that stand, and by what they and the next are known.

    The extracts of a system are taken together, since rules look from one into another, and so are
    the marts: they are known by the build that made them, as long as it is the last word on them.

    Returns:
        asset → every verdict of its suite, in its order; asset → what its verdicts hang on, as one
        hash, where that can be told.
    """
    import duckdb

    rules = hashlib.sha256()
    for path in sorted(HERE.rglob("*.py")):
        rules.update(path.read_bytes())
    for package in PACKAGES:
        rules.update(f"{package} {version(package)}\n".encode())
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        macros = connection.execute(
            "select function_name, macro_definition from duckdb_functions()"
            " where function_type = 'macro' and not internal order by all"
        ).fetchall()
        rules.update(repr(macros).encode())
        known = {
            system: _extracts(connection, system) if system else _build(connection)
            for system in {gate.source_system for gate in gates}
        }
        fingerprints = {}
        for gate in gates:
            if known[gate.source_system] and not _has_drifted(connection, gate):
                same = tuple(rule for rule in gate.suite.rules if rule.name != DRIFT_RULE)
                tested = replace(gate, suite=replace(gate.suite, rules=same))
                hangs_on = (rules.hexdigest(), tested, known[gate.source_system])
                fingerprints[gate.asset] = hashlib.sha256(repr(hangs_on).encode()).hexdigest()
        try:
            kept = connection.execute("from quality.standing_verdicts").fetchall()
        except duckdb.CatalogException:  # nothing was ever judged
            kept = []
        runs = {
            asset: run_id
            for asset, fingerprint, run_id in kept
            if fingerprints.get(asset) == fingerprint
        }
        found: dict[str, list[Verdict]] = {}
        by_asset = {gate.asset: gate for gate in gates}
        for asset, *verdict in (
            connection.execute(
                "select asset, check_name, severity, is_passed, evaluated_count, failing_count,"
                " coalesce(message, ''), coalesce(way_out, ''), warn_reason, null, carried_out_at"
                " from quality.check_results"
                " where list_contains($1::varchar[], run_id || ' ' || asset) order by position",
                [[f"{run_id} {asset}" for asset, run_id in runs.items()]],
            ).fetchall()
            if runs
            else ()
        ):
            found.setdefault(asset, []).append(Verdict(by_asset[asset], *verdict))
    return found, fingerprints


def _has_drifted(connection: Any, gate: Gate) -> bool:
    """Whether a mart lost rows against the last publish, which may be another every time."""
    for rule in gate.suite.rules:
        if rule.name == DRIFT_RULE:
            lost = rule.query.replace("{batch}", f"({gate.batch})")
            return connection.execute(lost).fetchone() is not None
    return False


def _extracts(connection: Any, system: str) -> Any:
    """What landing has done to the raw tables of a system."""
    deliveries = connection.execute(
        "select delivery_id, status, rows_in, rows_loaded, rows_quarantined"
        " from landing.deliveries where source_system = $1 order by all",
        [system],
    ).fetchall()
    set_aside = connection.execute(
        "select entity, count(*) from landing.quarantined_rows where source_system = $1"
        " group by entity order by entity",
        [system],
    ).fetchall()
    tables = connection.execute(
        "select table_name from duckdb_tables() where schema_name = $1 order by all",
        [f"raw_{system}"],
    ).fetchall()
    counts = ", ".join(
        f'(select (count(*), max(_landing_number)) from raw_{system}."{table}")'
        for (table,) in tables
    )
    return deliveries, set_aside, connection.execute(f"select {counts}").fetchone()


def _build(connection: Any) -> Any:
    """The build that the marts are of; nothing where the last one broke off."""
    build = connection.execute("from landing.builds").fetchone()
    return build and (build, hashlib.sha256(MANIFEST.read_bytes()).hexdigest())
