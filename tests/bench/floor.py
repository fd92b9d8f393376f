"""The floor: what any program would have to pay for the same published marts, on this machine.

One DuckDB script in one process: read_csv of each extract, the casts, the same marts one after
the other, both published forms (a .duckdb with every mart in the order of its grain, and
Parquet). No check, no ledger, no history, no quarantine, no dbt and no Dagster: every row of every
file is taken to be right and new. DuckDB has the memory that it has in the line.

The marts are the project's own: what dbt compiles, in the order of their references, the Python
models as plain functions. They read the files as text through views with the columns of the raw
tables, the bookkeeping in them being constants. So the marts of
the floor are those of the line, row for row, and the ratio of the two shows what the line puts
around its SQL. What it cannot show is SQL that could be cheaper: it stands on both sides.
"""

import argparse
import csv
import json
import os
import resource
import runpy
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

from assets.settings import Settings

PLAN = "plan.json"
#: CPU seconds of each model, and of publishing it where it is a mart
COSTS = "costs.json"


@dataclass(frozen=True)
class Model:
    """A table or view to make: `sql` its query; for a seed `file`, its CSV; for Python `file`."""

    schema: str
    name: str
    kind: str  # seed, view, table, python
    sql: str
    file: str
    #: seeds and contracts name their columns; the types are those of a seed
    columns: dict[str, str]
    #: a public mart's, else empty
    grain: tuple[str, ...]

    @property
    def relation(self) -> str:
        return f'"{self.schema}"."{self.name}"'


def plan(home: Path, as_of: date) -> Path:
    """Has dbt compile the project for a warehouse of `home`; nothing of it is timed.

    Raises:
        RuntimeError: the project does not compile; the message is dbt's.
    """
    from assets.dbt import PROJECT_DIR, dbt_command
    from assets.publish import STORAGE_VERSION

    settings = Settings(home, as_of)
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    target = home / "dbt"
    compiled = subprocess.run(
        [
            *dbt_command("compile", "--quiet", "--select", "resource_type:model"),
            *("--target-path", str(target), "--log-path", str(target)),
        ],
        env=os.environ | {"FUNNELWORKS_WAREHOUSE": str(settings.warehouse)},
        capture_output=True,
        text=True,
        check=False,
    )
    if compiled.returncode:
        raise RuntimeError(f"dbt cannot compile the project:\n{compiled.stdout}{compiled.stderr}")
    settings.warehouse.unlink(missing_ok=True)
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    wanted = {
        name: node for name, node in nodes.items() if node["resource_type"] in ("model", "seed")
    }
    parents = {
        name: [parent for parent in node["depends_on"].get("nodes", []) if parent in wanted]
        for name, node in wanted.items()
    }
    models = [
        _model(wanted[name], PROJECT_DIR)
        for name in TopologicalSorter(parents).static_order()
        if wanted[name]["config"]["materialized"] != "ephemeral"
    ]
    described = {
        "storage_version": STORAGE_VERSION,
        "models": [asdict(model) for model in models],
    }
    (home / PLAN).write_text(json.dumps(described))
    return home / PLAN


def _model(node: dict[str, Any], project: Path) -> Model:
    config = node["config"]
    if node["resource_type"] == "seed":
        kind, columns = "seed", config["column_types"]
    else:
        is_python = node["language"] == "python"
        # an incremental model is whole the first time
        kind = "python" if is_python else "view" if config["materialized"] == "view" else "table"
        is_bound = config["contract"]["enforced"]
        columns = {c["name"]: c["data_type"] for c in node["columns"].values()} if is_bound else {}
    return Model(
        schema=node["schema"],
        name=node["alias"],
        kind=kind,
        sql=node.get("compiled_code") or "",
        file=str(project / node["original_file_path"]),
        columns=columns,
        grain=tuple(config["meta"]["grain"]) if config.get("access") == "public" else (),
    )


def build(home: Path, as_of: date) -> None:
    """Reads, casts, builds and publishes into `home`, whose landing folder holds full extracts."""
    from assets.landing.land import prepare

    settings = Settings(home, as_of)
    described = json.loads((home / PLAN).read_text())
    models = [Model(**model) for model in described["models"]]
    prepare(settings)  # the macros of the casts, the row of settings, the empty raw tables
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"set memory_limit = '{settings.memory_limit}'")
        for file in sorted(settings.landing.glob("*/*.csv")):
            _read(connection, file)
        for schema in {model.schema for model in models}:
            connection.execute(f'create schema if not exists "{schema}"')
        costs = {model.name: _cpu_of(_make, connection, model) for model in models}
        built = settings.published / "marts.duckdb"
        (settings.published / "parquet").mkdir(parents=True)
        connection.execute(
            f"attach '{built}' as built (storage_version '{described['storage_version']}')"
        )
        connection.execute("create schema built.marts")
        for mart in (model for model in models if model.grain):
            costs[f"publish {mart.name}"] = _cpu_of(_publish, connection, mart, settings.published)
        connection.execute("detach built")
    (home / COSTS).write_text(json.dumps(costs))


def _cpu_of(make: Callable[..., None], *arguments: Any) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF)
    make(*arguments)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _read(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """One full extract, named `<entity>__<day>.csv`, in the place of its raw table.

    As a view: what is read once need not be kept, and keeping all costs more than the second
    reading of a few.
    """
    entity, _, day = file.stem.partition("__")
    raw = f'raw_{file.parent.name}."{entity}"'
    with file.open(newline="") as stream:
        header = next(csv.reader(stream))
    read = ", ".join(f"'{name}': 'varchar'" for name in header)
    kept = {
        "_valid_from": f"business_day_end(date '{day}') - interval 1 microsecond",
        "_is_first_extract": "true",
    }
    columns = connection.execute(f"describe {raw}").fetchall()
    selected = ", ".join(
        f'"{name}"' if name in header else f'cast({kept.get(name, "null")} as {type_}) as "{name}"'
        for name, type_, *_ in columns
    )
    connection.execute(f"drop table {raw}")
    connection.execute(
        f"create view {raw} as select {selected} from read_csv('{file}', auto_detect = false,"
        f" header = true, delim = ',', quote = '\"', escape = '\"', columns = {{{read}}})"
    )


def _make(connection: duckdb.DuckDBPyConnection, model: Model) -> None:
    names = ", ".join(f'"{name}"' for name in model.columns) or "*"
    match model.kind:
        case "view":
            connection.execute(f"create view {model.relation} as {model.sql}")
        case "table":
            connection.execute(
                f"create table {model.relation} as select {names} from ({model.sql})"
            )
        case "seed":
            types = ", ".join(f"'{name}': '{type_}'" for name, type_ in model.columns.items())
            connection.execute(
                f"create table {model.relation} as from read_csv('{model.file}', header = true,"
                f" columns = {{{types}}})"
            )
        case _:
            model_of = runpy.run_path(model.file)["model"]
            connection.register("made", model_of(_Dbt(connection), connection))
            connection.execute(f"create table {model.relation} as from made")


class _Dbt:
    """What a Python model asks of dbt: other models, by name."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def config(self, **_: object) -> None: ...

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        [(schema,)] = self.connection.execute(
            "select table_schema from information_schema.tables where table_name = $1", [name]
        ).fetchall()
        return self.connection.table(f'"{schema}"."{name}"')


def _publish(connection: duckdb.DuckDBPyConnection, mart: Model, published: Path) -> None:
    connection.execute(
        f"create table built.marts.{mart.name} as select * from {mart.relation}"
        f" order by {', '.join(mart.grain)}"
    )
    connection.execute(
        f"copy built.marts.{mart.name} to '{published}/parquet/{mart.name}.parquet'"
        " (format parquet, compression zstd)"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.floor", description=__doc__)
    parser.add_argument("home", type=Path, help="with landing/ and the plan in it")
    parser.add_argument("as_of", type=date.fromisoformat)
    build(**vars(parser.parse_args()))
