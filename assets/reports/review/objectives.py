"""How many objectives compete for a rep's time, as a distribution in which nobody is named."""

from assets.reports.content import (
    Chart,
    Column,
    Headline,
    NativeChart,
    Part,
    Section,
    words,
)
from assets.reports.freshness import (
    AS_OF,
)
from assets.reports.published import (
    Published,
)
from assets.reports.review.found import (
    Found,
    look,
)
from assets.reports.signals import (
    Judged,
    chart,
    judge,
    specified,
)

LOAD = f"""
select objective_month as period, median(median_effective_objectives) as value
from marts.mart_rep_objectives_monthly
where last_day(objective_month) <= {AS_OF} and counted_days > 0
group by objective_month
"""


def section(marts: Published) -> Found:
    title, question = "Objective load", "How many objectives does a rep really have?"
    used = ("mart_rep_objectives_monthly",)
    load = judge(marts, LOAD, "value", "month", "number")
    if load is None:
        return Found(
            Section(
                "objectives",
                title,
                question,
                (),
                (),
                used,
                "No objectives of a whole month are published: deliver rep_objectives and"
                " sales_reps, and activities for which of them get attention.",
            )
        )
    month = marts.numbers(
        """
select count(*) as rep_count,
    quantile_disc(median_active_objectives, 0.5) as median_count,
    min(median_active_objectives) as least_count, max(median_active_objectives) as most_count,
    sum(over_hard_limit_days) as over_hard_limit_days, sum(over_core_limit_days) as over_core_days,
    sum(counted_days) as counted_days,
    sum(ignored_rate_numerator) as ignored_count, sum(ignored_rate_denominator) as objective_count
from marts.mart_rep_objectives_monthly
where objective_month = ? and counted_days > 0
""",
        {
            "rep_count": "count",
            "median_count": "score",
            "least_count": "score",
            "most_count": "score",
            "over_core_days": "count",
            "over_hard_limit_days": "count",
            "counted_days": "count",
            "ignored_count": "count",
            "objective_count": "count",
        },
        load.period.value,
    )
    finding = words(
        "In {} the {} reps carried {} objectives in the median, from {} to {}; by weight that is"
        " {} that really compete. On {} of {} rep-days it was more than the hard limit, on {} more"
        " than the core. {} of {} objectives got no attention in the month.",
        load.period,
        *(month[name] for name in ("rep_count", "median_count", "least_count", "most_count")),
        load.value,
        *(
            month[name]
            for name in (
                *("over_hard_limit_days", "counted_days", "over_core_days"),
                *("ignored_count", "objective_count"),
            )
        ),
    )
    parts: list[Part] = [
        _load_chart(marts, load),
        chart(
            marts,
            "Effective objectives per rep, by month",
            words(
                "The median over reps of how many objectives compete; {} in {}.",
                load.value,
                load.period,
            ),
            LOAD,
            "value",
            "month",
            Column("Effective objectives", "number"),
        ),
    ]
    headline = Headline(
        "Objectives that compete for a rep's time",
        load.value,
        words(
            "effective objectives of the median rep in {}, of {} assigned; {} reps",
            load.period,
            month["median_count"],
            month["rep_count"],
        ),
        load.verdict,
        load.why,
        "objectives",
        used,
        month["rep_count"],
    )
    return Found(
        Section("objectives", title, question, finding, tuple(parts), used),
        headline,
        look(load, "Effective objectives of the median rep", "low"),
    )


def _load_chart(marts: Published, load: Judged) -> Chart:
    """How many reps carry so many: a distribution, in which nobody is named."""
    import altair as alt

    picture = (
        alt.Chart(alt.NamedData("rows"))
        .mark_bar()
        .encode(
            x=alt.X("effective_objectives:O", title="Effective objectives, rounded"),
            y=alt.Y("rep_count:Q", title="Reps"),
            tooltip=[
                alt.Tooltip("effective_objectives:O", title="Effective objectives"),
                alt.Tooltip("rep_count:Q", title="Reps"),
            ],
        )
    )
    return marts.chart(
        "How the load is spread",
        words("Number of reps by effective objectives in {}.", load.period),
        specified(picture),
        """
select round(median_effective_objectives)::bigint as effective_objectives, count(*) as rep_count
from marts.mart_rep_objectives_monthly
where objective_month = ? and median_effective_objectives is not null
group by effective_objectives
""",
        {
            "effective_objectives": Column("Effective objectives", "count"),
            "rep_count": Column("Reps", "count"),
        },
        load.period.value,
        native=NativeChart("column", "effective_objectives", ("rep_count",)),
        note=("The number is what was assigned; it says nothing about the people.",),
    )
