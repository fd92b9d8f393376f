"""Audited marts → `published/`, in one atomic step, and back again.

Belongs here: the published file, its Parquet twins and the manifest, and the way back to an
earlier version. Does not belong here: deciding whether marts may be published (the blocking
checks do, by standing between the marts and this asset).

What readers see is `marts.duckdb`: it is built beside its place and moved over it, which a file
system does in one step, so that a reader holds the old file or the new one and never a half.
"""

import functools
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from assets.dbt import prepared_manifest
from assets.retries import retry_transient
from assets.settings import Settings

CONTRACT_VERSION = "1.0"
VERSIONS_KEPT = 5
#: the oldest DuckDB that must be able to open the published file
STORAGE_VERSION = "v1.2.0"


@dataclass(frozen=True)
class Mart:
    """A published table: where it is read from, its grain (the order it is written in), texts."""

    name: str
    source: str
    grain: tuple[str, ...]
    description: str
    columns: dict[str, str]


@functools.cache  # the manifest is megabytes, and definitions ask for the marts several times
def public_marts() -> tuple[Mart, ...]:
    """The marts: every dbt model with `access: public`, by name.

    Raises:
        KeyError: a public model whose YAML states no `meta.grain`.
    """
    nodes = json.loads(prepared_manifest().read_text())["nodes"].values()
    return tuple(
        Mart(
            name=node["name"],
            source=f'"{node["schema"]}"."{node["name"]}"',
            grain=tuple(node["config"]["meta"]["grain"]),
            description=node["description"],
            columns={c["name"]: c["description"] for c in node["columns"].values()},
        )
        for node in sorted(nodes, key=lambda node: node["name"])
        if node["resource_type"] == "model" and node["config"].get("access") == "public"
    )


#: what the line says of itself: not dbt models, since they are written by the run around them
RECORDS = (
    Mart(
        "data_quality_checks",
        "quality.check_results",
        ("checked_at", "asset", "check_name"),
        "One row per check and run: what was checked, the outcome, and what to do. "
        "is_passed NULL = it could not be carried out.",
        {},
    ),
    Mart(
        "quarantined_rows",
        "quality.quarantined_rows",
        (
            *("source_system", "entity", "file", "row_number", "reason"),
            *("check_name", "raw_text"),  # rows of marts have no file to tell them apart
        ),
        "One row per row of an extract that was set aside or failed a check, with the reason, "
        "where it lies and its text as it came.",
        {},
    ),
)


def publish(settings: Settings, run_id: str) -> dict[str, Any]:
    """Publishes the warehouse's marts; returns the manifest.

    Interrupted at any moment, it leaves the version that was there; what it had begun is cleared
    by the next publish.

    Raises:
        duckdb.Error: a mart cannot be read or written; nothing has changed for readers.
        OSError: the disk is full or read-only; nothing has changed for readers.
    """
    import duckdb

    published = settings.published
    for leftover in published.glob(".building-*"):
        shutil.rmtree(leftover)
    now = datetime.now(UTC)
    version = now.strftime("%Y%m%dT%H%M%S%fZ")
    building = published / f".building-{version}"
    parquet = building / "parquet"
    parquet.mkdir(parents=True)
    marts: dict[str, dict[str, Any]] = {}
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"set temp_directory = '{_quoted(building / 'spill')}'")
        connection.execute(f"attach '{_quoted(settings.warehouse)}' as warehouse (read_only)")
        connection.execute(
            f"attach '{_quoted(building / 'marts.duckdb')}' as built"
            f" (storage_version '{STORAGE_VERSION}')"
        )
        connection.execute("create schema built.marts")
        for mart in (*public_marts(), *RECORDS):
            connection.execute(
                f"create table built.marts.{mart.name} as select * from warehouse.{mart.source}"
                f" order by {', '.join(mart.grain)}"
            )
            _comment(connection, mart)
            marts[mart.name] = _write_parquet(connection, mart.name, parquet)
        connection.execute(
            "create table built.marts.publish_info as select $1::varchar as version,"
            " $2::varchar as contract_version, $3::varchar as run_id, as_of_date, as_of_at,"
            " business_timezone, base_currency, fiscal_year_start_month,"
            " $4::timestamp as published_at from warehouse.landing.run_settings",
            [version, CONTRACT_VERSION, run_id, now.replace(tzinfo=None)],
        )
        marts["publish_info"] = _write_parquet(connection, "publish_info", parquet)
        connection.execute("detach built")
    _fsync(building / "marts.duckdb")
    manifest = {
        "contract_version": CONTRACT_VERSION,
        "version": version,
        "run_id": run_id,
        "as_of": settings.as_of.isoformat(),
        "published_at": now.isoformat(),
        "duckdb": "marts.duckdb",
        "parquet": f"parquet/{version}",
        "marts": marts,
    }
    (parquet / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    (published / "parquet").mkdir(exist_ok=True)
    (published / "versions").mkdir(exist_ok=True)
    os.replace(parquet, published / "parquet" / version)
    os.replace(building / "marts.duckdb", published / "versions" / f"{version}.duckdb")
    _put_in_place(published, version)
    shutil.rmtree(building)
    for old in versions(settings)[:-VERSIONS_KEPT]:
        (published / "versions" / f"{old}.duckdb").unlink()
        shutil.rmtree(published / "parquet" / old, ignore_errors=True)
    return manifest


def versions(settings: Settings) -> list[str]:
    """The versions that can be put in place, oldest first."""
    return sorted(path.stem for path in (settings.published / "versions").glob("*.duckdb"))


def current(settings: Settings) -> dict[str, Any] | None:
    """The manifest of what is published, or None."""
    manifest = settings.published / "manifest.json"
    return json.loads(manifest.read_text()) if manifest.exists() else None


def rollback(settings: Settings) -> str:
    """Puts the version before the published one in place; returns it.

    Raises:
        LookupError: there is no earlier version.
    """
    manifest = current(settings)
    earlier = [v for v in versions(settings) if manifest and v < manifest["version"]]
    if not earlier:
        raise LookupError("there is no earlier publish to go back to")
    _put_in_place(settings.published, earlier[-1])
    return earlier[-1]


def _put_in_place(published: Path, version: str) -> None:
    """Moves a version over what readers open: the database first, the manifest last."""
    for source, place in (
        (published / "versions" / f"{version}.duckdb", published / "marts.duckdb"),
        (published / "parquet" / version / "manifest.json", published / "manifest.json"),
    ):
        twin = place.with_name(f".{place.name}.new")
        twin.unlink(missing_ok=True)
        try:
            os.link(source, twin)
        except OSError:  # a file system without hard links
            shutil.copyfile(source, twin)
        _fsync(twin)
        os.replace(twin, place)
        _fsync(published)


def _write_parquet(connection: Any, name: str, folder: Path) -> dict[str, Any]:
    file = folder / f"{name}.parquet"
    (rows,) = connection.execute(
        f"copy built.marts.{name} to '{_quoted(file)}' (format parquet, compression zstd)"
    ).fetchone()
    _fsync(file)
    with file.open("rb") as stream:
        checksum = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"rows": rows, "sha256": checksum}


def _comment(connection: Any, mart: Mart) -> None:
    texts = [("table", mart.name, mart.description)]
    texts += [("column", f'{mart.name}."{name}"', text) for name, text in mart.columns.items()]
    for kind, name, text in texts:
        if text:
            quoted = " ".join(text.split()).replace("'", "''")
            connection.execute(f"comment on {kind} built.marts.{name} is '{quoted}'")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dg.asset(
    key=["published", "marts"],
    deps=[dg.AssetKey(["marts", mart.name]) for mart in public_marts()],
    group_name="published",
    owners=["team:analytics-engineering"],
    kinds={"duckdb", "parquet"},
    pool="duckdb_writer",
    description="What BI tools read: marts.duckdb, Parquet, manifest; replaced in one step.",
)
def published_marts(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult:
    with retry_transient(context):
        manifest = publish(settings, context.run.run_id)
    rows = sum(mart["rows"] for mart in manifest["marts"].values())
    context.log.info(f"published {len(manifest['marts'])} tables, {rows:,} rows")
    return dg.MaterializeResult(
        metadata={
            "version": manifest["version"],
            "dagster/row_count": rows,
            "tables": len(manifest["marts"]),
        }
    )
