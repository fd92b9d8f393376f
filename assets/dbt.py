"""The one `@dbt_assets`: every seed, model and test of `dbt_project`, built in one call of dbt.

Belongs here: how dbt is called and how its models appear in Dagster. Does not belong here: SQL.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtProject,
    dbt_assets,
)

from assets.retries import retry_transient
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


def dbt_command(*arguments: str) -> list[str]:
    """A command line of dbt for this project, told which systems there are."""
    systems = json.dumps({"staged_entities": staged_entities()})
    folders = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
    return [DBT, *arguments, *folders, "--vars", systems]


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
            dbt_command("parse", "--quiet"), capture_output=True, text=True, check=False
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
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult]:
    context.log.info("building seeds, staging, intermediate models and marts")
    nodes = {
        node["unique_id"]: SchemaAndTable().get_asset_key(node)
        for node in json.loads(prepared_manifest().read_text())["nodes"].values()
        if node["resource_type"] in ("model", "seed")
    }
    wanted = ["fqn:*"]
    if context.is_subset:
        chosen = context.selected_asset_keys
        wanted = [node.split(".")[-1] for node, key in nodes.items() if key in chosen]
    with retry_transient(context):
        seconds = build(settings, wanted, context.log.info)
    described = _described_tables(settings.warehouse)
    for node, took in seconds.items():
        if node in nodes:
            key = nodes[node]
            metadata = {"seconds": round(took, 3), **described.get(tuple(key.path), {})}
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)


def build(
    settings: Settings, select: list[str], say: Callable[[str], None] = lambda line: None
) -> dict[str, float]:
    """Builds the selected models with the tests on them; unit tests are not for production.

    In a process of its own, which gives the warehouse free when it ends; its environment names the
    warehouse (`orchestration/resources.py`). Returns the seconds of each node by its unique id.

    Raises:
        dagster.Failure: a model or a test failed; the description says which and why.
    """
    target = settings.warehouse.parent / "dbt"
    target.mkdir(parents=True, exist_ok=True)
    parsed = project.manifest_path.with_name("partial_parse.msgpack")
    if parsed.exists():
        shutil.copyfile(parsed, target / parsed.name)
    command = dbt_command("build", "--exclude-resource-type", "unit_test", "--log-format", "json")
    written = ["--target-path", str(target), "--log-path", str(target), "--select", *select]
    errors, done = [], 0
    with subprocess.Popen(
        [*command, *written],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    ) as process:
        for line in process.stdout or ():
            event = json.loads(line)["info"] if line.startswith("{") else {"msg": line.strip()}
            if event.get("level", "error") == "error":
                errors.append(event["msg"].strip())
            if event.get("name") in ("LogModelResult", "LogSeedResult"):
                done += 1
                if done % 50 == 0:
                    say(f"built {done} seeds and models")
    if process.returncode:
        words = "\n".join(filter(None, errors))
        raise dg.Failure(
            f"dbt could not build the marts; nothing was published.\n{words}", allow_retries=False
        )
    say(f"built {done} seeds and models, all of them")
    results = json.loads((target / "run_results.json").read_text())["results"]
    return {result["unique_id"]: result["execution_time"] for result in results}


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
