"""Which rows of a file are set aside and why: the closed list of reasons, and their SQL.

Works set by set on the rows of one file or of several with the same headers, with the macros of
casts.sql; a row is set aside for the first reason that holds, in the order of `Reason`.
"""

import re
from collections.abc import Iterator, Mapping
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
    NOT_A_NUMBER = "not_a_number", "the value is not a number with a decimal point"
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
    "instant": Reason.NOT_AN_INSTANT,
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


#: the number of the rule that finds the header said again, whose key is none
HEADER_RULE = 0


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


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
    """The SQL of each part of what tells rows of this entity apart, as VARCHAR, maybe NULL.

    `places` maps column names to where they stand, in a file or in the raw table.
    """
    match entity.key_is:
        case "row_number":
            return ["cast(_row_number as varchar)"]
        case "row":
            texts = (places[column.name] or "null" for column in entity.columns)
            parts = ", ".join(f"coalesce({text}, chr(30))" for text in texts)
            return [f"md5(concat_ws(chr(31), {parts}))"]
        case _:
            return [
                f"cast({typed(column, place)} as varchar)" if place else "cast(null as varchar)"
                for column in entity.columns
                if column.key
                for place in [places[column.name]]
            ]


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


def set_aside(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Fills the temporary tables `problems` and `repeats` from `gathered` and `gathered_torn`.

    `problems` (`_file_number`, `_row_number`, `reason`, `column_name`, `value`, `row_key`
    VARCHAR[], `raw_text`) holds each row to set aside once; `repeats` (`_file_number`,
    `_row_number`) the rows alike to an earlier one of their file.
    """
    rules = [*_rules(source), _Rule(Reason.DUPLICATE_KEY, ", ".join(source.entity.key))]
    cases = " ".join(
        f"when {rule.fails} then {number}" for number, rule in enumerate(rules) if rule.fails
    )
    # A cast is written once: its macro is long, and planning it costs more than a small file.
    casts = "".join(
        f", {typed(column, place)} as {_cast(place)}"
        for column, place in _present(source)
        if column.key or column.type != "text"
    )
    connection.execute(
        f"""
        create or replace temp table checked as
        select
            _file_number, _row_number, case {cases} end as rule, {_key_hash(source)} as key
        from (select *{casts} from gathered);

        create or replace temp table repeated as
        with same_key as (
            select _file_number, _row_number, key
            from checked
            where key in (select key from checked group by key having count(*) > 1)
        ),
        compared as (
            select _file_number, _row_number, key, {_content_hash(source)} as content
            from gathered
            join same_key using (_file_number, _row_number)
        )
        select
            _file_number, _row_number,
            min(content) over by_key <> max(content) over by_key as is_conflict,
            _row_number > min(_row_number) over by_key as is_later,
        from compared
        window by_key as (partition by key);

        create or replace temp table repeats as
        select _file_number, _row_number from repeated where is_later and not is_conflict;

        create or replace temp table broken as
        select
            _file_number, _row_number, coalesce(rule, {len(rules) - 1}) as rule,
            key is not null and coalesce(rule, 1) > {HEADER_RULE} as has_key,
        from checked
        where rule is not null
            or (_file_number, _row_number) in (
                select (_file_number, _row_number) from repeated where is_conflict
            );

        create or replace temp table problems as
        select
            _file_number, _row_number, reason, null::varchar as column_name,
            null::varchar as value, null::varchar[] as row_key, raw_text
        from gathered_torn
        """
    )
    if connection.execute("from broken limit 1").fetchone() is None:
        return
    key = ", ".join(key_parts(source.entity, source.columns))
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


def _key_hash(source: Source) -> str:
    """What rows of one key share within the file; NULL where the key cannot be read."""
    if source.entity.key_is == "row_number":
        return "null::ubigint"
    if source.entity.key_is == "row":
        return f"hash(_file_number, {', '.join(place for _, place in _present(source))})"
    parts = [(column, place) for column, place in _present(source) if column.key]
    readable = (
        f"({'' if column.required else f'is_blank({place}) or '}{_cast(place)} is not null)"
        for column, place in parts
    )
    hashed = f"hash(_file_number, {', '.join(_cast(place) for _, place in parts)})"
    return f"case when {' and '.join(readable)} then {hashed} end"


def _content_hash(source: Source) -> str:
    """What rows of one key must share so as to be alike: everything, where that is not the key."""
    if source.entity.key_is == "row":
        return "0"
    return f"hash({', '.join(f'c{position}' for position in range(len(source.headers)))})"


def _rules(source: Source) -> Iterator[_Rule]:
    """The rules of the entity for the columns that the file has, in the order of `Reason`."""
    present = _present(source)
    same_as_header = [
        # A cheap look before each trim: nearly no row passes it.
        f"contains(c{place}, {literal(name)}) and trim(c{place}) = {literal(name)}"
        for place, header in enumerate(source.headers)
        if (name := header.strip())
    ]
    yield _Rule(Reason.REPEATED_HEADER, fails=" and ".join(same_as_header))
    for column, place in sorted(present, key=lambda found: not found[0].key):
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
            fails = f"not is_blank({place}) and lower(trim({place})) not in ({listed})"
            yield _Rule(Reason.NOT_IN_LIST, column.name, place, fails)
    places = {column.name: place for column, place in present}
    for start, end in source.entity.intervals:
        if start in places and end in places:
            fails = f"{_cast(places[start])} > {_cast(places[end])}"
            yield _Rule(Reason.ENDS_BEFORE_START, end, places[end], fails)
