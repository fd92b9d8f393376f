"""What the tests of models share: extracts landed, a part of the dbt project built on them."""

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import yaml

from assets.landing.land import land, prepare
from assets.settings import Settings
from assets.systems import all_systems
from tests.landing_helpers import put

PROJECT = Path(__file__).parents[1] / "dbt_project"
#: what every part of the project stands on
GROUND = (
    "dbt_project.yml",
    "profiles.yml",
    "macros",
    "seeds",
    "tests/generic",
    "models/_groups.yml",
    "models/staging/_landing__sources.yml",
    "models/staging/stg_run_settings.sql",
    "models/staging/standard",
    "models/intermediate/canonical",
    "models/intermediate/shared",
    "models/marts/shared",
)


def land_whole(settings: Settings, extracts: Mapping[str, str]) -> None:
    """Lands extracts of `standard` (file → content) of which no row may be set aside."""
    for file, content in extracts.items():
        put(settings, f"standard/{file}", content)
    prepare(settings)
    landed = land(all_systems()["standard"], settings)
    assert not any(each.refused or each.rows_quarantined for each in landed)


def part_of_project(folder: Path, *parts: str) -> Path:
    """A copy with no more than the parts named; the whole takes dbt twice as long to read."""
    for part in (*GROUND, *parts):
        copy = shutil.copytree if (PROJECT / part).is_dir() else shutil.copy
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        copy(PROJECT / part, folder / part)
    return folder


def bare_project(folder: Path, *models: str, stubs: Mapping[str, str]) -> Path:
    """A project of these models alone (paths) and of `stubs`, models by name as SQL; no contracts,
    since the files that hold them name more of the project."""
    for part in ("dbt_project.yml", "profiles.yml", "macros", "models/_groups.yml", *models):
        copy = shutil.copytree if (PROJECT / part).is_dir() else shutil.copy
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        copy(PROJECT / part, folder / part)
    settings = folder / "dbt_project.yml"
    settings.write_text(settings.read_text().replace("enforced: true", "enforced: false"))
    for name, sql in stubs.items():
        (folder / "models" / f"{name}.sql").write_text(sql)
    return folder


def run_dbt(settings: Settings, project: Path, *command: str) -> None:
    """Runs dbt, which must succeed, on the warehouse; systems are those the project stages."""
    systems = defaultdict(list)
    for path in sorted(project.glob("models/staging/*/stg_*__*.sql")):
        systems[path.stem.partition("__")[2]].append(path.parent.name)
    target = settings.home / "dbt"
    ended = subprocess.run(
        [
            Path(sys.executable).with_name("dbt"),
            *("--quiet", "--log-level-file", "info", *command),
            *("--project-dir", project, "--profiles-dir", project),
            *("--target-path", target, "--log-path", target),
            *("--vars", json.dumps({"staged_entities": systems})),
        ],
        env={"FUNNELWORKS_WAREHOUSE": str(settings.warehouse)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def rows_of(marts: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """What a query finds, each row by column name."""
    result = marts.execute(sql)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


class Models:
    """The project's models, each built as dbt would with what stands upstream, in one session.

    A model's table bears its name, in no schema; sources are where landing put them.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, *given: str) -> None:
        self.connection = connection
        self.built = set(given)
        self.paths = {path.stem: path for path in PROJECT.glob("models/**/*.sql")}
        self.variables = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
        self.macros = "".join(
            path.read_text()
            for path in sorted(PROJECT.glob("macros/*.sql"))
            if path.stem not in ("materializations", "generate_schema_name")
        )

    def build(self, *names: str) -> None:
        for name in names:
            if name in self.built:
                continue
            if name not in self.paths:
                self.seed(name)
                continue
            upstream: list[str] = []
            sql = jinja2.Template(self.macros + self.paths[name].read_text()).render(
                ref=lambda model, found=upstream: found.append(model) or model,
                source=lambda schema, table: f"{schema}.{table}",
                var=self.variables.__getitem__,
                config=lambda **_: "",
            )
            self.build(*upstream)
            self.connection.execute(f"create table {name} as {sql}")
            self.built.add(name)

    def seed(self, name: str) -> None:
        [seed] = yaml.safe_load((PROJECT / f"seeds/{name}.yml").read_text())["seeds"]
        types = ", ".join(
            f"'{column}': '{kind}'" for column, kind in seed["config"]["column_types"].items()
        )
        self.connection.execute(
            f"create table {name} as from read_csv('{PROJECT / 'seeds' / name}.csv', header = true,"
            f" columns = {{{types}}})"
        )
        self.built.add(name)
