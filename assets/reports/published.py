"""What is published, as reports ask it: one version, read to the end of the report.

Belongs here: opening the version and asking it. Does not belong here: what a report asks.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from assets.landing.checking import literal
from assets.publish import current
from assets.reports.content import (
    Chart,
    Column,
    NativeChart,
    Number,
    PublishInfo,
    Query,
    Table,
    Unit,
    Value,
    Words,
)
from assets.settings import Settings

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Published:
    """A published version; tables are asked for as `marts.<table>`."""

    connection: "duckdb.DuckDBPyConnection"
    info: PublishInfo

    def ask(self, query: Query) -> tuple[tuple[Value, ...], ...]:
        """The rows of a query; decimals as floats."""
        found = self.connection.execute(query.sql, list(query.parameters)).fetchall()
        return tuple(tuple(map(_plain, row)) for row in found)

    def number(self, sql: str, unit: Unit, *parameters: Value) -> Number:
        """The figure of a query of one row and one column.

        Raises:
            ValueError: it gives another number of rows or columns.
        """
        query = Query(sql, parameters)
        rows = self.ask(query)
        if len(rows) != 1 or len(rows[0]) != 1:
            raise ValueError(f"not one figure: {sql}")
        return Number(rows[0][0], unit, query)

    def numbers(self, sql: str, units: dict[str, Unit], *parameters: Value) -> dict[str, Number]:
        """A figure per column of a query of one row, each with the query that gives it alone.

        Raises:
            ValueError: it gives another number of rows.
        """
        rows = self.ask(Query(f"select {', '.join(units)} from ({sql})", parameters))
        if len(rows) != 1:
            raise ValueError(f"not one row: {sql}")
        return {
            name: Number(value, unit, Query(f"select {name} from ({sql})", parameters))
            for value, (name, unit) in zip(rows[0], units.items(), strict=True)
        }

    def each(
        self, sql: str, units: dict[str, Unit], *parameters: Value
    ) -> tuple[dict[str, Number], ...]:
        """A figure per row and column, each with the query that gives it alone.

        The query must order its rows, and no two alike.
        """
        rows = self.ask(Query(f"select {', '.join(units)} from ({sql})", parameters))
        return tuple(
            {
                name: Number(
                    value,
                    unit,
                    Query(f"select {name} from ({sql}) limit 1 offset {place}", parameters),
                )
                for value, (name, unit) in zip(row, units.items(), strict=True)
            }
            for place, row in enumerate(rows)
        )

    def table(
        self,
        title: str,
        sql: str,
        columns: tuple[Column, ...],
        *parameters: Value,
        note: Words = (),
        is_whole_list: bool = False,
    ) -> Table:
        """The rows of a query as a table; it must order them.

        Raises:
            ValueError: it gives another number of columns.
        """
        query = Query(sql, parameters)
        rows = self.ask(query)
        if rows and len(rows[0]) != len(columns):
            raise ValueError(f"{len(rows[0])} columns, {len(columns)} labels: {title}")
        return Table(title, columns, rows, query, note, is_whole_list)

    def chart(
        self,
        title: str,
        label: Words,
        spec: dict[str, Any],
        sql: str,
        columns: dict[str, Column],
        *parameters: Value,
        native: NativeChart | None = None,
        note: Words = (),
    ) -> Chart:
        """A chart over the rows of a query, whose columns are named as in `columns`, in order."""
        names = ", ".join(columns)
        query = Query(f"select {names} from ({sql}) order by all", parameters)
        return Chart(title, label, spec, columns, self.ask(query), query, native, note)


def _plain(value: Any) -> Value:
    return float(value) if isinstance(value, Decimal) else value


@contextlib.contextmanager
def published(settings: Settings) -> Iterator[Published]:
    """The version that is published now, which stays readable when another takes its place.

    Raises:
        LookupError: nothing is published.
    """
    import duckdb

    manifest = current(settings)
    if manifest is None:
        raise LookupError("nothing is published yet: `make run` first")
    file = str(settings.published / "versions" / f"{manifest['version']}.duckdb")
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"attach {literal(file)} as published (read_only)")
        connection.execute("use published.marts")
        row = connection.execute(
            "select version, as_of_date, business_timezone, base_currency,"
            " fiscal_year_start_month, published_at from publish_info"
        ).fetchone()
        assert row is not None
        yield Published(connection, PublishInfo(*row))
