"""Audited marts → `published/`, in one atomic step, and back again.

Belongs here: the published file, its Parquet twins and the manifest, and the way back to an
earlier version. Does not belong here: deciding whether marts may be published (the blocking
checks do, by standing between the marts and this asset).

What readers see is `marts.duckdb`: it is built beside its place and moved over it, which a file
system does in one step, so that a reader holds the old file or the new one and never a half.
"""

import contextlib
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
from assets.landing.people import last_forgotten_at
from assets.reports import shelf
from assets.retries import retry_transient
from assets.settings import DamagedError, Settings

CONTRACT_VERSION = "1.0"
#: how a moment becomes a version, so that versions sort by age
VERSION = "%Y%m%dT%H%M%S%fZ"
#: the oldest DuckDB that must be able to open the published file
STORAGE_VERSION = "v1.2.0"


@dataclass(frozen=True)
class Mart:
    """A published table: where it is read from, its grain (the order it is written in), texts."""

    name: str
    source: str
    grain: tuple[str, ...]
    description: str
    columns: tuple[tuple[str, str], ...]


@functools.cache  # the manifest is megabytes, and definitions ask for the marts several times
def public_marts() -> tuple[Mart, ...]:
    """The marts: every dbt model with `access: public`, by name.

    Raises:
        KeyError: a public model whose YAML states no `meta.grain`.
    """
    nodes = json.loads(prepared_manifest().read_text())["nodes"].values()
    return tuple(
        Mart(
            name=node["alias"],
            source=f'"{node["schema"]}"."{node["alias"]}"',
            grain=tuple(node["config"]["meta"]["grain"]),
            description=_farewell(node) + node["description"],
            columns=tuple((c["name"], c["description"]) for c in node["columns"].values()),
        )
        for node in sorted(nodes, key=lambda node: node["alias"])
        if node["resource_type"] == "model" and node["config"].get("access") == "public"
    )


def _farewell(node: dict[str, Any]) -> str:
    """For a version of a mart that will go: until when it is there, and what takes its place."""
    if not node.get("deprecation_date"):
        return ""
    until = node["deprecation_date"][:10]
    return f"DEPRECATED, published until {until}; read {node['name']} instead. "


#: what the line says of itself: not dbt models, since they are written by the run around them
RECORDS = (
    Mart(
        "data_quality_checks",
        "quality.check_results",
        ("checked_at", "asset", "check_name"),
        "One row per check and run: what was checked, the outcome, and what to do. "
        "is_passed NULL = it could not be carried out. carried_out_at lies before the run where "
        "neither the table nor its rules had changed since.",
        (),
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
        (),
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
    version = now.strftime(VERSION)
    building = published / f".building-{version}"
    parquet = building / "parquet"
    parquet.mkdir(parents=True)
    marts: dict[str, dict[str, Any]] = {}
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"set memory_limit = '{settings.memory_limit}'")
        connection.execute(f"set temp_directory = '{_quoted(building / 'spill')}'")
        connection.execute(f"attach '{_quoted(settings.warehouse)}' as warehouse (read_only)")
        contents = {mart: _content(connection, mart) for mart in (*public_marts(), *RECORDS)}
        unchanged = _unchanged(settings, contents)
        carried_over = _carry_over(settings, unchanged, building / "marts.duckdb")
        connection.execute(
            f"attach '{_quoted(building / 'marts.duckdb')}' as built"
            f" (storage_version '{STORAGE_VERSION}')"
        )
        connection.execute("create schema if not exists built.marts")
        _drop_all_but(connection, carried_over)
        for mart, content in contents.items():
            if mart.name not in carried_over:
                connection.execute(
                    f"create table built.marts.{mart.name} as"
                    f" select * from warehouse.{mart.source} order by {', '.join(mart.grain)}"
                )
                _comment(connection, mart)
            if mart.name in unchanged:
                entry, file = unchanged[mart.name]
                _link(file, parquet / file.name)
                marts[mart.name] = entry
            else:
                marts[mart.name] = _write_parquet(connection, mart.name, parquet)
                marts[mart.name]["content"] = content
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
    _remove(settings, versions(settings)[: -settings.keep_publishes])
    _remove(settings, outdated(settings))
    shelf.withdraw(settings)
    whole = versions(settings)
    for folder in (published / "parquet").iterdir():
        if folder.name not in whole:  # a publish was cut off between its two moves
            shutil.rmtree(folder)
    return manifest


def versions(settings: Settings) -> list[str]:
    """The versions that can be put in place, oldest first."""
    return sorted(path.stem for path in (settings.published / "versions").glob("*.duckdb"))


def current(settings: Settings) -> dict[str, Any] | None:
    """The manifest of what is published, or None.

    Raises:
        DamagedError: it cannot be read.
    """
    manifest = settings.published / "manifest.json"
    return _read_manifest(manifest) if manifest.exists() else None


def _read_manifest(manifest: Path) -> dict[str, Any]:
    try:
        return json.loads(manifest.read_text())
    except ValueError as error:
        raise DamagedError(
            f"{manifest} cannot be read ({error}); the next run puts it right"
        ) from error


def outdated(settings: Settings) -> list[str]:
    """The versions from before somebody was forgotten, which may name them."""
    since = last_forgotten_at(settings)
    if since is None:
        return []
    found = {*versions(settings), _version(settings.published / "marts.duckdb") or ""}
    return sorted(version for version in found if "" < version < since.strftime(VERSION))


def withdraw(settings: Settings) -> list[str]:
    """Takes outdated versions away, also the published one: rather no marts than those; and the
    reports that were built from them.

    Returns them. Publishing removes them by itself; this is for when it does not come to that.
    """
    old = outdated(settings)
    if _version(settings.published / "marts.duckdb") in old:
        for place in ("manifest.json", "marts.duckdb"):
            (settings.published / place).unlink(missing_ok=True)
    for leftover in settings.published.glob(".*") if old else ():
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    _remove(settings, old)
    shelf.withdraw(settings)
    return old


def settle(settings: Settings) -> None:
    """Puts a published file and a manifest that do not belong together right.

    They part where a publish was cut off between the two, or where the manifest was damaged.
    """
    place = settings.published / "marts.duckdb"
    version = _version(place) if place.exists() else None
    try:
        manifest = current(settings)
        if manifest and manifest["version"] == version:
            return
    except DamagedError:
        (settings.published / "manifest.json").unlink()
    if version in versions(settings):
        with contextlib.suppress(DamagedError):  # without it the next publish begins anew
            _read_manifest(settings.published / "parquet" / version / "manifest.json")
            _put_in_place(settings.published, version)


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


def _remove(settings: Settings, old: list[str]) -> None:
    for version in old:
        (settings.published / "versions" / f"{version}.duckdb").unlink(missing_ok=True)
        shutil.rmtree(settings.published / "parquet" / version, ignore_errors=True)


def _version(published: Path) -> str | None:
    """The version that a published file says it is; None where it cannot be read."""
    import duckdb

    try:
        with duckdb.connect() as connection:
            connection.execute(f"attach '{_quoted(published)}' as published (read_only)")
            connection.execute("use published.marts")
            found = connection.execute("select version from publish_info").fetchone()
    except duckdb.Error:
        return None
    return found[0] if found else None


def _put_in_place(published: Path, version: str) -> None:
    """Moves a version over what readers open: the database first, the manifest last."""
    for source, place, bring in (
        (published / "versions" / f"{version}.duckdb", published / "marts.duckdb", _link),
        # a copy: damage to the one leaves the other
        (published / "parquet" / version / "manifest.json", published / "manifest.json", _copy),
    ):
        twin = place.with_name(f".{place.name}.new")
        twin.unlink(missing_ok=True)
        bring(source, twin)
        os.replace(twin, place)
        twin.unlink(missing_ok=True)  # left where both are one file already
        _fsync(published)


def _content(connection: Any, mart: Mart) -> str:
    """What a mart holds and says of itself, whatever the order of its rows."""
    import duckdb

    columns = connection.execute(f"describe warehouse.{mart.source}").fetchall()
    names = ", ".join(f'"{column[0]}"' for column in columns)
    rows = connection.execute(
        f"select count(*), bit_xor(hash({names})) from warehouse.{mart.source}"
    ).fetchone()
    said = (duckdb.__version__, STORAGE_VERSION, mart, columns, rows)
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _unchanged(
    settings: Settings, contents: dict[Mart, str]
) -> dict[str, tuple[dict[str, Any], Path]]:
    """The marts that are published as they are now: their entry in the manifest, their Parquet."""
    last = current(settings)
    found = {}
    for mart, content in contents.items():
        entry = last["marts"].get(mart.name) if last else None
        if last and entry and entry.get("content") == content:
            file = settings.published / last["parquet"] / f"{mart.name}.parquet"
            if file.exists() and _checksum(file) == entry["sha256"]:
                found[mart.name] = (entry, file)
    return found


def _carry_over(
    settings: Settings, unchanged: dict[str, tuple[dict[str, Any], Path]], database: Path
) -> set[str]:
    """Begins the new file with a copy of the published one where most of that stays.

    Returns the marts that need not be written into it.
    """
    last = current(settings)
    # what is dropped from a copy may still lie in its free blocks
    if last is None or last["version"] in outdated(settings):
        return set()
    staying = sum(entry["rows"] for entry, _ in unchanged.values())
    published = settings.published / "versions" / f"{last['version']}.duckdb"
    if 2 * staying < sum(mart["rows"] for mart in last["marts"].values()):
        return set()
    if _version(published) != last["version"]:  # gone, or damaged
        return set()
    shutil.copyfile(published, database)
    return set(unchanged)


def _drop_all_but(connection: Any, kept: set[str]) -> None:
    tables = connection.execute(
        "select table_name from duckdb_tables() where database_name = 'built'"
    ).fetchall()
    for (table,) in tables:
        if table not in kept:
            connection.execute(f'drop table built.marts."{table}"')
    connection.execute("checkpoint built")  # what comes takes the room of what went


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
    _fsync(target)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    _fsync(target)


def _checksum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write_parquet(connection: Any, name: str, folder: Path) -> dict[str, Any]:
    file = folder / f"{name}.parquet"
    (rows,) = connection.execute(
        f"copy built.marts.{name} to '{_quoted(file)}' (format parquet, compression zstd)"
    ).fetchone()
    _fsync(file)
    return {"rows": rows, "sha256": _checksum(file)}


def _comment(connection: Any, mart: Mart) -> None:
    texts = [("table", mart.name, mart.description)]
    texts += [("column", f'{mart.name}."{name}"', text) for name, text in mart.columns]
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
            "rows_by_table": dg.MetadataValue.table(
                [
                    dg.TableRecord({"table": name, "rows": mart["rows"]})
                    for name, mart in sorted(manifest["marts"].items())
                ],
                dg.TableSchema([dg.TableColumn("table"), dg.TableColumn("rows", "int")]),
            ),
        }
    )
