"""The gates as Dagster asset checks: one step per system that comes in, one for what goes out.

Every check blocks what lies behind it. A suite is one check in Dagster; each of its rules is a row
of `data_quality_checks`.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import dagster as dg

import expectations.suites as suites
from expectations import page
from expectations.standing import standing
from expectations.suites.entry import with_ledger
from expectations.suites.marts import mart_gates, mart_names
from expectations.validation import Gate, Verdict, keep, validate


def systems() -> dict[str, dict[str, suites.Suite]]:
    """The suites of every source system: {system: {entity: suite}}."""
    modules = (
        importlib.import_module(f"{suites.__name__}.{module.name}")
        for module in pkgutil.iter_modules(suites.__path__)
    )
    return {module.SYSTEM: module.SUITES for module in modules if hasattr(module, "SYSTEM")}


def asset_checks() -> list[dg.AssetChecksDefinition]:
    return [*(_entry_checks(*system) for system in systems().items()), _exit_checks()]


def _entry_checks(system: str, entities: dict[str, suites.Suite]) -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(
        name=f"check_{system}",
        specs=[
            dg.AssetCheckSpec(
                "entry",
                asset=[f"raw_{system}", entity],
                blocking=True,
                description=f"Nothing of {entity} got lost, and what must hold of it holds.",
            )
            for entity in entities
        ],
    )
    def check_system(
        context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Any]
    ) -> Iterator[dg.AssetCheckResult]:
        yield from _judge(context, settings, "entry", entry_gates(system, entities))

    return check_system


def entry_gates(system: str, entities: dict[str, suites.Suite]) -> list[Gate]:
    """A gate for every extract of a system: its rows in force."""
    return [
        Gate(
            f"raw_{system}",
            entity,
            f'select * from raw_{system}."{entity}"'
            " where _valid_from is not null and _valid_to is null",
            with_ledger(system, entity, suite),
            system,
        )
        for entity, suite in entities.items()
    ]


def _exit_checks() -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(
        name="check_marts",
        specs=[
            dg.AssetCheckSpec(
                "exit",
                asset=["marts", mart],
                blocking=True,
                description=f"{mart} is whole, agrees with its neighbours and did not shrink.",
            )
            for mart in mart_names()
        ],
    )
    def check_marts(
        context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Any]
    ) -> Iterator[dg.AssetCheckResult]:
        yield from _judge(context, settings, "exit", mart_gates(settings))

    return check_marts


def _judge(
    context: dg.AssetCheckExecutionContext, settings: Any, boundary: str, gates: list[Gate]
) -> Iterator[dg.AssetCheckResult]:
    delivered = gates if boundary == "exit" else _delivered(settings, gates)
    stand, known_by = standing(settings.warehouse, delivered) if delivered else ({}, {})
    due = [gate for gate in delivered if gate.asset not in stand]
    verdicts = [verdict for found in stand.values() for verdict in found]
    if due:
        verdicts += validate(settings.warehouse, due, settings.memory_limit)
    if delivered:
        keep(settings.warehouse, boundary, context.run.run_id, verdicts, known_by)
        page.write(settings)
    for verdict in verdicts:
        if verdict.message:
            say = context.log.error if verdict.blocks else context.log.warning
            say(_in_words(verdict))
    if delivered:
        failed = sum(verdict.blocks for verdict in verdicts)
        as_before = f" ({len(stand)} as they were)" if stand else ""
        context.log.info(
            f"{len(verdicts)} {boundary} checks on {len(delivered)} tables{as_before},"
            f" {failed} stop the line"
        )
    for gate in gates:
        found = [verdict for verdict in verdicts if verdict.gate is gate]
        blocking = [_in_words(verdict) for verdict in found if verdict.blocks]
        yield dg.AssetCheckResult(
            asset_key=[gate.schema, gate.table],
            check_name=boundary,
            passed=not blocking,
            description="\n".join(blocking) or ("passed" if found else "nothing was delivered"),
            metadata={
                "checks": len(found),
                "warnings": [_in_words(v) for v in found if v.message and not v.blocks],
            },
        )


def _delivered(settings: Any, gates: list[Gate]) -> list[Gate]:
    """The gates of extracts of which at least one file came, refused or not."""
    import duckdb

    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        came = connection.execute(
            "select distinct source_system, entity from landing.deliveries"
        ).fetchall()
    return [gate for gate in gates if (gate.source_system, gate.table) in came]


def _in_words(verdict: Verdict) -> str:
    return f"{verdict.message}. What to do: {verdict.way_out}"
