"""People who are forgotten: who they are, kept in `state/`, so that landing knows them again.

`forget` looks a person up in what was taken in and writes down who it is; from then on landing
keeps the person out of every file (`withholding`), also when the warehouse is made anew. What a
table list says of people (`Column.person`, `naming`, `personal`) decides where they are looked for.

`state/forgotten` holds no id and no name, only salted hashes: enough to know a person again or to
test a guess, but no list of people. It is append-only, as all of `state/`.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb

from assets.landing import ledger
from assets.landing.checking import literal, normalised, quoted
from assets.landing.withholding import term, words
from assets.settings import Settings
from assets.systems import Entity, System, all_systems

MODES = ("pseudonymise", "erase")
TABLE = """
create table if not exists landing.forgotten (
    source_system varchar,             -- NULL = every system
    term_hash varchar not null,
    word_count integer not null,       -- of what is looked for within texts; 0 = it is not
    prefix varchar not null,           -- what the stand-in must begin with, as the id does
    mode varchar not null,             -- pseudonymise, erase
    pseudonym varchar not null,        -- what stands for the person
    salt varchar not null              -- one for all
);
"""
SOUGHT = ("term_hash", "word_count", "prefix")
COLUMNS = ("source_system", *SOUGHT, "mode", "pseudonym", "salt")
#: an id of Salesforce begins with what it is an id of; it has 15 characters, or 18, of which the
#: last three say which are capitals
SALESFORCE_ID = re.compile(r"((00[A-Za-z0-9])[A-Za-z0-9]{12})(?:[A-Z0-5]{3})?")
SALESFORCE_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass
class Person:
    """Whom `forget` looked for, and where the warehouse names the person."""

    #: the spellings of the id, as terms
    ids: set[str]
    #: (system, table and column) → rows
    found: dict[tuple[str, str], int] = field(default_factory=dict)
    #: the names, as terms
    names: set[str] = field(default_factory=set)
    #: whether anything was written down that was not before
    is_new: bool = False

    def saw(self, system: System, place: str, rows: int) -> None:
        if rows:
            key = (system.name, place)
            self.found[key] = self.found.get(key, 0) + rows


def forget(settings: Settings, person: str, system: str, mode: str, reason: str) -> Person:
    """Writes down that a person is forgotten; returns where the warehouse named the person.

    Somebody who is forgotten already is found nowhere; that is no error.

    Args:
        person: the id (or name) as the source has it, or as the marts have it (`maven:…`).
        system: the source system, `all`, or blank for the one that names the person.

    Raises:
        ValueError: in words: nobody is named so, or somebody in several systems and none was
            chosen; no reason is given, or it names the person; who was erased is to be
            pseudonymised.
    """
    prefix, _, rest = person.partition(":")
    if not system and rest.strip() and prefix in all_systems():
        system, person = prefix, rest
    if system not in ("", "all", *all_systems()):
        raise ValueError(f"there is no system {system!r}; there are {', '.join(all_systems())}")
    if mode not in MODES:
        raise ValueError(f"MODE is {mode!r}; it takes one of {', '.join(MODES)}")
    if not person.strip() or not reason.strip():
        raise ValueError("say whom and why: make forget PERSON=… REASON='…'")
    with duckdb.connect() as connection:
        sought = Person(set(_terms(connection, _spellings(person))))
        _look_up(connection, settings, system, sought)
        written = _written(settings)
        salt = written[0]["salt"] if written else secrets.token_hex(16)
        hashes = {_hash(salt, each) for each in sought.ids}
        known = [
            row
            for row in written
            if row["term_hash"] in hashes and (not system or row["source_system"] in (None, system))
        ]
        systems = {name for name, _ in sought.found} or {row["source_system"] for row in known}
        if not systems:
            raise ValueError(_nobody(connection, settings, person))
        if len(systems) > 1 and not system:
            raise ValueError(
                f"{person} is named in several systems ({', '.join(sorted(map(str, systems)))}),"
                " maybe different people: say SYSTEM=… or SYSTEM=all"
            )
        if any(row["mode"] == "erase" for row in known) and mode != "erase":
            raise ValueError(f"{person} was erased, and a pseudonym cannot undo that")
        terms = set(_searched(_terms(connection, sought.names), ""))
        terms |= set(_searched(_terms(connection, _spellings(person)), _prefix(person)))
        if _told(connection, reason, terms):
            raise ValueError("the reason is kept, and it names the person: say it without")
    scope = None if system == "all" else system or systems.pop()
    stands_for = f"person-{secrets.token_hex(4)}"
    for row in known:
        if row["mode"] == mode and row["source_system"] in (None, scope):
            stands_for, scope = row["pseudonym"], row["source_system"]
    # whoever was pseudonymised is erased under all that is known of them
    earlier = {row["pseudonym"] for row in known}
    found = {(_hash(salt, each), count, prefix) for each, count, prefix in terms}
    found |= {_sought(row) for row in written if row["pseudonym"] in earlier}
    found -= {_sought(row) for row in written if row["pseudonym"] == stands_for}
    now = datetime.now(UTC).replace(tzinfo=None)
    said = {"source_system": scope, "mode": mode, "pseudonym": stands_for, "salt": salt}
    said |= {"reason": reason, "forgotten_at": now}
    rows = [dict(zip(SOUGHT, each, strict=True)) | said for each in sorted(found)]
    ledger.append_state(settings.state / "forgotten", rows, now)
    sought.is_new = bool(rows)
    return sought


def is_anybody_forgotten(settings: Settings) -> bool:
    return bool(_written(settings))


def last_forgotten_at(settings: Settings) -> datetime | None:
    """When somebody was last forgotten, in UTC without zone: what is older may name them."""
    return max((row["forgotten_at"] for row in _written(settings)), default=None)


def refresh(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Tells a warehouse whom `state/` has forgotten."""
    connection.execute(TABLE)
    connection.execute("delete from landing.forgotten")
    for row in _written(settings):
        connection.execute(
            "insert into landing.forgotten values ($1, $2, $3, $4, $5, $6, $7)",
            [row[name] for name in COLUMNS],
        )


def is_known_to(connection: duckdb.DuckDBPyConnection, settings: Settings) -> bool:
    """Whether the warehouse was made without all who are forgotten."""
    written = {tuple(row[name] for name in COLUMNS) for row in _written(settings)}
    try:
        return written <= set(connection.execute("from landing.forgotten").fetchall())
    except duckdb.CatalogException:  # it was made before anybody could be
        return not written


def _spellings(person: str) -> list[str]:
    """The id, and what it is in the other length where it may be one of Salesforce."""
    found = SALESFORCE_ID.fullmatch(person.strip())
    if found is None:
        return [person]
    stem = found[1]
    chunks = (stem[start : start + 5] for start in (0, 5, 10))
    check = "".join(
        SALESFORCE_CHECK[sum(letter.isupper() << place for place, letter in enumerate(chunk))]
        for chunk in chunks
    )
    return [person, stem, stem + check]


def _prefix(person: str) -> str:
    found = SALESFORCE_ID.fullmatch(person.strip())
    return found[2] if found else ""


def _sought(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in SOUGHT)


def _hash(salt: str, text: str) -> str:
    return hashlib.sha256((salt + text).encode()).hexdigest()


def _terms(connection: duckdb.DuckDBPyConnection, texts: Iterable[str]) -> dict[str, list[str]]:
    """The term of each text, with its words."""
    found = connection.execute(
        f"select {term('text')}, {words('text')} from (select unnest($1::varchar[]) as text)",
        [list(texts)],
    )
    return dict(found.fetchall())


def _searched(terms: dict[str, list[str]], prefix: str) -> Iterator[tuple[str, int, str]]:
    """What a person is known by: each term, with the number of words by which it is looked for.

    0 words: only what consists of the term is the person, and its stand-in begins with `prefix`.
    Names and addresses are found within texts, too, with the last words first as well; so are ids
    that nobody takes for a word or a number.
    """
    for each, said in terms.items():
        yield each, 0, prefix
        is_code = len(each) > 3 and re.search(r"\d", each) and re.search(r"[^\W\d]", each)
        if is_code or (len(said) > 1 and " " in each):
            for start in range(len(said)):
                yield " ".join(said[start:] + said[:start]), len(said), ""


def _look_up(
    connection: duckdb.DuckDBPyConnection, settings: Settings, system: str, sought: Person
) -> None:
    """Fills in where the person is named, and by what names that nobody else bears."""
    if not settings.warehouse.exists():
        return
    connection.execute(f"attach {literal(str(settings.warehouse))} as w (read_only); use w")
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'w'"
    ).fetchall()
    for each in all_systems().values():
        if system in ("", "all", each.name):
            for entity in each.entities:
                if (f"raw_{each.name}", entity.name) in tables:
                    _look_up_in_raw(connection, each, entity, sought)
            _look_up_in_quarantine(connection, each, sought)


def _look_up_in_raw(
    connection: duckdb.DuckDBPyConnection,
    system: System,
    entity: Entity,
    sought: Person,
) -> None:
    table = f"{quoted('raw_' + system.name)}.{quoted(entity.name)}"
    ids = ", ".join(map(literal, sought.ids))
    for column in entity.columns:
        if not column.person:
            continue
        where = "true"
        if column.person_where:
            listed = ", ".join(literal(value.lower()) for value in column.person_where[1])
            where = f"lower(trim({quoted(column.person_where[0])})) in ({listed})"
        name = quoted(column.name)
        [(rows,)] = connection.execute(
            f"select sum(row_count) from (select {name} as value, count(*) as row_count"
            f" from {table} where {where} group by value) where {term('value')} in ({ids})"
        ).fetchall()
        sought.saw(system, f"{entity.name}.{column.name}", int(rows or 0))
    for key, name in _own_names(entity):
        is_own = f"{term(quoted(key))} in ({ids})"
        of_others = f"select {term(quoted(name))} from {table} where not {is_own}"
        sought.names |= {
            found
            for (found,) in connection.execute(
                f"select {term(quoted(name))} from {table} where {is_own} and {quoted(name)} <> ''"
                f" except {of_others}"
            ).fetchall()
        }


def _look_up_in_quarantine(
    connection: duckdb.DuckDBPyConnection, system: System, sought: Person
) -> None:
    first_words = " or ".join(
        f"contains(lower(raw_text), {literal(each.lower().split()[0])})" for each in sought.ids
    )
    for name, text in connection.execute(
        "select entity, raw_text from landing.quarantined_rows"
        f" where source_system = $1 and ({first_words})",
        [system.name],
    ).fetchall():
        try:
            cells = {normalised(header): value or "" for header, value in json.loads(text).items()}
        except (ValueError, AttributeError):  # a row that was not even a row
            cells = {str(place): cell for place, cell in enumerate(re.split(r'[,;\t"]', text))}
        [(terms,)] = connection.execute(
            f"select list_transform($1::varchar[], lambda text: {term('text')})",
            [list(cells.values())],
        ).fetchall()
        told = dict(zip(cells, terms, strict=True))
        sought.saw(system, f"{name}, set aside", int(not sought.ids.isdisjoint(terms)))
        entity = system.tables[name]
        for key, naming in _own_names(entity):
            if any(told.get(header) in sought.ids for header in _headers(entity, key)):
                sought.names |= {
                    told[header] for header in _headers(entity, naming) if told.get(header)
                }


def _headers(entity: Entity, name: str) -> list[str]:
    [column] = [column for column in entity.columns if column.name == name]
    return [normalised(header) for header in column.called]


def _own_names(entity: Entity) -> Iterator[tuple[str, str]]:
    """The columns that name the person who is the key of a row, each behind the key."""
    keys = [column.name for column in entity.columns if column.person and column.key]
    if len(keys) == 1:
        for column in entity.columns:
            if column.naming:
                yield keys[0], column.name


def _written(settings: Settings) -> list[dict[str, Any]]:
    return ledger.read_state(settings.state / "forgotten")


def _told(
    connection: duckdb.DuckDBPyConnection, text: str, terms: Iterable[tuple[str, int, str]]
) -> bool:
    """Whether a text holds one of the terms."""
    [(found,)] = connection.execute(f"select {words('$1::varchar')}", [text]).fetchall()
    said = f" {' '.join(found)} "
    return any(f" {each} " in (said if count else f" {text} ") for each, count, _ in terms)


def _nobody(connection: duckdb.DuckDBPyConnection, settings: Settings, person: str) -> str:
    """Why nobody was found; where this is a name, whose."""
    called: set[str] = set()
    if settings.warehouse.exists():
        for system in all_systems().values():
            for entity in system.entities:
                table = f"{quoted('raw_' + system.name)}.{quoted(entity.name)}"
                for key, name in _own_names(entity):
                    called |= {
                        f"PERSON={found} SYSTEM={system.name}"
                        for (found,) in connection.execute(
                            f"select distinct {quoted(key)} from {table}"
                            f" where {term(quoted(name))} = {term('$1::varchar')}",
                            [person],
                        ).fetchall()
                    }
    if called:
        return f"{person} is a name; say whose, by the id: {', or '.join(sorted(called))}"
    return (
        f"no column of persons holds {person} in what was taken in, so nothing was changed; say the"
        " id as the source has it, and take in what waits in landing first (make run)"
    )
