"""What of the dbt project must be built anew: all of it, what hangs on new rows, or nothing.

Belongs here: the one row that a finished build leaves in the warehouse (`landing.builds`), and
what follows from it for the next. Does not belong here: how dbt is called (`dbt.py`).

The row is taken away before a build begins and whenever rows leave a raw table, so that after
anything unfinished or unusual everything is built.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from assets.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PROJECT_FOLDERS = ("models", "seeds", "macros", "tests", "snapshots")
EVERYTHING = ["fqn:*"]


def project_files() -> Iterator[Path]:
    """Every file that dbt parses, in the order of its path."""
    project = ROOT / "dbt_project"
    yield from (project / "dbt_project.yml", project / "profiles.yml")
    for folder in PROJECT_FOLDERS:
        yield from sorted(path for path in (project / folder).rglob("*") if path.is_file())


def due(settings: Settings) -> list[str]:
    """The dbt selectors of what must be built; empty where every table stands as it should."""
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        last = connection.execute(
            "select builds.landing_number from landing.builds"
            " join landing.run_settings using (as_of_at) where project_checksum = $1",
            [_checksum(settings)],
        ).fetchone()
        if last is None:
            return EVERYTHING
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables()"
            " where schema_name like 'raw@_%' escape '@' order by all"
        ).fetchall()
        newest = ", ".join(
            f'(select max(_landing_number) from "{schema}"."{table}")' for schema, table in tables
        )
        numbers: Any = connection.execute(f"select {newest}").fetchone()
    return [
        f"source:{schema}.{table}+"
        for (schema, table), number in zip(tables, numbers, strict=True)
        if number is not None and number > last[0]
    ]


@contextmanager
def recorded(settings: Settings) -> Iterator[None]:
    """Around a build of what is due: the record of the last one goes, and comes when it is done."""
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("delete from landing.builds")
    yield
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            "insert into landing.builds (landing_number, as_of_at, project_checksum)"
            " select landing_number, as_of_at, $1 from landing.run_settings",
            [_checksum(settings)],
        )


def _checksum(settings: Settings) -> str:
    """Of everything but raw rows and as_of that decides what the tables hold."""
    from assets.scoring import champions, storage

    found = hashlib.sha256()
    for setting in (settings.base_currency, settings.fiscal_year_start_month):
        found.update(f"{setting}\n".encode())
    for package in ("dbt-core", "dbt-duckdb", "duckdb", *storage.LIBRARIES):
        found.update(f"{package} {version(package)}\n".encode())
    for file in champions.stands_at(settings.home):
        found.update(f"{file}\n".encode())
    for path in sorted((settings.state / "forecasts").glob("*.parquet")):
        found.update(f"{path.name}\n".encode())
    scoring = sorted((ROOT / "assets" / "scoring").rglob("*.py"))
    for path in (*project_files(), *scoring):
        found.update(f"{path.relative_to(ROOT)}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()
