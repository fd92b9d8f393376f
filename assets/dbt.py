"""The one `@dbt_assets`: every seed, model and test of `dbt_project`, built in one call of dbt.

Belongs here: how dbt is called and how its models appear in Dagster. Does not belong here: SQL.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtProject,
    dbt_assets,
)

from assets import builds
from assets.retries import retry_transient
from assets.settings import Settings
from assets.tables import (
    Lineage,
    TableName,
    described_tables,
    lineage_metadata,
    read_lineage,
)

PROJECT_DIR = Path(__file__).resolve().parent.parent / "dbt_project"
#: dbt of this environment, whether or not it is activated
DBT = [str(Path(sys.executable).with_name("dbt"))]
#: the same, but it works in the folder named first, and ends when its standard input does
DBT_CHILD = [sys.executable, "-m", "assets.dbt_child"]
PARTIAL_PARSE = "partial_parse.msgpack"
#: the metrics of `models/semantic_layer`, as MetricFlow reads them
SEMANTIC_MANIFEST = "semantic_manifest.json"
#: the tag of a run that trains every score anew
RETRAINING = "funnelworks/retraining"
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


def dbt_command(*arguments: str, dbt: list[str] = DBT) -> list[str]:
    """A command line of dbt for this project, told which systems there are."""
    systems = json.dumps({"staged_entities": staged_entities()})
    folders = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
    return [*dbt, *arguments, *folders, "--vars", systems]


def prepared_manifest() -> Path:
    """The manifest, parsed anew only when a file of the project is younger than it.

    It is parsed elsewhere and moved into place: one cut off in the middle would look like new.

    Raises:
        RuntimeError: dbt cannot parse the project; the message is dbt's.
    """
    manifest = project.manifest_path
    made = manifest.stat().st_mtime if manifest.exists() else 0.0
    # a folder is younger, too, when a file was taken out of it
    folders = (path.parent for path in builds.project_files())
    if any(path.stat().st_mtime > made for path in (*builds.project_files(), *folders)):
        manifest.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=manifest.parent) as elsewhere:
            if manifest.with_name(PARTIAL_PARSE).exists():
                shutil.copy(manifest.with_name(PARTIAL_PARSE), elsewhere)
            parsed = subprocess.run(
                dbt_command("parse", "--quiet", "--target-path", elsewhere),
                capture_output=True,
                text=True,
                check=False,
            )
            if parsed.returncode:
                words = f"{parsed.stdout}{parsed.stderr}"
                raise RuntimeError(f"dbt cannot parse {PROJECT_DIR}:\n{words}")
            for name in (PARTIAL_PARSE, SEMANTIC_MANIFEST, manifest.name):
                os.replace(Path(elsewhere, name), manifest.with_name(name))
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
        # of a model with versions the newest bears its name, an older one its own
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["alias"]])

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
)
def dbt_models(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult]:
    manifest = json.loads(prepared_manifest().read_text())["nodes"]
    parents = {name: node["depends_on"].get("nodes", []) for name, node in manifest.items()}
    nodes = {  # Dagster wants parents told before their children
        name: SchemaAndTable().get_asset_key(manifest[name])
        for name in TopologicalSorter(parents).static_order()
        if name in manifest and manifest[name]["resource_type"] in ("model", "seed")
    }
    chosen = context.selected_asset_keys
    if RETRAINING in context.run.tags:
        from assets.scoring.champions import ask_for_training

        ask_for_training(settings.home, settings.as_of)
    with retry_transient(context):
        if context.is_subset:
            names = [node.split(".", 2)[-1] for node, key in nodes.items() if key in chosen]
            seconds = build(settings, names, context.log.info)
        else:
            seconds = build_due(settings, context.log.info)
    tables = {node: (key.path[0], key.path[1]) for node, key in nodes.items()}
    described = described_tables(
        settings.warehouse,
        {
            table: {name: told["description"] for name, told in manifest[node]["columns"].items()}
            for node, table in tables.items()
        },
    )
    lineage = _lineage(settings, manifest, tables, described)
    for node, key in nodes.items():
        if key in chosen:
            # without seconds: it stood as it should, and was not built again
            took = {"seconds": round(seconds[node], 3)} if node in seconds else {}
            told = described.get(tables[node], {})
            from_where = lineage_metadata(lineage.get(tables[node], {}))
            yield dg.MaterializeResult(asset_key=key, metadata={**took, **told, **from_where})


def _lineage(
    settings: Settings,
    manifest: Mapping[str, Any],
    tables: Mapping[str, TableName],
    described: Mapping[TableName, Mapping[str, Any]],
) -> dict[TableName, Lineage]:
    """Where the columns of every SQL model come from, by what dbt compiled it to."""
    written = settings.warehouse.parent / "dbt"
    sql, parents = {}, {}
    for node, table in tables.items():
        path = written / "compiled" / project.name / "models" / manifest[node]["path"]
        if manifest[node].get("language") == "sql" and path.exists():
            sql[table] = path.read_text(encoding="utf-8")
            above = (
                # a source names its schema and its table itself
                tables.get(parent) or (parent.split(".")[-2], parent.split(".")[-1])
                for parent in manifest[node]["depends_on"]["nodes"]
            )
            parents[table] = {
                each: [column.name for column in described[each]["dagster/column_schema"].columns]
                for each in above
                if each in described
            }
    # beside the manifest: the same for every home, as the project is
    return read_lineage(sql, parents, project.manifest_path.with_name("lineage.json"))


def build_due(
    settings: Settings, say: Callable[[str], None] = lambda line: None
) -> dict[str, float]:
    """Builds what new rows, another day or another project ask for; maybe nothing.

    Returns and raises as `build` does.
    """
    wanted = builds.due(settings)
    if not wanted:
        say("nothing new since the last build: every table stands as it should")
        return {}
    with builds.recorded(settings):
        return build(settings, wanted, say)


def build(
    settings: Settings, select: list[str], say: Callable[[str], None] = lambda line: None
) -> dict[str, float]:
    """Builds the selected models with the tests on them; unit tests are not for production.

    In a process of its own, which gives the warehouse free when it ends. It works in the folder of
    the warehouse, so that its environment (`orchestration/resources.py`) is the same for every
    home. Returns the seconds of each node by its unique id.

    Raises:
        dagster.Failure: a model or a test failed; the description says which and why.
    """
    target = settings.warehouse.parent / "dbt"
    target.mkdir(parents=True, exist_ok=True)
    parsed = project.manifest_path.with_name(PARTIAL_PARSE)
    if parsed.exists():
        shutil.copyfile(parsed, target / parsed.name)
    # a log of everything would take a seventh of the build
    logged = ("--log-format", "json", "--log-level-file", "info")
    options = ("--exclude-resource-type", "unit_test", *logged)
    command = dbt_command("build", *options, dbt=[*DBT_CHILD, str(settings.warehouse.parent)])
    written = ["--target-path", str(target), "--log-path", str(target), "--select", *select]
    errors, done = [], 0
    with subprocess.Popen(
        [*command, *written],
        stdin=subprocess.PIPE,  # nothing is written to it: its end tells that this process is gone
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
        process.wait()
    if process.returncode:
        words = "\n".join(filter(None, errors))
        raise dg.Failure(
            f"dbt could not build the marts; nothing was published.\n{words}", allow_retries=False
        )
    say(f"built {done} seeds and models, all of them")
    results = json.loads((target / "run_results.json").read_text())["results"]
    return {result["unique_id"]: result["execution_time"] for result in results}
