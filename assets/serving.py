"""What is published, on a PostgreSQL server: for tools that read no files.

Belongs here: bringing a version there, whole, and taking it away. Does not belong here: what is
published (`publish.py`).

A version is loaded into a schema beside the one that readers see, and one transaction puts it in
its place. Each schema that is made here is marked by its comment; no other is ever touched.
"""

import contextlib
import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import dagster as dg

from assets.landing.checking import literal, quoted
from assets.landing.people import last_forgotten_at
from assets.publish import RECORDS, VERSION, current, public_marts
from assets.reports.published import published
from assets.settings import PostgresServer, Settings

if TYPE_CHECKING:
    import duckdb
    from adbc_driver_postgresql.dbapi import Connection

#: how the comment begins of every schema that is made here; the version follows
MARK = "Funnelworks marts, version "
#: rows that are on their way at a time
BATCH = 20_000
#: seconds for which the swap waits for those who read the version before
PATIENCE = 60.0
#: what PostgreSQL says when it is not given a lock in time, as SQLSTATE
LOCKED = "55P03"
#: or of a key that cannot be: a value is missing, is there twice, or is too long for an index
NO_KEY = ("23502", "23505", "54000")
#: DuckDB's type → PostgreSQL's; decimals are their own, anything else is written as text
TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "UTINYINT": "smallint",
    "SMALLINT": "smallint",
    "USMALLINT": "integer",
    "INTEGER": "integer",
    "UINTEGER": "bigint",
    "BIGINT": "bigint",
    "UBIGINT": "numeric(38,0)",
    "HUGEINT": "numeric(38,0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
}


class ServingError(RuntimeError):
    """The server did not take it; what it served before is untouched."""


class NotReachedError(ServingError):
    """There was no server to talk to, which may pass by itself."""


@dataclass(frozen=True)
class Served:
    """`is_new`: it was brought there just now, and not there already."""

    version: str
    table_count: int
    row_count: int
    is_new: bool


def serve(settings: Settings, patience: float = PATIENCE) -> Served:
    """Brings what is published to the server, unless it is there already.

    Interrupted at any moment, it leaves what was served; what it had begun is cleared by the next
    one. `patience`: seconds for which the swap waits for readers, who are never sent away.

    Raises:
        LookupError: no server is named, or nothing is published.
        ServingError: the server cannot be reached, or does not take it.
    """
    server, manifest = _server(settings), current(settings)
    if manifest is None:
        raise LookupError("nothing is published yet: `make run` first")
    said = f"{MARK}{manifest['version']}; read by {', '.join(server.readers) or 'nobody else'}."
    rows = sum(mart["rows"] for mart in manifest["marts"].values())
    with _connected(server) as connection:
        _run(connection, "set statement_timeout = 0")
        _run(connection, "set idle_in_transaction_session_timeout = 0")
        # for as long as the connection: who comes second waits, and then sees what is there
        lock = hashlib.sha256(f"funnelworks {server.schema}".encode()).digest()[:8]
        number = int.from_bytes(lock, "big", signed=True)
        _run(connection, f"select pg_advisory_lock({number})")
        connection.commit()
        standing = _ours(connection, server)
        # an error rather than a loss: it may be anybody's
        if standing.get(server.schema) is None and _holds_something(connection, server.schema):
            raise ServingError(
                f"the schema {server.schema} of the PostgreSQL server holds what Funnelworks has"
                " not made: name another in FUNNELWORKS_POSTGRES_SCHEMA, it is replaced whole"
            )
        _clear(connection, [schema for schema in standing if schema != server.schema])
        if standing.get(server.schema) == said:
            return Served(manifest["version"], len(manifest["marts"]), rows, is_new=False)
        building = f"{server.schema}__building"
        _run(connection, f"create schema {quoted(building)}")
        _run(connection, f"comment on schema {quoted(building)} is {literal(said)}")
        connection.commit()
        with published(settings) as marts:
            marts.connection.execute(f"set memory_limit = '{settings.memory_limit}'")
            for table in sorted(manifest["marts"]):
                _load(marts.connection, connection, building, table)
        _admit_readers(connection, building, server.readers)
        _swap(connection, server.schema, building, patience)
    return Served(manifest["version"], len(manifest["marts"]), rows, is_new=True)


def served_version(settings: Settings) -> str | None:
    """The version that readers of the server see; None where there is none.

    Raises:
        LookupError, ServingError: as `serve` does.
    """
    server = _server(settings)
    with _connected(server) as connection:
        said = _ours(connection, server).get(server.schema)
    return _version(said) if said else None


def withdraw(settings: Settings) -> list[str]:
    """Takes versions from before somebody was forgotten off the server; returns them.

    With whatever was built on them, since it may name the person, too.

    Raises:
        LookupError, ServingError: as `serve` does.
    """
    server, since = _server(settings), last_forgotten_at(settings)
    if since is None:
        return []
    with _connected(server) as connection:
        old = {
            schema: _version(said)
            for schema, said in _ours(connection, server).items()
            if _version(said) < since.strftime(VERSION)
        }
        _run(connection, f"set lock_timeout = '{PATIENCE:.0f}s'")
        for schema in old:
            _run(connection, f"drop schema {quoted(schema)} cascade")
        connection.commit()
    return sorted(set(old.values()))


def _server(settings: Settings) -> PostgresServer:
    if settings.postgres is None:
        raise LookupError("no PostgreSQL server is named: set FUNNELWORKS_POSTGRES_URL")
    return settings.postgres


@contextlib.contextmanager
def _connected(server: PostgresServer) -> Iterator["Connection"]:
    """A connection that begins a transaction with its first statement."""
    from adbc_driver_postgresql import dbapi

    address, _, options = server.url.partition("?")
    # before those of the address, which win
    options = f"connect_timeout=10&application_name=funnelworks&{options}".rstrip("&")
    try:
        connection = dbapi.connect(f"{address}?{options}")
    except dbapi.Error as error:
        # the server's own words begin so; without them, there was none
        kind = ServingError if "FATAL" in str(error) else NotReachedError
        raise kind(_in_words(error, server)) from None
    with connection:
        try:
            yield connection
        except dbapi.Error as error:
            raise ServingError(_in_words(error, server)) from None


def _in_words(error: Any, server: PostgresServer) -> str:
    """What the server or the driver said, without the password."""
    told = dict(error.details)
    parts = (told.get(f"PG_DIAG_MESSAGE_{part}".encode()) for part in ("PRIMARY", "DETAIL", "HINT"))
    said = ". ".join(part.decode(errors="replace") for part in parts if part)
    said = said or str(error).partition("Failed to connect: ")[2] or str(error)
    secrets = re.findall(r"//[^:@/]*:([^@]*)@|(?:password|passwd)=([^&]*)", server.url)
    for secret in sorted({s for pair in secrets for s in pair if s}, key=len, reverse=True):
        for written in (secret, unquote(secret)):
            said = said.replace(written, "***")
    return f"PostgreSQL: {' '.join(said.split())}"


def _run(connection: "Connection", sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def _ours(connection: "Connection", server: PostgresServer) -> dict[str, str]:
    """The schemas that were made here, by name, with what they say of themselves."""
    found = _run(
        connection,
        "select nspname, obj_description(oid, 'pg_namespace') from pg_namespace"
        f" where nspname = {literal(server.schema)}"
        f" or starts_with(nspname, {literal(server.schema + '__')})",
    )
    connection.commit()
    return {name: said for name, said in found if (said or "").startswith(MARK)}


def _version(said: str) -> str:
    return said.removeprefix(MARK).partition(";")[0]


def _holds_something(connection: "Connection", schema: str) -> bool:
    [(holds,)] = _run(
        connection,
        "select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        f" where nspname = {literal(schema)})",
    )
    return holds


def _clear(connection: "Connection", leftovers: list[str]) -> None:
    """Drops what an earlier one has left; what is still being read is left to a later one."""
    from adbc_driver_postgresql import dbapi

    for schema in leftovers:
        try:
            _drop(connection, schema)
            connection.commit()
        except dbapi.Error as error:
            connection.rollback()
            if error.sqlstate != LOCKED:
                raise


def _load(
    source: "duckdb.DuckDBPyConnection", target: "Connection", schema: str, table: str
) -> None:
    """A table with its rows, key and comments, committed."""
    from adbc_driver_postgresql import dbapi

    columns = source.execute(
        "select column_name, data_type, comment from duckdb_columns()"
        " where database_name = 'published' and table_name = ? order by column_index",
        [table],
    ).fetchall()
    types = {name: _postgres_type(duckdb_type) for name, duckdb_type, _ in columns}
    place = f"{quoted(schema)}.{quoted(table)}"
    listed = ", ".join(f"{quoted(name)} {type_}" for name, type_ in types.items())
    _run(target, f"create table {place} ({listed})")
    values = ", ".join(_value(name, type_) for name, type_ in types.items())
    with target.cursor() as cursor:
        rows = source.sql(f"select {values} from {quoted(table)}").to_arrow_reader(BATCH)
        cursor.adbc_ingest(table, rows, mode="append", db_schema_name=schema)
    [comment] = source.execute(
        "select comment from duckdb_tables() where database_name = 'published' and table_name = ?",
        [table],
    ).fetchone() or [None]
    texts = [(f"table {place}", comment)]
    texts += [(f"column {place}.{quoted(name)}", text) for name, _, text in columns]
    for what, text in texts:
        if text:
            _run(target, f"comment on {what} is {literal(text)}")
    target.commit()
    grain = next((mart.grain for mart in (*public_marts(), *RECORDS) if mart.name == table), ())
    keys: tuple[str, ...] = ()
    if grain and types.keys() >= set(grain):
        key = ", ".join(map(quoted, grain))
        keys = (f"alter table {place} add primary key ({key})", f"create index on {place} ({key})")
    for make in keys:
        try:
            _run(target, make)
            break
        except dbapi.Error as error:
            target.rollback()
            if error.sqlstate not in NO_KEY:
                raise
    _run(target, f"analyze {place}")
    target.commit()


def _postgres_type(duckdb_type: str) -> str:
    if duckdb_type.startswith("DECIMAL"):
        return duckdb_type.replace("DECIMAL", "numeric")
    return TYPES.get(duckdb_type, "text")


def _value(column: str, type_: str) -> str:
    """A column as DuckDB hands it over: of the very type that PostgreSQL has for it."""
    if type_ == "text":
        # PostgreSQL's text has no place for the character 0
        cast = f"replace(cast({quoted(column)} as varchar), chr(0), '\ufffd')"
    else:
        cast = f"cast({quoted(column)} as {type_})"
    return f"{cast} as {quoted(column)}"


def _admit_readers(connection: "Connection", schema: str, readers: tuple[str, ...]) -> None:
    for role in map(quoted, readers):
        _run(connection, f"grant usage on schema {quoted(schema)} to {role}")
        _run(connection, f"grant select on all tables in schema {quoted(schema)} to {role}")
    connection.commit()


def _swap(connection: "Connection", schema: str, building: str, patience: float) -> None:
    """Puts a schema in the place of another, in one transaction.

    A query looks its tables up one after the other, and would see two versions if they changed in
    between: so all of the old ones are taken for a moment when nobody reads them. Should somebody
    read on for too long, the old schema steps aside, and is dropped by a later run.
    """
    from adbc_driver_postgresql import dbapi

    give_up = time.monotonic() + patience
    while True:
        is_patient = time.monotonic() < give_up
        [(stands,)] = _run(
            connection,
            f"select exists (select from pg_namespace where nspname = {literal(schema)})",
        )
        try:
            if stands and is_patient:
                _drop(connection, schema)
            elif stands:
                aside = f"{schema}__{time.time_ns()}"
                _run(connection, f"alter schema {quoted(schema)} rename to {quoted(aside)}")
            _run(connection, f"alter schema {quoted(building)} rename to {quoted(schema)}")
            connection.commit()
            return
        except dbapi.Error as error:
            connection.rollback()
            if not is_patient or error.sqlstate != LOCKED:
                raise
        time.sleep(0.2)


def _drop(connection: "Connection", schema: str) -> None:
    """Drops a schema and its tables, but nothing of anybody else's; the caller commits."""
    tables = ", ".join(
        f"{quoted(schema)}.{quoted(table)}"
        for (table,) in _run(
            connection,
            f"select tablename from pg_tables where schemaname = {literal(schema)}"
            " and tableowner = current_user order by 1",
        )
    )
    # for each table: no reader waits for long, nor does the server see a deadlock (after 1 s)
    _run(connection, "set local lock_timeout = '10ms'")
    if tables:
        _run(connection, f"lock table {tables} in access exclusive mode")
        _run(connection, f"drop table {tables}")
    _run(connection, f"drop schema {quoted(schema)}")


@dg.asset(
    key=["serving", "postgres"],
    deps=[dg.AssetKey(["published", "marts"])],
    group_name="serving",
    owners=["team:analytics-engineering"],
    kinds={"postgres"},
    description=(
        "What is published, on the PostgreSQL server of FUNNELWORKS_POSTGRES_URL, for tools that"
        " want a server; replaced in one transaction."
    ),
)
def served_by_postgres(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult:
    try:
        served = serve(settings)
    except NotReachedError as error:
        if context.retry_number < 3:
            wait = 5 * 2**context.retry_number
            raise dg.RetryRequested(max_retries=3, seconds_to_wait=wait) from error
        raise dg.Failure(f"not served: {error}", allow_retries=False) from error
    except (LookupError, ServingError) as error:
        raise dg.Failure(f"not served: {error}", allow_retries=False) from error
    context.log.info(
        f"PostgreSQL serves version {served.version}, {served.table_count} tables"
        + ("" if served.is_new else ", as it did")
    )
    return dg.MaterializeResult(
        metadata={
            "version": served.version,
            "dagster/row_count": served.row_count,
            "tables": served.table_count,
        }
    )
