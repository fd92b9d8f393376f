"""What a suite is made of. One module per source system, `marts.py` for what is published.

A rule finds rows that should not be. It blocks the line; with `warn` (a date and a reason) it
only reports, which is for what a source is known to do and the line can live with.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One thing that must hold.

    `finds`: SQL that selects the rows that break it, `{batch}` being the table under test; a bare
    condition is short for `select * from {batch} where <condition>`.
    `says`: what is wrong with those rows (`what` they are); `way_out`: what to do about it.
    `shows`: SQL that names such a row to a reader; where it is not given, file and row number.
    `keeps_rows`: whether the rows are copied into `quarantined_rows`.
    """

    name: str
    finds: str
    says: str
    way_out: str
    what: str = "rows"
    shows: str | None = None
    warn: str | None = None
    keeps_rows: bool = True

    @property
    def query(self) -> str:
        found = self.finds.strip()
        if not found.lower().startswith(("select ", "with ")):
            return f"select * from {{batch}} where {found}"
        # Great Expectations prints a line for every query that does not name its batch
        return found if "{batch}" in found else f"{found} /* looks beyond {{batch}} */"


@dataclass(frozen=True)
class Suite:
    """What must hold of one table: a key without twins, columns that are filled, and rules."""

    key: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()


def suite(key: str = "", filled: str = "", *rules: Rule) -> Suite:
    """A suite from column names in one string each, divided by blanks."""
    return Suite(tuple(key.split()), tuple(filled.split()), rules)
