"""What the monthly reports share: what a section brings, and shares that are not shown of too few.

Belongs here: forms that both fill. Does not belong here: what a report asks and says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assets.reports.content import Number, Query, Section, Words, words
from assets.reports.published import Published
from assets.reports.review.found import FEW, Found
from assets.reports.signals import MIN_CASES

if TYPE_CHECKING:
    import altair


@dataclass(frozen=True)
class Share:
    """So many of so many; `rate` is None below the floor of cases."""

    numerator: Number
    denominator: Number
    rate: Number

    @property
    def words(self) -> Words:
        """The share, with what it is a share of."""
        if self.rate.value is None:
            return words("{} of {} (too few for a share)", self.numerator, self.denominator)
        return words("{} ({} of {})", self.rate, self.numerator, self.denominator)


def missing(key: str, title: str, question: str, marts: Iterable[str], why: str) -> Found:
    """A section of which nothing is there; `why` names the extract that would bring it."""
    return Found(Section(key, title, question, (), (), tuple(marts), why))


def rate(numerator: str, denominator: str) -> str:
    """SQL: the share, NULL where the denominator is below the floor of cases."""
    return (
        f"case when {denominator} >= {MIN_CASES}"
        f" then ({numerator})::double / ({denominator})::double end"
    )


def reason(denominator: str) -> str:
    """SQL: why there is no share; NULL where there is one. In the words of the marts."""
    return (
        f"case when coalesce({denominator}, 0) = 0 then 'no cases'"
        f" when {denominator} < {MIN_CASES} then '{FEW}' end"
    )


def share(marts: Published, sql: str, *parameters: Any) -> Share:
    """The share that a query of one row gives as numerator and denominator."""
    found = marts.numbers(
        f"select numerator, denominator, {rate('numerator', 'denominator')} as rate from ({sql})",
        {"numerator": "count", "denominator": "count", "rate": "rate"},
        *parameters,
    )
    return Share(found["numerator"], found["denominator"], found["rate"])


def share_of(marts: Published, series: str, period: Number) -> Share:
    """The share of one period of a series, as `signals` judges it."""
    return share(
        marts,
        "select coalesce(sum(numerator), 0) as numerator,"
        f" coalesce(sum(denominator), 0) as denominator from ({series}) where period = ?",
        period.value,
    )


def counted(marts: Published, sql: str, *parameters: Any) -> int:
    """A count that only decides what is told."""
    [[count]] = marts.ask(Query(sql, parameters))
    assert isinstance(count, int)
    return count


def labelled(field: str, labels: dict[str, str], title: str | None = None) -> "altair.Color":
    """The colour of a folded column, named as its reader knows it."""
    import altair as alt

    names = ", ".join(f"'{name}': \"{label}\"" for name, label in labels.items())
    return alt.Color(
        f"{field}:N",
        title=title,
        sort=list(labels),
        legend=alt.Legend(labelExpr=f"{{{names}}}[datum.value]"),
    )
