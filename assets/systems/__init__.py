"""What a source system is: the entities it delivers and the columns it promises.

Belongs here: the vocabulary of a table list (`Column`, `Entity`, `System`) and the list of
systems, found by looking into this folder. One module per source system holds a `SYSTEM`.
Does not belong here: reading files (`assets/landing`), casting and renaming (dbt staging).
"""

import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import Literal

ColumnType = Literal["text", "integer", "decimal", "date", "instant", "boolean"]
Delivery = Literal["full", "delta"]
TYPES: tuple[str, ...] = ("text", "integer", "decimal", "date", "instant", "boolean")


@dataclass(frozen=True)
class Column:
    """One promised column.

    `values` is a closed list; `format` a strptime pattern where the text is not ISO 8601;
    `header` what the file calls it, where that is not the name.
    """

    name: str
    type: ColumnType = "text"
    required: bool = False
    key: bool = False
    values: tuple[str, ...] = ()
    format: str | None = None
    header: str | None = None


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

    `name [type] [key|key?] [required] [in a|b|c] [as FORMAT] [called HEADER]`.

    A `key` is required; `key?` may be empty. The type is text where none is named. Separate by
    line break or `;`.

    Raises:
        ValueError: a word of a line is none of these.
    """
    found = []
    for line in notation.replace(";", "\n").splitlines():
        line, _, header = line.strip().partition(" called ")
        line, _, pattern = line.partition(" as ")
        if not line:
            continue
        name, *words = line.split()
        type_: ColumnType = "text"
        key = required = False
        values: tuple[str, ...] = ()
        rest = iter(words)
        for word in rest:
            if word in TYPES:
                type_ = word  # type: ignore[assignment]
            elif word in ("key", "key?"):
                key, required = True, required or word == "key"
            elif word == "required":
                required = True
            elif word == "in":
                values = tuple(next(rest).split("|"))
            else:
                raise ValueError(f"column {name}: what is {word!r}?")
        found.append(
            Column(name, type_, required, key, values, pattern.strip() or None, header or None)
        )
    return tuple(found)


def all_systems() -> dict[str, System]:
    """Every system of this folder by name, in alphabetical order."""
    modules = (
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    )
    return {module.SYSTEM.name: module.SYSTEM for module in modules}
