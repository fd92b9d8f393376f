"""Keeps people who are forgotten out of the rows of a file, between reading and checking.

Works set by set on what `checking.gather` left, and only where somebody of the system is forgotten
(`landing.forgotten`, which `people` fills). Distinct values are looked at, and a file that names
nobody forgotten stays as it is.

- A column of persons that holds somebody forgotten gets what stands for them: a pseudonym, or
  `erased`. Where an erased person is part of a key it is a label, one for all extracts whose key
  begins with the same column: rows stay apart, and what an objective came to stays with it, but
  the person's deals, objectives and answers cannot be put together any more.
- In rows of their own (of which they are the key; where no person is the key, which name them) the
  names go; when they are erased, so does all that is personal; and where they are the key, the
  columns that no table list knows.
- Texts, and columns that no table list knows, are searched for their ids and names.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from assets.landing.checking import Source, literal
from assets.systems import System

#: stands for somebody erased
ERASED = "erased"
#: stands for a row that is not even a row: nobody can tell who is in it
TORN_TEXT = "(withheld: people of this system are forgotten)"
#: what a text must hold to name somebody: two words, an address, or letters and digits
TELLING = r"\S\s+\S|@|\p{L}.*[0-9]|[0-9].*\p{L}"
BETWEEN_WORDS = r"[^\p{L}\p{N}]+"


def words(text: str) -> str:
    """The SQL of the words of a text, in small letters."""
    return f"regexp_extract_all(lower(nfc_normalize({text})), '[\\p{{L}}\\p{{N}}]+')"


def term(text: str) -> str:
    """The SQL of what is compared, so that a person is known again.

    An id as it stands, without the blanks around it; of a text with a blank or an `@` in it, which
    is a name or an address, the words, whatever case and punctuation.
    """
    return (
        f"case when regexp_matches(trim({text}), '\\s|@')"
        f" then array_to_string({words(text)}, ' ') else trim({text}) end"
    )


def withhold(
    connection: duckdb.DuckDBPyConnection,
    system: System,
    source: Source,
    extra: Mapping[str, str],
) -> set[int]:
    """Makes `gathered` and `gathered_torn` as if nobody forgotten had been named in them.

    `extra` are the columns that no table list knows (name in raw → place).

    Returns:
        the numbers of the files that did name somebody.
    """
    found = connection.execute(
        "select min(salt) from landing.forgotten where coalesce(source_system, $1) = $1",
        [system.name],
    ).fetchone()
    if found is None or found[0] is None:
        return set()
    return _Withholding(connection, system, source, extra, found[0]).carry_out()


@dataclass(frozen=True)
class _Person:
    """A place of the file that may hold a person, and nothing else.

    `is_key`: it tells rows apart; `where`: the SQL of the rows in which it holds one.
    """

    place: str
    is_key: bool = False
    where: str = "true"

    @property
    def is_named(self) -> str:
        """The SQL of whether this is the person that a row of `named` tells of."""
        at_place = f"named.place = {literal(self.place)} and named.value = {self.place}"
        return f"{at_place} and {self.where}"


class _Withholding:
    """Finds `named` (`place`, `value`, `mode`, `replacement`), the values that are a person, and
    `mentioned` (`value`, `replacement`), the texts that hold one; then replaces them.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        system: System,
        source: Source,
        extra: Mapping[str, str],
        salt: str,
    ) -> None:
        self.connection = connection
        self.system = system
        self.entity = source.entity
        self.salt = salt
        self.places = source.columns
        self.present = [
            (column, place)
            for column in source.entity.columns
            if (place := source.columns[column.name]) is not None
        ]
        self.persons = list(self._persons())
        self.unknown = [_Person(place) for place in extra.values()]
        self.texts = [
            place
            for column, place in self.present
            if column.type == "text"
            and not (column.values or column.person or column.naming or column.personal)
            and not re.search("(^|_)id$", column.name)
        ] + list(extra.values())

    def _persons(self) -> Iterator[_Person]:
        for column, place in self.present:
            is_key = column.key or self.entity.key_is == "row"
            if column.person and column.person_where is None:
                yield _Person(place, is_key)
            elif column.person_where and (where := self.places[column.person_where[0]]):
                listed = ", ".join(literal(value.lower()) for value in column.person_where[1])
                yield _Person(place, is_key, f"lower(trim({where})) in ({listed})")

    def carry_out(self) -> set[int]:
        self.connection.execute(
            """
            create or replace temp table forgotten_here as
            from landing.forgotten
            where coalesce(source_system, $1) = $1
            qualify row_number() over (
                partition by term_hash, word_count order by mode = 'erase' desc, pseudonym
            ) = 1
            """,
            [self.system.name],
        )
        self.connection.execute(f"update gathered_torn set raw_text = {literal(TORN_TEXT)}")
        self._find_named()
        self._find_mentioned()
        files = self._files()
        if files:
            self.connection.execute("create or replace temp table withheld as from gathered")
            self._empty_own_rows()
            self._replace()
            self.connection.execute("create or replace temp view gathered as from withheld")
        return files

    def _find_named(self) -> None:
        told = " union all ".join(
            f"select {literal(each.place)} as place, {each.place} as value,"
            f" {each.is_key} as is_key from gathered"
            f" where {each.place} is not null and {each.where} group by {each.place}"
            for each in (*self.persons, *self.unknown)
        )
        about = literal(self.entity.key[0] if self.entity.key else self.entity.name)
        label = f"'{ERASED}-' || left({self._hash(f'pseudonym || {about}')}, 8)"
        self.connection.execute(
            f"""
            create or replace temp table named as
            select
                place, value, mode,
                case
                    when mode <> 'erase' then pseudonym when is_key then {label} else '{ERASED}'
                end as stand_in,
                case
                    when prefix = '' then stand_in
                    else prefix || rpad(left(replace(stand_in, '-', ''), 12), 12, '0')
                end as replacement,
            from ({told or "select '' as place, '' as value, false as is_key limit 0"}) as told
            join forgotten_here on term_hash = {self._hash(term("value"))}
            qualify row_number() over (
                partition by place, value order by mode = 'erase' desc, pseudonym
            ) = 1
            """
        )

    def _find_mentioned(self) -> None:
        texts = " union ".join(
            f"select {place} as value from gathered"
            f" where regexp_matches({place}, {literal(TELLING)})"
            for place in self.texts
        )
        self.connection.execute(
            f"""
            create or replace temp table mentions as
            with texts as ({texts or "select '' as value limit 0"}),
            worded as (select value, {words("value")} as words from texts),
            sizes as (select distinct word_count as size from forgotten_here where word_count > 0),
            runs as (
                select distinct
                    value, size,
                    unnest(
                        list_transform(
                            range(1, greatest(len(words) - size + 2, 1)),
                            lambda start: words[start:start + size - 1]
                        )
                    ) as run,
                from worded
                cross join sizes
            )
            select
                value, run,
                case when mode = 'erase' then '{ERASED}' else pseudonym end as replacement,
            from runs
            join forgotten_here
                on word_count = size and term_hash = {self._hash("array_to_string(run, ' ')")}
            -- of single words only those that may be an id
            where size > 1 or regexp_matches(run[1], '[0-9]');

            create or replace temp table mentioned as
            select distinct value, nfc_normalize(value) as replacement from mentions
            """
        )
        for run, replacement in self.connection.execute(
            "select distinct run, replacement from mentions order by all"
        ).fetchall():
            self.connection.execute(
                "update mentioned set replacement = regexp_replace(replacement, $1, $2, 'gi')",
                [BETWEEN_WORDS.join(re.escape(word) for word in run), replacement],
            )

    def _files(self) -> set[int]:
        found = self.connection.execute("select distinct place from named").fetchall()
        matched = [each for each in (*self.persons, *self.unknown) if (each.place,) in found]
        rows = [
            f"select _file_number from gathered join named on {each.is_named}" for each in matched
        ]
        if self.connection.execute("from mentioned limit 1").fetchone():
            rows += [
                f"select _file_number from gathered join mentioned on value = {place}"
                for place in self.texts
            ]
        if not rows:
            return set()
        return {number for (number,) in self.connection.execute(" union ".join(rows)).fetchall()}

    def _empty_own_rows(self) -> None:
        """What must be filled gets what stands for the person, if it is a text."""
        keys = [each for each in self.persons if each.is_key and self.entity.key_is == "columns"]
        for column, place in self.present:
            if column.key or not (column.naming or column.personal):
                continue
            if column.required and column.type != "text":
                continue
            value = "replacement" if column.required else "null"
            which = "true" if column.naming else "mode = 'erase'"
            for person in keys or self.persons:
                self._set(place, value, f"{person.is_named} and {which}")
        for each in self.unknown:
            for person in keys:
                self._set(each.place, "null", person.is_named)

    def _replace(self) -> None:
        for each in (*self.persons, *self.unknown):
            self._set(each.place, "replacement", each.is_named)
        for place in self.texts:
            self.connection.execute(
                f"update withheld set {place} = replacement from mentioned where value = {place}"
            )

    def _set(self, place: str, value: str, where: str) -> None:
        self.connection.execute(f"update withheld set {place} = {value} from named where {where}")

    def _hash(self, text: str) -> str:
        return f"sha256({literal(self.salt)} || {text})"
