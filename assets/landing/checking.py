"""Which rows of a file are set aside and why: the closed list of reasons, and their SQL.

Works set by set on the rows of one file or of several with the same headers, with the macros of
casts.sql; a row is set aside for the first reason that holds, in the order of `Reason`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import duckdb

from assets.systems import Column, Entity


class Reason(StrEnum):
    """Why a row was set aside, in the order in which reasons are tried."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> "Reason":
        reason = str.__new__(cls, value)
        reason._value_ = value
        reason.meaning = meaning
        return reason

    WRONG_COLUMN_COUNT = "wrong_column_count", "the row has more or fewer values than the header"
    BROKEN_QUOTE = "broken_quote", "a quote is not closed, or text follows where it closes"
    RECORD_TOO_LONG = "record_too_long", "the row is longer than 4 MiB"
    NUL_CHARACTER = "nul_character", "the row holds a NUL character (shown as ␀)"
    NOT_JSON = "not_json", "the line is not a JSON object, or has a name twice"
    REPEATED_HEADER = "repeated_header", "the row says the header again"
    MISSING_KEY = "missing_key", "a column of the key is empty"
    MISSING_REQUIRED_VALUE = "missing_required_value", "a required column is empty"
    NOT_A_NUMBER = "not_a_number", "the value is not a number in the form its column has"
    NOT_AN_INTEGER = "not_an_integer", "the value is not a whole number"
    NOT_A_DATE = "not_a_date", "the value is not a date in the form its column has"
    NOT_AN_INSTANT = "not_an_instant", "the value is not a date and time in the form its column has"
    NONEXISTENT_LOCAL_TIME = (
        "nonexistent_local_time",
        "the clock of the business zone skipped this time, and the value names no offset",
    )
    NOT_A_BOOLEAN = "not_a_boolean", "the value is neither true nor false"
    NOT_IN_LIST = "not_in_list", "the value is not one of the list that its column has"
    ENDS_BEFORE_START = "ends_before_start", "the row ends before it starts"
    DUPLICATE_KEY = "duplicate_key", "other rows of this file have the same key and other values"


NOT_OF_TYPE = {
    "decimal": Reason.NOT_A_NUMBER,
    "integer": Reason.NOT_AN_INTEGER,
    "date": Reason.NOT_A_DATE,
    "utc_date": Reason.NOT_A_DATE,
    "instant": Reason.NOT_AN_INSTANT,
    "utc_instant": Reason.NOT_AN_INSTANT,
    "boolean": Reason.NOT_A_BOOLEAN,
}


@dataclass(frozen=True)
class Source:
    """Where the columns of an entity stand in a file that was read.

    `columns` maps each column, promised or extra, to its place (`c3`) or None where the file lacks
    it; `headers` are what the file calls its places.
    """

    entity: Entity
    columns: dict[str, str | None]
    headers: tuple[str, ...]


@dataclass(frozen=True)
class _Rule:
    """A condition under which a row is set aside, and what it is about.

    `clock` gives the clock time of a text that failed as a date or instant: where there is one,
    the business zone skipped it.
    """

    reason: Reason
    column: str = ""
    place: str = "null"
    fails: str = ""
    clock: str = ""


#: what a part of a key is, by the type of its column
KEY_TYPES = {
    "text": "varchar",
    "decimal": "decimal(28, 10)",
    "integer": "bigint",
    "date": "date",
    "utc_date": "date",
    "instant": "timestamp",
    "utc_instant": "timestamp",
    "boolean": "boolean",
}
#: characters of a text that a message shows
LONGEST_SHOWN = 60
#: the number of the rule that finds the header said again, whose key is none
HEADER_RULE = 0


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def shown(text: str) -> str:
    """A text of an extract as a message may hold it: in quotes, on one line, not too long."""
    return repr(text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…")


def normalised(header: str | None) -> str:
    """Headers that say the same: case, outer blanks, runs of blanks and `_` do not count."""
    return re.sub(r"[\s_]+", " ", header or "").strip().casefold()


def typed(column: Column, place: str) -> str:
    """The SQL that casts a text of this column; NULL where it is empty or none."""
    if column.type == "text":
        return f"blank_to_null({place})"
    if column.format:
        return f"to_{column.type}_as({place}, {literal(column.format)})"
    return f"to_{column.type}({place})"


def key_parts(entity: Entity, places: Mapping[str, str | None]) -> list[str]:
    """The SQL of each part of what tells rows of this entity apart, maybe NULL.

    `places` maps column names to where they stand, in a file or in the raw table.
    """
    match entity.key_is:
        case "row_number":
            return ["_row_number"]
        case "row":
            return [places[column.name] or "null" for column in entity.columns]
        case _:
            return [
                typed(column, place) if place else "null"
                for column in entity.columns
                if column.key
                for place in [places[column.name]]
            ]


def key_hash(parts: Iterable[str]) -> str:
    """The SQL of the one number that stands for a key, `_key_hash` in raw."""
    return f"hash({', '.join(parts)})"


def key_hash_in_raw(entity: Entity) -> str:
    """The SQL of it, from the columns of the raw table."""
    return key_hash(key_parts(entity, {c.name: quoted(c.name) for c in entity.columns}))


def gather(connection: duckdb.DuckDBPyConnection, file_number: int, is_alone: bool) -> None:
    """Adds what `reading` left of a file to the rows to check: `gathered` and `gathered_torn`.

    They are the tables of `reading` behind a `_file_number` from 1. A file that comes alone is
    not copied.
    """
    rows = f"select {file_number} as _file_number, * from incoming"
    torn = f"select {file_number} as _file_number, * from torn"
    if file_number > 1:
        connection.execute(f"insert into gathered_rows {rows}; insert into gathered_torn {torn}")
        return
    if not is_alone:
        connection.execute(f"create or replace temp table gathered_rows as {rows}")
        rows = "from gathered_rows"
    connection.execute(
        f"create or replace temp view gathered as {rows};"
        f"create or replace temp table gathered_torn as {torn}"
    )


def judged(source: Source, relation: str) -> str:
    """The SQL of the rows of `relation` (`c0`, …), each with two more columns:

    `_rule`, the number of the first rule by which it is set aside, or NULL, and `_key`, the hash of
    its key, NULL where that cannot be read. Whether a key comes twice shows when all rows are read.
    """
    # A cast is written once: its macro is long, and planning it costs more than a small file.
    casts = {
        _cast(place): typed(column, place)
        for column, place in _present(source)
        if column.key or column.type != "text"
    }
    listed = "".join(f", {cast} as {name}" for name, cast in casts.items())
    left_out = f" exclude ({', '.join(casts)})" if casts else ""
    cases = " ".join(f"when {rule.fails} then {n}" for n, rule in enumerate(_rules(source)))
    return (
        f"select *{left_out}, case {cases} end as _rule, {_key(source)} as _key"
        f" from (select *{listed} from {relation})"
    )


def judge(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Judges the rows of `gathered`, where that was not done while they were read, or anew."""
    rows = "(select columns(lambda name: name not in ('_rule', '_key')) from gathered)"
    connection.execute(
        f"create or replace temp table judged_rows as {judged(source, rows)};"
        "create or replace temp view gathered as from judged_rows"
    )


def set_aside(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Fills the temporary tables `problems` and `repeats` from `gathered`, which is judged.

    `problems` (`_file_number`, `_row_number`, `reason`, `column_name`, `value`, `row_key`
    VARCHAR[], `raw_text`) holds each row to set aside once, those of `gathered_torn` too; `repeats`
    (`_file_number`, `_row_number`) the rows alike to an earlier one of their file.
    """
    connection.execute(
        """
        create or replace temp table problems as
        select
            _file_number, _row_number, reason, null::varchar as column_name,
            null::varchar as value, null::varchar[] as row_key, raw_text
        from gathered_torn
        """
    )
    _find_repeated(connection, source)
    rules = [*_rules(source), _Rule(Reason.DUPLICATE_KEY, ", ".join(source.entity.key))]
    connection.execute(
        f"""
        create or replace temp table repeats as
        select _file_number, _row_number from repeated where is_later and not is_conflict;

        create or replace temp table broken as
        select
            _file_number, _row_number, _rule as rule,
            _key is not null and _rule > {HEADER_RULE} as has_key,
        from gathered
        where _rule is not null
        union all
        select _file_number, _row_number, {len(rules) - 1}, true
        from repeated
        where is_conflict and not is_broken
        """
    )
    if connection.execute("from broken limit 1").fetchone() is None:
        return
    key = ", ".join(f"cast({part} as varchar)" for part in key_parts(source.entity, source.columns))
    names = ", ".join(
        f"({number}, {literal(rule.reason)}, {literal(rule.column)})"
        for number, rule in enumerate(rules)
    )
    skipped = "".join(
        f" when rule = {number} and {rule.clock} is not null then '{Reason.NONEXISTENT_LOCAL_TIME}'"
        for number, rule in enumerate(rules)
        if rule.clock
    )
    record = ", ".join(
        f"{literal(header or f'column {position + 1}')}, c{position}"
        for position, header in enumerate(source.headers)
    )
    connection.execute(
        f"""
        insert into problems
        select
            _file_number, _row_number,
            case{skipped} when true then reason end,
            nullif(column_name, ''),
            case
                when rule = {len(rules) - 1} then concat_ws(', ', {key})
                else [{", ".join(rule.place for rule in rules[:-1])}][rule + 1]
            end,
            case when has_key and {source.entity.key_is != "row"} then [{key}] end,
            cast(json_object({record}) as varchar)
        from gathered
        join broken using (_file_number, _row_number)
        join (values {names}) as rules (rule, reason, column_name) using (rule)
        """
    )


def _find_repeated(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Fills `repeated` (`_file_number`, `_row_number`, `is_conflict`, `is_later`, `is_broken`) with
    the rows whose key comes more than once in their file.

    Sorted as bare numbers, all keys take a fraction of the time that grouping them does.
    """
    import numpy

    in_file = "xor(_key, hash(_file_number))"
    keys = connection.execute(
        f"select {in_file} as key from gathered where _key is not null"
    ).fetchnumpy()["key"]
    keys.sort()
    repeated_keys = numpy.unique(keys[1:][keys[1:] == keys[:-1]])
    is_repeated = "false"
    if len(repeated_keys):
        connection.register("repeated_keys", {"key": repeated_keys})
        is_repeated = f"{in_file} in (select key from repeated_keys)"
    parts = ", ".join(key_parts(source.entity, source.columns))
    connection.execute(
        f"""
        create or replace temp table repeated as
        select
            _file_number, _row_number, _rule is not null as is_broken,
            min(content) over by_key <> max(content) over by_key as is_conflict,
            _row_number > min(_row_number) over by_key as is_later,
        from (select *, {_content_hash(source)} as content from gathered where {is_repeated})
        window by_key as (partition by _file_number, {parts})
        """
    )
    if len(repeated_keys):
        connection.unregister("repeated_keys")


def _present(source: Source) -> list[tuple[Column, str]]:
    """The promised columns that the file has, and where."""
    return [
        (column, place)
        for column in source.entity.columns
        if (place := source.columns[column.name]) is not None
    ]


def _cast(place: str) -> str:
    """Where the typed value of a place stands beside its text."""
    return f"{place}_cast"


def _key(source: Source) -> str:
    """The SQL of the hash of a row's key; NULL where it cannot be read, or is the row's number."""
    if source.entity.key_is == "row_number":
        return "null::ubigint"
    if source.entity.key_is == "row":
        return key_hash(key_parts(source.entity, source.columns))
    parts = {
        column.name: _cast(place) if (place := source.columns[column.name]) else "null"
        for column in source.entity.columns
        if column.key
    }
    readable = (
        f"({'' if column.required else f'is_blank({place}) or '}{_cast(place)} is not null)"
        for column, place in _present(source)
        if column.key
    )
    return f"case when {' and '.join(readable)} then {key_hash(parts.values())} end"


def _content_hash(source: Source) -> str:
    """What rows of one key must share so as to be alike: everything, where that is not the key."""
    if source.entity.key_is == "row":
        return "0"
    return f"hash({', '.join(f'c{position}' for position in range(len(source.headers)))})"


def _rules(source: Source) -> list[_Rule]:
    """The rules of the entity for the columns that the file has, in the order of `Reason`."""
    return sorted(_unordered_rules(source), key=lambda rule: list(Reason).index(rule.reason))


def _unordered_rules(source: Source) -> Iterator[_Rule]:
    present = _present(source)
    same_as_header = [
        # A cheap look before each trim: nearly no row passes it.
        f"contains(c{place}, {literal(name)}) and trim(c{place}) = {literal(name)}"
        for place, header in enumerate(source.headers)
        if (name := header.strip())
    ]
    yield _Rule(Reason.REPEATED_HEADER, fails=" and ".join(same_as_header))
    for column, place in present:
        if column.required:
            reason = Reason.MISSING_KEY if column.key else Reason.MISSING_REQUIRED_VALUE
            yield _Rule(reason, column.name, place, f"is_blank({place})")
    for column, place in present:
        clock = ""
        if column.type in ("date", "instant"):
            pattern = column.format and literal(column.format)
            clock = f"try_strptime(trim({place}), {pattern})" if pattern else f"clock_of({place})"
        if column.type != "text":
            fails = f"{_cast(place)} is null and not is_blank({place})"
            yield _Rule(NOT_OF_TYPE[column.type], column.name, place, fails, clock)
    for column, place in present:
        if column.values:
            listed = ", ".join(literal(value.lower()) for value in column.values)
            # As with the header, the cheap look first: most values are written as they are listed.
            fails = (
                f"{place} not in ({listed}) and not is_blank({place})"
                f" and lower(trim({place})) not in ({listed})"
            )
            yield _Rule(Reason.NOT_IN_LIST, column.name, place, fails)
    places = {column.name: place for column, place in present}
    for start, end in source.entity.intervals:
        if start in places and end in places:
            fails = f"{_cast(places[start])} > {_cast(places[end])}"
            yield _Rule(Reason.ENDS_BEFORE_START, end, places[end], fails)
