"""What Dagster is told of the tables of the warehouse: rows, columns, and where columns come from.

Belongs here: asking DuckDB, once for all assets of a step, and reading compiled SQL. Does not
belong here: how tables are made.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import dagster as dg

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

#: schema and name, as in asset keys
TableName: TypeAlias = tuple[str, str]
#: a column → the columns of other tables that its values are made of, as (schema, table, column)
Lineage: TypeAlias = dict[str, list[tuple[str, str, str]]]


def described_tables(
    warehouse: Path, texts: Mapping[TableName, Mapping[str, str]] | None = None
) -> dict[TableName, dict[str, Any]]:
    """Row count and columns of every table and view, as metadata of its asset; views: no count.

    `texts`: what columns mean, where that is known, by table and column.
    """
    import duckdb

    with duckdb.connect(str(warehouse), read_only=True) as connection:
        columns = connection.execute(
            "select table_schema, table_name, list(column_name order by ordinal_position),"
            " list(data_type order by ordinal_position) from information_schema.columns"
            " group by 1, 2"
        ).fetchall()
        counts = connection.execute(
            "select schema_name, table_name, estimated_size from duckdb_tables()"
        ).fetchall()
    described: dict[TableName, dict[str, Any]] = {}
    for schema, table, names, types in columns:
        told = (texts or {}).get((schema, table), {})
        described[schema, table] = {
            "dagster/column_schema": dg.TableSchema(
                [
                    dg.TableColumn(name, type_, description=told.get(name) or None)
                    for name, type_ in zip(names, types, strict=True)
                ]
            )
        }
    for schema, table, rows in counts:
        described.setdefault((schema, table), {})["dagster/row_count"] = rows
    return described


def lineage_metadata(lineage: Lineage) -> dict[str, Any]:
    """The same as metadata of an asset; nothing where nothing is known."""
    found = {
        column: [dg.TableColumnDep(dg.AssetKey(source[:2]), source[2]) for source in sources]
        for column, sources in lineage.items()
        if sources
    }
    return {"dagster/column_lineage": dg.TableColumnLineage(found)} if found else {}


def read_lineage(
    sql: Mapping[TableName, str],
    parents: Mapping[TableName, Mapping[TableName, list[str]]],
    kept: Path,
) -> dict[TableName, Lineage]:
    """The lineage of every model in `sql` (compiled), with the columns of its `parents`.

    What was read before is kept in the file `kept`: parsing them all takes seconds.
    """
    try:
        before = json.loads(kept.read_text())
    except (OSError, ValueError):  # the first time, or damaged
        before = {}
    found = {
        table: hashlib.sha256(repr((text, sorted(parents[table].items()))).encode()).hexdigest()
        for table, text in sql.items()
    }
    now = {
        key: before[key] if key in before else column_lineage(sql[table], parents[table])
        for table, key in found.items()
    }
    if now != before:
        new = kept.with_name(f".{kept.name}.{os.getpid()}")
        new.write_text(json.dumps(now))
        os.replace(new, kept)
    return {
        table: {column: [(s, t, c) for s, t, c in sources] for column, sources in now[key].items()}
        for table, key in found.items()
    }


def column_lineage(sql: str, parents: Mapping[TableName, list[str]]) -> Lineage:
    """Which columns of other tables each column of a query is made of, whatever lies between.

    `parents`: the columns of the tables it reads, for what it takes by `*`. A query that cannot be
    read has no lineage: it is there to be looked at, and stops nothing.
    """
    import sqlglot
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    schema: dict[str, Any] = {}
    for (name, table), columns in parents.items():
        schema.setdefault(name, {})[table] = dict.fromkeys(columns, "text")
    try:
        tree = qualify(
            sqlglot.parse_one(sql, dialect="duckdb"),
            dialect="duckdb",
            schema=schema,
            validate_qualify_columns=False,
            identify=False,
        )
        scope = build_scope(tree)
    except sqlglot.errors.SqlglotError:
        return {}
    found = _of_scope(scope, {}) if scope else {}
    return {column: sorted(sources) for column, sources in found.items()}


def _of_scope(
    scope: "Scope", known: dict[int, dict[str, set[tuple[str, str, str]]]]
) -> dict[str, set[tuple[str, str, str]]]:
    """As `column_lineage`, of a part of the query; each part is looked at once."""
    from sqlglot import exp

    if id(scope) in known:
        return known[id(scope)]
    found: dict[str, set[tuple[str, str, str]]] = {}
    known[id(scope)] = found  # a recursive part reads itself
    if scope.set_operation_scopes:
        first, second = (_of_scope(side, known) for side in scope.set_operation_scopes)
        by_name = scope.expression.args.get("by_name")
        name_of = (
            {name: name for name in second} if by_name else dict(zip(second, first, strict=True))
        )
        for name, sources in (*first.items(), *((name_of[n], s) for n, s in second.items())):
            found.setdefault(name, set()).update(sources)
        return found
    subqueries = {id(part.expression): part for part in scope.subquery_scopes}
    for selected in scope.expression.selects if isinstance(scope.expression, exp.Query) else ():
        made_of = found.setdefault(selected.alias_or_name, set())
        for column in selected.find_all(exp.Column):
            made_of.update(_of_column(scope, column, known))
        for query in selected.find_all(exp.Query):
            if id(query) in subqueries:
                made_of.update(*_of_scope(subqueries[id(query)], known).values())
    return found


def _of_column(
    scope: "Scope",
    column: "exp.Column",
    known: dict[int, dict[str, set[tuple[str, str, str]]]],
) -> Iterator[tuple[str, str, str]]:
    from sqlglot import exp

    source = scope.sources.get(column.table)
    if isinstance(source, exp.Table):
        if source.db:
            yield source.db, source.name, column.name
    elif source is not None:
        yield from _of_scope(source, known).get(column.name, ())
