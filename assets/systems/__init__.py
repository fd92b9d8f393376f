"""What a source system is: the entities it delivers and the columns it promises.

Belongs here: the vocabulary of a table list (`Column`, `Entity`, `System`) and the list of
systems, found by looking into this folder. One module per source system holds a `SYSTEM`.
Does not belong here: reading files (`assets/landing`), casting and renaming (dbt staging).
"""

import importlib
import pkgutil
import re
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

ColumnType = Literal[
    "text", "integer", "decimal", "date", "instant", "boolean", "utc_date", "utc_instant"
]
Delivery = Literal["full", "delta"]
TYPES: tuple[str, ...] = get_args(ColumnType)


@dataclass(frozen=True)
class Column:
    """One promised column.

    A `utc_date` or `utc_instant` without an offset is in UTC, not in the business zone.
    `values` is a closed list; `format` a strptime pattern where the text is not ISO 8601, of a
    decimal the way in which it writes 1234.5 (1.234,5); `headers` what files call it, the usual
    one first; none given: the name.

    What it says of people, for `assets/landing/people.py`. `person`: it holds the id of one, or
    the name where the source knows people by name; with `person_where` (another column, values)
    only in rows where that column has one of the values. `naming`: a name, address or number that
    tells who the person of the row is. `personal`: what else it says about that person.
    """

    name: str
    type: ColumnType = "text"
    required: bool = False
    key: bool = False
    values: tuple[str, ...] = ()
    format: str | None = None
    headers: tuple[str, ...] = ()
    person: bool = False
    person_where: tuple[str, tuple[str, ...]] | None = None
    naming: bool = False
    personal: bool = False

    @property
    def called(self) -> tuple[str, ...]:
        return self.headers or (self.name,)


@dataclass(frozen=True)
class Entity:
    """One extract: its columns, whether a file is the full set, and what tells rows apart.

    `key_is`: "columns" (the key columns), "row" (the whole row, for a log without ids) or
    "row_number" (each row is a thing of its own, alike or not).
    `intervals`: pairs of columns of which the first may not lie after the second.
    `confidential`: the readable copy of what is set aside shows nothing that its rows hold.
    """

    name: str
    columns: tuple[Column, ...]
    delivery: Delivery = "full"
    key_is: Literal["columns", "row", "row_number"] = "columns"
    intervals: tuple[tuple[str, str], ...] = ()
    confidential: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.key)


@dataclass(frozen=True)
class System:
    """A source system: its name is the landing folder, the raw schema and the staging folder."""

    name: str
    entities: tuple[Entity, ...]
    description: str = ""
    tables: dict[str, Entity] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", {entity.name: entity for entity in self.entities})


def columns(notation: str) -> tuple[Column, ...]:
    """Columns from one line each:

    `name [type] [key|key?] [required] [in a|b|c] [person [where COLUMN=a|b]] [naming] [personal]
    [as FORMAT] [called HEADER|HEADER]`.

    A `key` is required; `key?` may be empty. The type is text where none is named. Separate by
    line break or `;`.

    Raises:
        ValueError: a word of a line is none of these, or a decimal's format does not say 1234.5.
    """
    found = []
    for line in notation.replace(";", "\n").splitlines():
        line, _, headers = line.strip().partition(" called ")
        line, _, pattern = line.partition(" as ")
        if not line:
            continue
        name, *words = line.split()
        said: dict[str, Any] = {}
        rest = iter(words)
        for word in rest:
            if word in TYPES:
                said["type"] = word
            elif word in ("required", "person", "naming", "personal"):
                said[word] = True
            elif word == "key":
                said |= {"key": True, "required": True}
            elif word == "key?":
                said["key"] = True
            elif word == "in":
                said["values"] = tuple(next(rest).split("|"))
            elif word == "where" and "person" in said:
                where, _, values = next(rest).partition("=")
                said["person_where"] = (where, tuple(values.split("|")))
            else:
                raise ValueError(f"column {name}: what is {word!r}?")
        if headers:
            said["headers"] = tuple(headers.split("|"))
        pattern = pattern.strip()
        if pattern and said.get("type") == "decimal" and not re.fullmatch(r"1\D234\D5", pattern):
            raise ValueError(f"column {name}: write 1234.5 as it does, not {pattern!r}")
        found.append(Column(name, format=pattern or None, **said))
    return tuple(found)


def all_systems() -> dict[str, System]:
    """Every system of this folder by name, in alphabetical order."""
    modules = (
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    )
    return {module.SYSTEM.name: module.SYSTEM for module in modules}
