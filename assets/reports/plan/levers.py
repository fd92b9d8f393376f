"""What one point of conversion, a tenth more entries, a day and a price are worth."""

from assets.reports.content import Chart, Column, NativeChart, Number, Section, words
from assets.reports.monthly import missing
from assets.reports.plan.quarter import LEVEL, NO_TARGET, QUARTER, REQUIREMENT, named, quarter_of
from assets.reports.published import Published
from assets.reports.review.found import Found
from assets.reports.signals import specified

LEVERS = "mart_lead_requirement_sensitivities"
USED = (LEVERS, REQUIREMENT)
_LEVERS = f"""
select levers.*, -levers.needed_change_count as spared_count
from marts.{LEVERS} as levers
inner join ({QUARTER}) as quarter
    using (source_system, period_start, entry_kind, confidence_level)
where levers.confidence_level = {LEVEL}
"""


def section(marts: Published) -> Found:
    key, title = "levers", "What a point is worth"
    question = "What would one point of conversion, a day or a higher price change?"
    quarter = quarter_of(marts)
    if quarter is None:
        return missing(key, title, question, USED, NO_TARGET)
    points = marts.each(
        f"""
select lever, usual_change_amount, spared_count from ({_LEVERS})
where lever like '+1 point%' and needed_count is not null
order by usual_change_amount desc, lever limit 1
""",
        {"lever": "text", "usual_change_amount": "amount", "spared_count": "count"},
    )
    if not points:
        finding = words("There is no plan to change: {}.", quarter["status"])
        return Found(Section(key, title, question, finding, (), USED))
    [best] = points
    finding = words(
        "Of the conversions a point is worth most here: {}. It brings {} more in the quarter from"
        f" {{}} at the usual pace, and spares {{}} of the {{}} {named(quarter)} that eight cases in"
        " ten take.",
        best["lever"],
        best["usual_change_amount"],
        quarter["period_start"],
        best["spared_count"],
        quarter["needed_count"],
    )
    table = marts.table(
        "One thing changed at a time",
        f"""
select lever, usual_change_amount, usual_success_change * 100 as success_points, spared_count,
    needed_count
from ({_LEVERS}) order by lever
""",
        (
            Column("Change"),
            Column("More in the quarter", "amount"),
            Column("More chance to meet the target", "points"),
            Column(f"{named(quarter).capitalize()} spared", "count"),
            Column("Still needed", "count"),
        ),
        note=(
            (
                "For what begins from tomorrow on; open deals stay as they are. More and chance at"
                " the usual pace, needed for eight cases in ten. A point of a conversion lifts all"
                " that begins before it."
            ),
        ),
    )
    return Found(Section(key, title, question, finding, (_chart(marts, quarter), table), USED))


def _chart(marts: Published, quarter: dict[str, Number]) -> Chart:
    import altair as alt

    bars = (
        alt.Chart(alt.NamedData("rows"))
        .mark_bar()
        .encode(
            x=alt.X(
                "usual_change_amount:Q", title="More in the quarter", axis=alt.Axis(format="~s")
            ),
            y=alt.Y("lever:N", title=None, sort="-x", axis=alt.Axis(labelLimit=260)),
            tooltip=[
                alt.Tooltip("lever:N", title="Change"),
                alt.Tooltip("usual_change_amount:Q", title="More in the quarter", format=",.0f"),
                alt.Tooltip("spared_count:Q", title="Entries spared"),
            ],
        )
    )
    return marts.chart(
        "What each change brings",
        words(
            "What each change would bring in the quarter from {} at the usual pace.",
            quarter["period_start"],
        ),
        specified(bars),
        _LEVERS,
        {
            "lever": Column("Change"),
            "usual_change_amount": Column("More in the quarter", "amount"),
            "spared_count": Column("Entries spared", "count"),
        },
        native=NativeChart("bar", "lever", ("usual_change_amount",)),
    )
