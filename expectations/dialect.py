"""SQLAlchemy on DuckDB as Great Expectations needs it: `duckdb+gates://`.

Two things differ from duckdb-engine's own dialect. Results are buffered when a statement is
executed, because Great Expectations reads them after it gave the connection back. Tables are
reflected from information_schema, because the Postgres catalogue that duckdb-engine asks is not
all there in DuckDB 2.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import duckdb_engine
import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.engine.default import DefaultExecutionContext

_EngineContext: type[Any] = getattr(
    duckdb_engine.Dialect, "execution_ctx_cls", DefaultExecutionContext
)
_TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "BIGINT": sa.BigInteger,
    "BOOLEAN": sa.Boolean,
    "DATE": sa.Date,
    "DOUBLE": sa.Double,
    "INTEGER": sa.Integer,
    "TIMESTAMP": sa.TIMESTAMP,
}


class BufferedContext(_EngineContext):  # type: ignore[misc]
    def post_exec(self) -> None:
        super().post_exec()
        if self.cursor is not None and self.cursor.description:
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
                self.cursor, None, self.cursor.fetchall()
            )


class GatesDialect(duckdb_engine.Dialect):
    execution_ctx_cls = BufferedContext
    supports_statement_cache = True

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> Any:
        found = connection.exec_driver_sql(
            "select column_name, data_type, is_nullable = 'YES' from information_schema.columns"
            " where table_name = $1 and ($2::varchar is null or table_schema = $2)"
            " order by ordinal_position",
            (table_name, schema),
        ).fetchall()
        if not found:
            raise sa.exc.NoSuchTableError(table_name)
        return [
            {
                "name": name,
                "type": (
                    sa.Numeric if type_.startswith("DECIMAL") else _TYPES.get(type_, sa.String)
                )(),
                "nullable": nullable,
                "default": None,
                "autoincrement": False,
            }
            for name, type_, nullable in found
        ]

    def has_table(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> bool:
        try:
            return bool(self.get_columns(connection, table_name, schema))
        except sa.exc.NoSuchTableError:
            return False

    def get_schema_names(self, connection: Any, **_: Any) -> list[str]:
        return [
            name
            for (name,) in connection.exec_driver_sql(
                "select distinct schema_name from information_schema.schemata"
            ).fetchall()
        ]

    def get_pk_constraint(self, *_: Any, **__: Any) -> Any:
        return {"constrained_columns": [], "name": None}

    def _none(self, *_: Any, **__: Any) -> list[Any]:
        return []

    get_foreign_keys = get_indexes = get_unique_constraints = _none


registry.register("duckdb.gates", __name__, "GatesDialect")


@contextmanager
def lent_connections(
    warehouse: Path, views: Mapping[str, str], memory_limit: str
) -> Iterator[Callable[[], Any]]:
    """A maker of connections to the warehouse, all of which are closed at the end.

    `views`: temporary views, name → query, that each of them sees.

    DuckDB lets no other writer in while one is open, and Great Expectations closes none.
    """
    opened: list[Any] = []

    def connect() -> Any:
        connection = duckdb.connect(
            str(warehouse), read_only=True, config={"autoinstall_known_extensions": "false"}
        )
        connection.execute(f"set timezone = 'UTC'; set memory_limit = '{memory_limit}'")
        for name, query in views.items():
            connection.execute(f'create temporary view "{name}" as {query}')
        opened.append(connection)
        return duckdb_engine.ConnectionWrapper(connection)

    try:
        yield connect
    finally:
        for connection in opened:
            connection.close()
