"""The one `@dbt_assets`: every seed, model and test of `dbt_project`, built in one call of dbt.

Belongs here: how dbt is called and how its models appear in Dagster. Does not belong here: SQL.
"""

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)

from assets.settings import Settings

PROJECT_DIR = Path(__file__).resolve().parent.parent / "dbt_project"
#: dbt of this environment, whether or not it is activated
DBT = str(Path(sys.executable).with_name("dbt"))
project = DbtProject(project_dir=PROJECT_DIR, profiles_dir=PROJECT_DIR)


def staged_entities() -> dict[str, list[str]]:
    """Which systems stage which canonical entity, read off the staging folders' file names.

    Returns {entity: [system, …]}, both sorted: a new system is a folder, nothing else.
    """
    found: dict[str, list[str]] = {}
    for model in sorted((PROJECT_DIR / "models" / "staging").glob("*/stg_*__*.sql")):
        system, _, entity = model.stem.removeprefix("stg_").partition("__")
        found.setdefault(entity, []).append(system)
    return dict(sorted(found.items()))


def dbt_vars() -> list[str]:
    """The arguments that tell dbt which systems there are."""
    return ["--vars", json.dumps({"staged_entities": staged_entities()})]


def prepared_manifest() -> Path:
    """The manifest, parsed anew only when a file of the project is younger than it.

    Raises:
        RuntimeError: dbt cannot parse the project; the message is dbt's.
    """
    manifest = project.manifest_path
    sources = (
        path
        for folder in ("models", "seeds", "macros", "tests", "snapshots")
        for path in (PROJECT_DIR / folder).rglob("*")
    )
    made = manifest.stat().st_mtime if manifest.exists() else 0.0
    configuration = (PROJECT_DIR / "dbt_project.yml", PROJECT_DIR / "profiles.yml")
    if any(path.stat().st_mtime > made for path in (*configuration, *sources)):
        parsed = subprocess.run(
            [DBT, "--quiet", "parse", *dbt_vars(), "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)],
            capture_output=True,
            text=True,
            check=False,
        )
        if parsed.returncode:
            raise RuntimeError(f"dbt cannot parse {PROJECT_DIR}:\n{parsed.stdout}{parsed.stderr}")
    return manifest


class SchemaAndTable(DagsterDbtTranslator):
    """Asset key = schema and table; group = the layer, for marts their area.

    dbt's tests are no asset checks of their own: one that fails fails the build.
    """

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=False))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey([dbt_resource_props["source_name"], dbt_resource_props["name"]])
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        layer = dbt_resource_props["schema"]
        return dbt_resource_props["fqn"][2] if layer == "marts" else layer

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        return ["team:analytics-engineering"]


@dbt_assets(
    manifest=prepared_manifest(),
    project=project,
    dagster_dbt_translator=SchemaAndTable(),
    name="dbt_models",
    pool="duckdb_writer",
)
def dbt_models(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, settings: dg.ResourceParam[Settings]
) -> Iterator[Any]:
    context.log.info("building seeds, staging, intermediate models and marts")
    build = dbt.cli(
        ["build", "--exclude-resource-type", "unit_test", *dbt_vars()], context=context
    )
    try:
        # dagster-dbt prints every line of dbt; the run's own words are enough
        with contextlib.redirect_stdout(io.StringIO()):
            events = list(_followed(context, build.stream()))
    except dg.Failure as failure:
        raise dg.Failure(
            "dbt could not build the marts; nothing was published.\n" + "\n".join(_errors(build)),
            allow_retries=False,
        ) from failure
    tables = _described_tables(settings.warehouse)
    for event in events:
        if isinstance(event, dg.Output):
            key = context.asset_key_for_output(event.output_name)
            event = dg.Output(
                event.value,
                output_name=event.output_name,
                metadata={**event.metadata, **tables.get(tuple(key.path), {})},
            )
        yield event


def _followed(context: dg.AssetExecutionContext, events: Iterator[Any]) -> Iterator[Any]:
    """The events as they come, with a word on every fiftieth model."""
    built = 0
    for event in events:
        if isinstance(event, dg.Output):
            built += 1
            if built % 50 == 0:
                context.log.info(f"built {built} seeds and models")
        yield event
    context.log.info(f"built {built} seeds and models, all of them")


def _errors(build: Any) -> list[str]:
    results = build.get_artifact("run_results.json")["results"]
    return [
        f"{result['unique_id'].split('.', 2)[2]}: {result['message']}"
        for result in results
        if result["status"] in ("error", "fail")
    ]


def _described_tables(warehouse: Path) -> dict[tuple[str, ...], dict[str, Any]]:
    """Row count and columns of every table of the warehouse: asked once, for all assets."""
    import duckdb

    with duckdb.connect(str(warehouse), read_only=True) as connection:
        columns = connection.execute(
            "select table_schema, table_name, list(column_name order by ordinal_position),"
            " list(data_type order by ordinal_position) from information_schema.columns"
            " where table_schema not like 'raw_%' group by 1, 2"
        ).fetchall()
        counts = connection.execute(
            "select schema_name, table_name, estimated_size from duckdb_tables()"
        ).fetchall()
    described: dict[tuple[str, ...], dict[str, Any]] = {
        (schema, table): {
            "dagster/column_schema": dg.TableSchema(
                [dg.TableColumn(name, type_) for name, type_ in zip(names, types, strict=True)]
            )
        }
        for schema, table, names, types in columns
    }
    for schema, table, rows in counts:
        described.setdefault((schema, table), {})["dagster/row_count"] = rows
    return described
