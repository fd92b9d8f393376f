"""dbt's own unit tests: the worked numbers and traps that stand beside the models."""

import json
import shutil
import subprocess

from assets.dbt import (
    PARTIAL_PARSE,
    PROJECT_DIR,
    dbt_command,
    prepared_manifest,
    project,
    staged_entities,
)
from assets.landing.land import prepare
from assets.settings import Settings
from tests.line import Line


def test_every_unit_test_of_the_models(settings: Settings) -> None:
    """On an empty warehouse: dbt reads column types from what is built there."""
    prepare(settings)
    target = settings.warehouse.parent / "dbt"
    target.mkdir(parents=True)
    parsed = prepared_manifest().with_name(PARTIAL_PARSE)
    shutil.copyfile(parsed, target / parsed.name)
    # a unit test comes before its model, and after all that the model reads
    build = dbt_command("build", "--quiet", "--exclude-resource-type", "test")
    ended = subprocess.run(
        [*build, "--target-path", str(target), "--log-path", str(target)],
        cwd=settings.warehouse.parent,
        env=Line(settings.home).environment(FUNNELWORKS_WAREHOUSE=settings.warehouse.name),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-6000:]
    results = json.loads((target / "run_results.json").read_text())["results"]
    assert sum(result["unique_id"].startswith("unit_test.") for result in results) > 50


def test_the_project_names_the_systems_it_ships() -> None:
    """dbt by hand must union what the line unions."""
    import yaml

    written = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
    assert {
        entity: sorted(systems) for entity, systems in written["vars"]["staged_entities"].items()
    } == staged_entities()


def test_every_mart_has_texts_for_the_catalogue() -> None:
    nodes = json.loads(project.manifest_path.read_text())["nodes"].values()
    silent = [
        f"{node['name']}.{column['name']}"
        for node in nodes
        if node["resource_type"] == "model" and node["schema"] == "marts"
        for column in node["columns"].values()
        if not column["description"]
    ]
    assert silent == []
