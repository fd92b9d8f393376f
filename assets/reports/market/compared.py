"""What members side by side look like: their limits, their verdict in words."""

from typing import Any

from assets.reports.content import VERDICT_WORDS, Chart, Column, NativeChart, Words
from assets.reports.published import Published
from assets.reports.signals import specified

#: the last twelve whole months, of which this report tells
PERIOD = "period_kind = 'last_12_months'"
#: SQL: the cause as a reader knows it
VERDICT = (
    f"case cause when 'special' then '{VERDICT_WORDS['signal']}'"
    f" when 'common' then '{VERDICT_WORDS['noise']}' end"
)


def of_system(column: str) -> str:
    """SQL: what `*` has, the column with its system behind it where several tell of theirs."""
    return (
        f"* replace ({column} || case when min(source_system) over () < max(source_system) over ()"
        f" then ' (' || source_system || ')' else '' end as {column})"
    )


def chart(
    marts: Published, title: str, label: Words, member: str, rate: str, sql: str, ticks: str
) -> Chart:
    """Members side by side, each with the limits around the rate in common.

    Args:
        member, rate: what they are called.
        sql: rows of member, value, shrunken, centre, lower_limit_998, upper_limit_998, verdict.
        ticks: what the rate in common is.
    """
    return marts.chart(
        title,
        label,
        _side_by_side(member, rate),
        sql,
        {
            "member": Column(member),
            "value": Column(rate, "rate"),
            "shrunken": Column("Shrunken", "rate"),
            "centre": Column("In common", "rate"),
            "lower_limit_998": Column("Lower limit", "rate"),
            "upper_limit_998": Column("Upper limit", "rate"),
            "verdict": Column("Verdict"),
        },
        native=NativeChart("bar", "member", ("value", "centre")),
        note=(f"Bars: the limits of so many cases; ticks: {ticks}; diamonds: signals.",),
    )


def _side_by_side(member: str, rate: str) -> dict[str, Any]:
    import altair as alt

    data = alt.Chart(alt.NamedData("rows"))
    y = alt.Y("member:N", title=None)
    axis = alt.Axis(format=".0%")
    limits = data.mark_rule(strokeWidth=6, opacity=0.25).encode(
        x=alt.X("lower_limit_998:Q", title=rate, axis=axis), x2="upper_limit_998:Q", y=y
    )
    centre = data.mark_tick(thickness=2).encode(x="centre:Q", y=y)
    is_usual = f"datum.verdict != '{VERDICT_WORDS['signal']}'"
    points = data.mark_point(filled=True).encode(
        x="value:Q",
        y=y,
        shape=alt.condition(is_usual, alt.value("circle"), alt.value("diamond")),
        size=alt.condition(is_usual, alt.value(60), alt.value(160)),
        tooltip=[
            alt.Tooltip("member:N", title=member),
            alt.Tooltip("value:Q", title=rate, format=".1%"),
            alt.Tooltip("shrunken:Q", title="Shrunken", format=".1%"),
            alt.Tooltip("centre:Q", title="In common", format=".1%"),
            alt.Tooltip("verdict:N", title="Verdict"),
        ],
    )
    return specified(alt.layer(limits, centre, points))
