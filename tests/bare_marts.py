"""Published marts without their rows, to be filled as a test of what reports say needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import yaml

from assets.reports.content import PublishInfo, Table, told
from assets.reports.published import Published, published
from assets.reports.review.found import Found
from assets.settings import Settings
from tests.dbt_helpers import PROJECT

INFO = PublishInfo("v", date(2026, 6, 30), "UTC", "USD", 1, datetime(2026, 7, 1, tzinfo=UTC))


@contextmanager
def bare_marts(*names: str) -> Iterator[Published]:
    """Of these marts empty tables, as their contracts have them, and what was published when."""
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.publish_info as select cast(? as date) as as_of_date",
            [INFO.as_of_date],
        )
        # figures are held against the mart that has judged them, where it holds them
        for name in {*names, "mart_process_behaviour"}:
            [path] = PROJECT.glob(f"models/marts/*/{name}.yml")
            [model] = yaml.safe_load(path.read_text())["models"]
            columns = ", ".join(f"{each['name']} {each['data_type']}" for each in model["columns"])
            connection.execute(f"create table marts.{name} ({columns})")
        yield Published(connection, INFO)


@contextmanager
def empty_marts(home: Settings) -> Iterator[Published]:
    """Of everything that a home has published empty tables; the rows stay in `published.marts`."""
    with published(home) as marts:
        connection = marts.connection
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'published'"
            " and schema_name = 'marts'"
        ).fetchall()
        connection.execute("attach ':memory:' as bare; create schema bare.marts")
        for (table,) in tables:
            connection.execute(
                f'create table bare.marts."{table}" as from published.marts."{table}" limit 0'
            )
        connection.execute("use bare.marts")
        connection.execute("insert into publish_info from published.marts.publish_info")
        yield Published(connection, marts.info)


def fill(marts: Published, mart: str, *rows: dict[str, Any]) -> None:
    """Adds rows; a column that a row leaves out is NULL."""
    for row in rows:
        marts.connection.execute(
            f"insert into marts.{mart} ({', '.join(row)}) values ({', '.join('?' * len(row))})",
            list(row.values()),
        )


def said(found: Found) -> str:
    """The finding of a section, as it is read."""
    return told(found.section.finding, INFO.base_currency)


def table(found: Found, title: str) -> Table:
    """The one table of a section with this title."""
    [part] = [
        part for part in found.section.parts if isinstance(part, Table) and part.title == title
    ]
    return part
