"""The raw assets: what landing took in, one asset per extract, one step per source system.

Belongs here: the Dagster side of landing. Does not belong here: how a file is read, judged and
kept (`assets/landing`), and what a system delivers (`assets/systems`).
"""

from collections.abc import Iterator

import dagster as dg

from assets.landing.land import land, prepare, unclaimed
from assets.retries import retry_transient
from assets.settings import Settings
from assets.systems import System, all_systems
from assets.tables import described_tables

RUN_SETTINGS = dg.AssetKey(["landing", "run_settings"])
OWNERS = ["team:analytics-engineering"]


@dg.asset(
    key=RUN_SETTINGS,
    group_name="landing",
    owners=OWNERS,
    kinds={"duckdb"},
    description="What the run was told: as_of, business zone, base currency, fiscal year.",
)
def run_settings(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult:
    context.log.info(f"as of {settings.as_of}, business zone {settings.timezone}")
    with retry_transient(context):
        prepare(settings)
        described = described_tables(settings.warehouse)
    strays = unclaimed(settings)
    for stray in strays:
        context.log.warning(f"landing/{stray}: no system claims this file; it was left alone")
    return dg.MaterializeResult(
        metadata={
            **described[("landing", "run_settings")],
            "as_of": str(settings.as_of),
            "business_timezone": settings.timezone,
            "unclaimed_files": strays,
        }
    )


def raw_assets(system: System) -> dg.AssetsDefinition:
    """The raw assets of one system: keys [raw_<system>, <entity>], made in one step."""

    @dg.multi_asset(
        name=f"land_{system.name}",
        specs=[
            dg.AssetSpec(
                [f"raw_{system.name}", entity.name],
                deps=[RUN_SETTINGS],
                group_name="landing",
                owners=OWNERS,
                kinds={"duckdb"},
                description=f"{system.name}: {entity.name} as it came, all deliveries.",
                metadata={
                    "dagster/column_schema": dg.TableSchema(
                        [dg.TableColumn(column.name, "varchar") for column in entity.columns]
                    )
                },
            )
            for entity in system.entities
        ],
    )
    def land_system(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult]:
        with retry_transient(context):
            landed = land(system, settings)
            described = described_tables(settings.warehouse)
        taken = [entity for entity in landed if entity.files]
        if taken:
            rows, kept = sum(e.rows_in for e in taken), sum(e.rows_loaded for e in taken)
            context.log.info(
                f"{system.name}: {sum(len(e.files) for e in taken)} new files, {rows:,} rows in, "
                f"{kept:,} loaded, {rows - kept:,} quarantined"
            )
        for entity in landed:
            for why in entity.refused.values():
                context.log.error(f"refused: {why}")
            for why in entity.set_aside.values():
                context.log.warning(why)
            if entity.extra_columns:
                context.log.warning(
                    f"{system.name} {entity.entity}: kept columns nobody asked for: "
                    + ", ".join(entity.extra_columns)
                )
            yield dg.MaterializeResult(
                asset_key=[f"raw_{system.name}", entity.entity],
                metadata={
                    **described.get((f"raw_{system.name}", entity.entity), {}),
                    "rows_in": entity.rows_in,
                    "rows_loaded": entity.rows_loaded,
                    "rows_quarantined": entity.rows_quarantined,
                    "files": entity.files,
                    "refused": entity.refused,
                },
            )

    return land_system


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(
        assets=[run_settings, *(raw_assets(system) for system in all_systems().values())]
    )
