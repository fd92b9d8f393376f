"""Carrying out suites inside DuckDB and keeping what came of it.

Results go to `quality.check_results` of the warehouse (one row per check and run) and the rows
that failed to `quality.failing_rows`; `quality.quarantined_rows` shows them beside what landing
set aside. Great Expectations decides what passes; the SQL runs in DuckDB, no rows are fetched.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from expectations.suites import Rule, Suite

#: failing rows kept of one check: enough to see the pattern, few enough to read
ROWS_KEPT = 200
#: failing rows that a message names
ROWS_NAMED = 3
CORRECT_THE_EXTRACT = "correct the extract and deliver it again"

SCHEMA = """
create schema if not exists quality;
create table if not exists quality.check_results (
    run_id varchar, checked_at timestamp, boundary varchar, source_system varchar, asset varchar,
    check_name varchar, severity varchar, is_passed boolean, evaluated_count bigint,
    failing_count bigint, message varchar, way_out varchar, warn_reason varchar
);
-- when it was carried out: before the run, where its table had not changed since; and its place
alter table quality.check_results add column if not exists carried_out_at timestamp;
alter table quality.check_results add column if not exists position integer;
-- one row per asset whose last verdicts let the line through: what they hang on, and their run
create table if not exists quality.standing_verdicts (
    asset varchar, fingerprint varchar, run_id varchar
);
create table if not exists quality.failing_rows (
    source_system varchar, entity varchar, file varchar, row_number bigint, check_name varchar,
    raw_text varchar
);
create or replace view quality.quarantined_rows as
-- survey answers are never shown by person
select
    source_system, entity, file, row_number, reason, column_name,
    case when entity <> 'pulse_responses' then value end as value,
    case when entity <> 'pulse_responses' then raw_text end as raw_text,
    cast(null as varchar) as check_name, true as is_set_aside
from landing.quarantined_rows
union all
select
    source_system, entity, file, row_number, 'failed_check', null, null, raw_text, check_name,
    false
from quality.failing_rows;
"""


@dataclass(frozen=True)
class Gate:
    """One table under test: its asset (schema, table), the rows tested, and the suite.

    `batch` is a query; `source_system` is blank for marts.
    """

    schema: str
    table: str
    batch: str
    suite: Suite
    source_system: str = ""

    @property
    def asset(self) -> str:
        return f"{self.schema}/{self.table}"

    @property
    def view(self) -> str:
        return f"{self.schema}__{self.table}"


@dataclass(frozen=True)
class Verdict:
    """What one check of a gate came to; `is_passed` None = it could not be carried out."""

    gate: Gate
    check_name: str
    severity: str
    is_passed: bool | None
    evaluated_count: int | None
    failing_count: int | None
    message: str
    way_out: str
    warn_reason: str | None
    failing_rows: str | None
    #: None = just now
    carried_out_at: datetime | None = None

    @property
    def blocks(self) -> bool:
        return self.severity == "error" and self.is_passed is not True


def validate(warehouse: Path, gates: Iterable[Gate], memory_limit: str) -> list[Verdict]:
    """Carries out every suite; one verdict per expectation, in the order of the gates.

    DuckDB holds no more in memory than `memory_limit`, as it writes sizes.

    Raises:
        RuntimeError: Great Expectations did not answer for every expectation it was given.
    """
    import logging

    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from sqlalchemy.pool import StaticPool

    from expectations.dialect import lent_connections

    # it warns of every rule that looks beyond its own table, which is what the ledger's rules do
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    verdicts: list[Verdict] = []
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    gates = list(gates)
    # as views: to learn the columns of a query Great Expectations reads it to the last row
    views = {gate.view: gate.batch for gate in gates}
    with lent_connections(warehouse, views, memory_limit) as connect:
        sources: Any = context.data_sources
        source = sources.add_sql(
            "warehouse",
            connection_string="duckdb+gates://",
            kwargs={"creator": connect, "poolclass": StaticPool},
        )
        for gate in gates:
            batch = (
                source.add_table_asset(gate.asset, table_name=gate.view)
                .add_batch_definition_whole_table("all")
                .get_batch()
            )
            expectations = _expectations(gate)
            suite = gx.ExpectationSuite(name=gate.asset, expectations=list(expectations.values()))
            validated: Any = batch.validate(suite, result_format={"result_format": "SUMMARY"})
            by_name = {
                result.expectation_config.meta["name"]: result for result in validated.results
            }
            if by_name.keys() != expectations.keys():
                missing = ", ".join(sorted(expectations.keys() - by_name.keys()))
                raise RuntimeError(f"{gate.asset}: no answer for {missing}")
            verdicts += [_verdict(gate, name, by_name[name], connect) for name in expectations]
    return verdicts


def _expectations(gate: Gate) -> dict[str, Any]:
    import great_expectations.expectations as gxe
    from great_expectations.expectations.metadata_types import FailureSeverity

    found: dict[str, Any] = {}
    rules = list(gate.suite.rules)
    if gate.suite.key:
        named = ", ".join(f'"{column}"' for column in gate.suite.key)
        # the hashes of the key first: eight bytes a row, where the rows may be many and wide
        twins = Rule(
            "key_is_unique",
            f"select * from {{batch}} where hash({named}) in"
            f" (select hash({named}) from {{batch}} group by all having count(*) > 1)"
            f" qualify count(*) over (partition by {named}) > 1",
            f"share {', '.join(gate.suite.key)} with another row",
            CORRECT_THE_EXTRACT,
        )
        rules.insert(0, twins)
    for column in gate.suite.filled:
        filled = Rule(
            f"{column}_is_filled", f'"{column}" is null', f"have no {column}", CORRECT_THE_EXTRACT
        )
        found[filled.name] = gxe.ExpectColumnValuesToNotBeNull(column=column, meta=_meta(filled))
    for rule in rules:
        found[rule.name] = gxe.UnexpectedRowsExpectation(
            unexpected_rows_query=rule.query,
            severity=FailureSeverity.WARNING if rule.warn else FailureSeverity.CRITICAL,
            meta=_meta(rule),
        )
    return found


def _meta(rule: Rule) -> dict[str, Any]:
    """What Great Expectations carries along for the verdict."""
    return {**asdict(rule), "query": rule.query}


def _verdict(gate: Gate, name: str, result: Any, connect: Callable[[], Any]) -> Verdict:
    meta, outcome = result.expectation_config.meta, result.result
    failing = outcome.get("unexpected_count", outcome.get("observed_value"))
    broken = result.exception_info.get("raised_exception", False) or not isinstance(failing, int)
    message = ""
    if broken:
        why = result.exception_info.get("exception_message") or "no figure came back"
        message = f"{gate.asset}: {name} could not be carried out: {why}"
    elif not result.success:
        shown = _shown(gate, meta["query"], meta["shows"], connect)
        message = f"{gate.asset}: {failing:,} {meta['what']} {meta['says']}{shown}"
    return Verdict(
        gate=gate,
        check_name=name,
        severity="warn" if meta["warn"] else "error",
        is_passed=None if broken else bool(result.success),
        evaluated_count=outcome.get("element_count"),
        failing_count=None if broken else failing,
        message=message,
        way_out=meta["way_out"] if message else "",
        warn_reason=meta["warn"],
        failing_rows=meta["query"] if meta["keeps_rows"] else None,
    )


def _shown(gate: Gate, query: str, shows: str | None, connect: Callable[[], Any]) -> str:
    """The first failing rows by name, in brackets; blank where a row has no name."""
    connection = connect()
    rows = query.replace("{batch}", gate.view)
    if shows is None:
        columns = {row[0] for row in connection.execute(f"describe {rows}").fetchall()}
        if not {"_file", "_row_number"} <= columns:
            return ""
        shows = "_file || ' row ' || _row_number"
    named = connection.execute(
        f"select distinct {shows} as shown from ({rows}) order by shown limit {ROWS_NAMED + 1}"
    ).fetchall()
    more = ["…"] if len(named) > ROWS_NAMED else []
    return f" ({'; '.join([name for (name,) in named[:ROWS_NAMED]] + more)})"


def keep(
    warehouse: Path,
    boundary: str,
    run_id: str,
    verdicts: list[Verdict],
    fingerprints: Mapping[str, str],
) -> None:
    """Writes verdicts and failing rows into the warehouse, in one transaction.

    Failing rows are those of the latest run only: `quarantined_rows` says what is so, not what
    was. `fingerprints`: by asset what its verdicts hang on (`standing.py`).
    """
    import duckdb

    now = datetime.now(UTC).replace(tzinfo=None)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(SCHEMA)
        connection.begin()
        for position, verdict in enumerate(verdicts):
            gate = verdict.gate
            connection.execute(
                "insert into quality.check_results values (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                [
                    run_id,
                    now,
                    boundary,
                    gate.source_system or None,
                    gate.asset,
                    verdict.check_name,
                    verdict.severity,
                    verdict.is_passed,
                    verdict.evaluated_count,
                    verdict.failing_count,
                    verdict.message or None,
                    verdict.way_out or None,
                    verdict.warn_reason,
                    verdict.carried_out_at or now,
                    position,
                ],
            )
        new = [verdict for verdict in verdicts if verdict.carried_out_at is None]
        for gate in {id(verdict.gate): verdict.gate for verdict in new}.values():
            connection.execute(
                "delete from quality.failing_rows where source_system is not distinct from $1"
                " and entity = $2",
                [gate.source_system or None, gate.table],
            )
        for verdict in new:
            if verdict.is_passed is False and verdict.failing_rows:
                _keep_rows(connection, verdict)
        blocked = {verdict.gate.asset for verdict in verdicts if verdict.blocks}
        for asset in dict.fromkeys(verdict.gate.asset for verdict in verdicts):
            connection.execute("delete from quality.standing_verdicts where asset = $1", [asset])
            if asset in fingerprints and asset not in blocked:
                connection.execute(
                    "insert into quality.standing_verdicts values ($1, $2, $3)",
                    [asset, fingerprints[asset], run_id],
                )
        connection.commit()


def _keep_rows(connection: Any, verdict: Verdict) -> None:
    query = str(verdict.failing_rows).replace("{batch}", f"({verdict.gate.batch})")
    columns = [row[0] for row in connection.execute(f"describe {query}").fetchall()]
    file = "_file" if "_file" in columns else "null"
    number = "_row_number" if "_row_number" in columns else "null"
    shown = [column for column in columns if not column.startswith("_")]
    packed = ", ".join(f'"{column}" := "{column}"' for column in shown)
    connection.execute(
        f"insert into quality.failing_rows select $1, $2, {file}, {number}, $3,"
        f" cast(to_json(struct_pack({packed})) as varchar) as raw_text from ({query})"
        f" order by 3, 4, 6 limit {ROWS_KEPT}",
        [verdict.gate.source_system or None, verdict.gate.table, verdict.check_name],
    )


def last_published(manifest: Path) -> tuple[str, dict[str, int]]:
    """Version and rows of each mart of the last publish; blank where nothing was published."""
    if not manifest.exists():
        return "", {}
    found = json.loads(manifest.read_text())
    return found["version"], {name: mart["rows"] for name, mart in found["marts"].items()}
