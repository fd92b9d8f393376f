"""How many objectives a rep carries, as a distribution with limits; no rep is named."""

from typing import TYPE_CHECKING, Literal

from assets.reports.content import (
    Column,
    Headline,
    NativeChart,
    Number,
    Part,
    Section,
    Words,
    words,
)
from assets.reports.freshness import AS_OF
from assets.reports.monthly import counted, labelled, missing, rate, reason, share, share_of
from assets.reports.objective.terms import LOAD, NO_MONTH, NO_OBJECTIVES
from assets.reports.published import Published
from assets.reports.review.found import WORSE, Found, look
from assets.reports.signals import chart, judge, specified

if TYPE_CHECKING:
    import altair


DAYS = "fct_rep_objective_days"
#: reps who were there on a day of the month at least; a row per rep and whole month
THERE = f"""
select * from marts.{LOAD} where last_day(objective_month) <= {AS_OF} and counted_days > 0
"""
CARRIED = f"""
select objective_month as period, median(median_active_objectives) as value
from ({THERE}) group by objective_month
"""
EFFECTIVE = f"""
select objective_month as period, median(median_effective_objectives) as value
from ({THERE}) group by objective_month
"""
OVER_HARD = f"""
select objective_month as period, sum(over_hard_limit_days) as numerator,
    sum(counted_days) as denominator
from ({THERE}) group by objective_month
"""


def limit(name: str) -> str:
    """SQL: the core or hard limit in force, as the days over it show; NULL where they do not.

    A limit is exact where a day is known that just keeps it or the next number is over it already.
    """
    over = f"is_over_{name}_limit"
    return f"""
select case when below + 1 = above or above = 1 then above - 1 end as value
from (
    select max(active_objective_count) filter (not {over}) as below,
        min(active_objective_count) filter ({over}) as above
    from marts.{DAYS}
)
"""


#: columns of the limits, for charts that draw them
LIMITS = {"core_limit": "core", "hard_limit": "hard"}
LIMIT_COLUMNS = ", ".join(f"({limit(name)}) as {column}" for column, name in LIMITS.items())


def section(marts: Published) -> Found:
    key, title = "load", "Objectives per rep"
    question = "How many objectives does a rep carry, and how many does that amount to?"
    used = (LOAD, DAYS)
    carried = judge(marts, CARRIED, "value", "month", "number")
    effective = judge(marts, EFFECTIVE, "value", "month", "number")
    if carried is None:
        there = counted(marts, f"select count(*) from marts.{LOAD}")
        return missing(key, title, question, used, NO_MONTH if there else NO_OBJECTIVES)
    month = carried.period
    found = marts.numbers(
        f"""
select count(*) as rep_count, min(median_active_objectives) as least,
    max(median_active_objectives) as most,
    median(median_active_objectives) as carried, median(median_effective_objectives) as effective
from ({THERE}) where objective_month = ?
""",
        {
            "rep_count": "count",
            "least": "number",
            "most": "number",
            "carried": "number",
            "effective": "number",
        },
        month.value,
    )
    core = marts.number(limit("core"), "count")
    hard = marts.number(limit("hard"), "count")
    days = share(
        marts,
        "select sum(over_core_limit_days) as numerator, sum(counted_days) as denominator"
        f" from ({THERE}) where objective_month = ?",
        month.value,
    )
    over = share_of(marts, OVER_HARD, month)
    carried_words = (
        words(" carried {} objectives each. ", found["most"])
        if found["least"].value == found["most"].value
        else words(
            " carried from {} to {} objectives, half of them {} or more. ",
            found["least"],
            found["most"],
            found["carried"],
        )
    )
    finding: Words = (
        *words("In {}, {} reps", month, found["rep_count"]),
        *carried_words,
        *words("By their weights that amounts to {} equal ones. ", found["effective"]),
        *days.words,
        " of the days at work were over the core limit",
        *_bracketed(core),
        " and ",
        *over.words,
        " over the hard one",
        *_bracketed(hard),
        ".",
    )
    small = share(
        marts,
        "select sum(small_objective_rate_numerator) as numerator,"
        " sum(small_objective_rate_denominator) as denominator"
        f" from ({THERE}) where objective_month = ?",
        month.value,
    )
    parts: list[Part] = [
        (
            (
                "The effective number is how many equal objectives would spread attention as the"
                " weights do: twelve objectives of which one has nearly all the weight are little"
                " more than one. Of the objectives that were carried, "
            ),
            *small.words,
            (
                " counted by days, weigh less than 15 % of what the rep has to do. Days of absence"
                " are left out."
            ),
        ),
        _distribution(marts, month, core, hard),
        _trend(marts, month, core, hard),
        chart(
            marts,
            "Objectives per rep, with their limits of chance",
            words(
                "The median number of objectives per rep by month; {} in {}.", carried.value, month
            ),
            CARRIED,
            "value",
            "month",
            Column("Objectives", "number"),
        ),
        marts.table(
            "Objectives per rep, month by month",
            f"""
select objective_month, count(*) as rep_count,
    quantile_cont(median_active_objectives, 0.1) as p10, median(median_active_objectives) as p50,
    quantile_cont(median_active_objectives, 0.9) as p90, max(max_active_objectives) as most,
    median(median_effective_objectives) as effective,
    sum(counted_days) as counted_days, sum(over_core_limit_days) as over_core_days,
    {rate("sum(over_core_limit_days)", "sum(counted_days)")} as over_core_rate,
    sum(over_hard_limit_days) as over_hard_days,
    {rate("sum(over_hard_limit_days)", "sum(counted_days)")} as over_hard_rate,
    {reason("sum(counted_days)")} as suppressed_reason
from ({THERE}) group by objective_month order by objective_month desc
""",
            (
                Column("Month", "month"),
                Column("Reps", "count"),
                Column("One in ten has at most", "number"),
                Column("Median", "number"),
                Column("Nine in ten have at most", "number"),
                Column("Most on a day", "count"),
                Column("Median, effective", "number"),
                Column("Days at work", "count"),
                Column("Over core limit", "count"),
                Column("Over core, share", "rate"),
                Column("Over hard limit", "count"),
                Column("Over hard, share", "rate"),
                Column("No share because"),
            ),
        ),
    ]
    headline = Headline(
        title="Objectives per rep",
        number=carried.value,
        context=words(
            "the median of {} reps in {}; by their weights {} equal ones.",
            found["rep_count"],
            month,
            found["effective"],
        ),
        verdict=carried.verdict,
        why=carried.why,
        section=key,
        marts=(LOAD,),
        case_count=found["rep_count"],
    )
    asks = [*look(carried, "Objectives per rep", "low")]
    if isinstance(over.rate.value, float) and over.rate.value >= 0.5:
        said: Words = (
            "Over the hard limit",
            *_bracketed(hard),
            " were ",
            *over.words,
            *words(
                " of the days at work in {}: agree which objectives stay before more come.",
                month,
            ),
        )
        asks.append((WORSE, said))
    asks += look(effective, "Effective objectives per rep", "low")
    return Found(Section(key, title, question, finding, tuple(parts), used), headline, tuple(asks))


def _bracketed(number: Number) -> Words:
    """A limit in brackets, where it is known."""
    return () if number.value is None else words(" ({})", number)


def _rules(axis: Literal["x", "y"], core: Number, hard: Number) -> "list[altair.Chart]":
    """A dashed line at each limit that is known."""
    import altair as alt

    return [
        alt.Chart(alt.NamedData("rows"))
        .mark_rule(strokeDash=[6, 3])
        .encode(
            **{axis: (alt.X if axis == "x" else alt.Y)(f"max({column}):Q")},
            tooltip=[alt.Tooltip(f"max({column}):Q", title=f"The {name} limit")],
        )
        for (column, name), known in zip(LIMITS.items(), (core, hard), strict=True)
        if known.value is not None
    ]


def _limits_note(core: Number, hard: Number) -> Words:
    """What the dashed lines are."""
    known = [
        words(f"the {name} limit of {{}}", number)
        for name, number in (("core", core), ("hard", hard))
        if number.value is not None
    ]
    if not known:
        return ()
    return ("Dashed: ", *known[0], *((", ", *known[1]) if len(known) > 1 else ()), ".")


def _distribution(marts: Published, month: Number, core: Number, hard: Number) -> Part:
    import altair as alt

    labels = {"as_counted": "As counted", "effective": "Effective"}
    bars = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["measure", "reps"])
        .mark_bar(size=14, opacity=0.75)
        .encode(
            x=alt.X("objectives:Q", title="Objectives", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("reps:Q", title="Reps", axis=alt.Axis(tickMinStep=1), stack=None),
            color=labelled("measure", labels),
            tooltip=[
                alt.Tooltip("objectives:Q", title="Objectives"),
                alt.Tooltip("as_counted:Q", title="Reps, as counted"),
                alt.Tooltip("effective:Q", title="Reps, effective"),
            ],
        )
    )
    return marts.chart(
        "How many reps carry how many objectives",
        words(
            "Reps by the objectives that they carried in {}, as counted and as effective number.",
            month,
        ),
        specified(alt.layer(bars, *_rules("x", core, hard))),
        f"""
select objectives, count(*) filter (measure = 'as_counted') as as_counted,
    count(*) filter (measure = 'effective') as effective, {LIMIT_COLUMNS}
from (
    select 'as_counted' as measure, round(median_active_objectives)::bigint as objectives
    from ({THERE}) where objective_month = ?
    union all
    select 'effective', round(median_effective_objectives)::bigint
    from ({THERE}) where objective_month = ? and median_effective_objectives is not null
) group by objectives
""",
        {
            "objectives": Column("Objectives", "count"),
            "as_counted": Column("Reps, as counted", "count"),
            "effective": Column("Reps, effective", "count"),
            "core_limit": Column("Core limit", "count"),
            "hard_limit": Column("Hard limit", "count"),
        },
        month.value,
        month.value,
        native=NativeChart("column", "objectives", tuple(labels)),
        note=_limits_note(core, hard),
    )


def _trend(marts: Published, month: Number, core: Number, hard: Number) -> Part:
    import altair as alt

    labels = {"p50": "As counted, median", "effective": "Effective, median"}
    x = alt.X("objective_month:T", title=None)
    band = (
        alt.Chart(alt.NamedData("rows"))
        .mark_area(opacity=0.2)
        .encode(x=x, y=alt.Y("p10:Q", title="Objectives per rep"), y2="p90:Q")
    )
    lines = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["measure", "objectives"])
        .mark_line(point=True)
        .encode(
            x=x,
            y=alt.Y("objectives:Q", title="Objectives per rep"),
            color=labelled("measure", labels),
            tooltip=[
                alt.Tooltip("objective_month:T", title="Month", format="%b %Y"),
                alt.Tooltip("p50:Q", title="Median"),
                alt.Tooltip("p10:Q", title="One in ten has at most"),
                alt.Tooltip("p90:Q", title="Nine in ten have at most"),
                alt.Tooltip("effective:Q", title="Effective", format=".1f"),
            ],
        )
    )
    return marts.chart(
        "Objectives per rep over time",
        words("The objectives that a rep carries, month by month up to {}.", month),
        specified(alt.layer(band, lines, *_rules("y", core, hard))),
        f"""
select objective_month, quantile_cont(median_active_objectives, 0.1) as p10,
    median(median_active_objectives) as p50,
    quantile_cont(median_active_objectives, 0.9) as p90,
    median(median_effective_objectives) as effective, {LIMIT_COLUMNS}
from ({THERE}) group by objective_month
""",
        {
            "objective_month": Column("Month", "month"),
            "p10": Column("One in ten has at most", "number"),
            "p50": Column("Median", "number"),
            "p90": Column("Nine in ten have at most", "number"),
            "effective": Column("Median, effective", "number"),
            "core_limit": Column("Core limit", "count"),
            "hard_limit": Column("Hard limit", "count"),
        },
        native=NativeChart("line", "objective_month", ("p10", "p50", "p90", "effective")),
        note=("Shaded: from one in ten to nine in ten reps. ", *_limits_note(core, hard)),
    )
