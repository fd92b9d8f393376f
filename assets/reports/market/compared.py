"""What members side by side look like: their limits, their verdict in words."""

from typing import Any

from assets.reports.content import VERDICT_WORDS
from assets.reports.signals import specified

#: the last twelve whole months, of which this report tells
PERIOD = "period_kind = 'last_12_months'"
#: SQL: the cause as a reader knows it
VERDICT = (
    f"case cause when 'special' then '{VERDICT_WORDS['signal']}'"
    f" when 'common' then '{VERDICT_WORDS['noise']}' end"
)


def side_by_side(member: str, rate: str) -> dict[str, Any]:
    """The specification of a chart of members, each with the limits around the rate in common.

    Its rows have member, value, shrunken, centre, lower_limit_998, upper_limit_998, verdict.

    Args:
        member, rate: what they are called.
    """
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
