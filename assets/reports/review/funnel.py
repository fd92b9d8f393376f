"""How far deals come and where they end; win rate, and deals created."""

from assets.reports.content import (
    Chart,
    Column,
    Headline,
    NativeChart,
    Number,
    Part,
    Section,
    Words,
    words,
)
from assets.reports.freshness import (
    AS_OF,
)
from assets.reports.published import (
    Published,
)
from assets.reports.review.found import (
    FEW,
    Found,
    look,
)
from assets.reports.signals import (
    MIN_CASES,
    Judged,
    Metric,
    chart,
    judge,
    specified,
)

#: the deals of the funnel: those that began in so many whole months
FUNNEL_MONTHS = 12
WIN_RATE_METRIC = Metric("win_rate")
WIN_RATE = f"""
select close_month as period, sum(win_rate_numerator) as numerator,
    sum(win_rate_denominator) as denominator
from marts.mart_sales_outcomes_monthly
where last_day(close_month) <= {AS_OF}
group by close_month
"""
CREATED = f"""
with created as (
    select date_trunc('week', created_date)::date as week_start, count(*) as deal_count
    from marts.fct_opportunities
    where created_date is not null
    group by week_start
), weeks as (
    select unnest(generate_series(min(week_start), max(week_start), interval 7 day))::date
        as week_start
    from created
)
select weeks.week_start as period, coalesce(created.deal_count, 0) as value
from weeks left join created using (week_start)
where weeks.week_start + 6 <= {AS_OF}
"""


def section(marts: Published) -> Found:
    whole = f"""
    entry_month >= date_trunc('month', {AS_OF} + 1) - interval {FUNNEL_MONTHS} month
    and last_day(entry_month) <= {AS_OF}
"""
    cohorts = f"""
select entry_month, source_system, pipeline, segment,
    any_value(cohort_count) as deal_count, any_value(cohort_open_count) as open_count,
    any_value(cohort_won_count) as won_count, any_value(cohort_lost_count) as lost_count,
    any_value(cohort_disqualified_count) as disqualified_count
from marts.mart_funnel_monthly
where {whole}
group by all
"""
    total = marts.numbers(
        f"""
select sum(deal_count) as deal_count, sum(open_count) as open_count, sum(won_count) as won_count,
    sum(lost_count) as lost_count, sum(disqualified_count) as disqualified_count,
    min(entry_month) as first_month, max(entry_month) as last_month
from ({cohorts})
""",
        {
            "deal_count": "count",
            "first_month": "month",
            "last_month": "month",
            "won_count": "count",
            "lost_count": "count",
            "disqualified_count": "count",
            "open_count": "count",
        },
    )
    pipeline_count = marts.number(
        "select count(distinct (source_system, pipeline)) from marts.fct_opportunities", "count"
    )
    win_rate = judge(marts, WIN_RATE, "rate", "month", "rate", WIN_RATE_METRIC)
    created = judge(marts, CREATED, "value", "week", "count")
    parts: list[Part] = []
    finding: Words = (f"No deal began in the last {FUNNEL_MONTHS} whole months.",)
    if total["deal_count"].value:
        finding = words(
            "Of {} deals that began from {} to {}, {} are won, {} lost and {} disqualified; {} are"
            " still open and count as neither.",
            *total.values(),
        )
        finding += _weakest_step(marts, whole)
        parts += [*_steps(marts, whole), _cohorts(marts, cohorts)]
    headline = None
    if win_rate is not None:
        parts.append(
            chart(
                marts,
                "Win rate by month of close",
                words(
                    "Won deals as a share of won and lost ones, month by month; {} in {}.",
                    win_rate.value,
                    win_rate.period,
                ),
                WIN_RATE,
                "rate",
                "month",
                Column("Win rate", "rate"),
                WIN_RATE_METRIC,
            )
        )
        headline = Headline(
            "Win rate",
            win_rate.value,
            words(
                "{} of {} deals that were won or lost in {}",
                win_rate.numerator,
                win_rate.case_count,
                win_rate.period,
            )
            + _pooled(pipeline_count),
            win_rate.verdict,
            win_rate.why,
            "funnel",
            ("mart_sales_outcomes_monthly",),
            win_rate.case_count,
        )
    if created is not None:
        parts.append(
            words("{} deals were created in the week of {}. ", created.value, created.period)
            + created.why
        )
        parts.append(
            chart(
                marts,
                "Deals created by week",
                words(
                    "Deals created, week by week; {} in the week of {}.",
                    created.value,
                    created.period,
                ),
                CREATED,
                "value",
                "week",
                Column("Deals created", "count"),
            )
        )
    section = Section(
        "funnel",
        "Funnel",
        "How far do deals come, and where do they end?",
        finding if parts else (),
        tuple(parts),
        ("mart_funnel_monthly", "mart_sales_outcomes_monthly", "fct_opportunities"),
        None
        if parts
        else "No deals are published: deliver opportunities, and opportunity_changes with them.",
    )
    behind = () if win_rate is None or not win_rate.is_signal else _behind(marts, win_rate)
    return Found(
        section,
        headline,
        (
            *look(win_rate, "Win rate", "high", behind),
            *look(created, "Deals created", "high"),
        ),
    )


def _pooled(pipeline_count: Number) -> Words:
    """Says of a figure that it stands for several pipelines, where it does."""
    if isinstance(pipeline_count.value, int) and pipeline_count.value > 1:
        return words(", {} pipelines together", pipeline_count)
    return ()


def _behind(marts: Published, win_rate: Judged) -> Words:
    """The segment that did most to move the win rate, measured in won deals."""
    found = marts.each(
        f"""
with told as (
    select pipeline, segment,
        sum(win_rate_numerator) filter (close_month = ?2) as won_count,
        sum(win_rate_denominator) filter (close_month = ?2) as decided_count,
        sum(win_rate_numerator) filter (close_month between ?1 and ?3)
            / nullif(sum(win_rate_denominator) filter (close_month between ?1 and ?3), 0)
            as usual_rate
    from marts.mart_sales_outcomes_monthly
    group by pipeline, segment
)
select * from told
where decided_count >= {MIN_CASES} and usual_rate is not null
order by won_count - decided_count * usual_rate {"desc" if win_rate.is_above else "asc"},
    pipeline, segment
limit 1
""",
        {
            "segment": "text",
            "pipeline": "text",
            "won_count": "count",
            "decided_count": "count",
            "usual_rate": "rate",
        },
        win_rate.baseline_start.value,
        win_rate.period.value,
        win_rate.baseline_end.value,
    )
    return tuple(
        part
        for row in found
        for part in words(
            " In that month segment {} of pipeline {} did most of it: {} of {} won, where {} was"
            " usual.",
            *row.values(),
        )
    )


def _step_sql(whole: str) -> str:
    return f"""
select source_system, pipeline, stage, any_value(stage_rank) as stage_rank,
    sum(effective_reach_count) as reach_count,
    sum(effective_next_count) as went_on_count,
    sum(held_open_count) as open_count,
    sum(lost_here_count) as lost_count,
    sum(disqualified_here_count) as disqualified_count,
    sum(conversion_rate_numerator) as decided_went_on_count,
    sum(conversion_rate_denominator) as decided_count,
    case when sum(conversion_rate_denominator) >= {MIN_CASES}
        then sum(conversion_rate_numerator) / sum(conversion_rate_denominator)
    end as conversion_rate
from marts.mart_funnel_monthly
where {whole} and stage_type = 'open'
group by source_system, pipeline, stage
"""


def _of_largest(steps: str) -> str:
    """The rows of the pipeline with the most deals."""
    return f"""
select * from ({steps}) where (source_system, pipeline) in (
    select (source_system, pipeline) from ({steps})
    group by source_system, pipeline
    order by max(reach_count) desc, source_system, pipeline
    limit 1
)
"""


def _weakest_step(marts: Published, whole: str) -> Words:
    found = marts.each(
        f"select * from ({_of_largest(_step_sql(whole))}) where conversion_rate is not null"
        " order by conversion_rate, stage_rank limit 1",
        {
            "stage": "text",
            "pipeline": "text",
            "source_system": "text",
            "conversion_rate": "rate",
            "decided_count": "count",
        },
    )
    return tuple(
        part
        for row in found
        for part in words(
            " The step that fewest get past is {} (pipeline {} of {}): {} of {} decided deals went"
            " on from it.",
            *row.values(),
        )
    )


def _steps(marts: Published, whole: str) -> tuple[Part, ...]:
    """The funnel of the pipeline with the most deals as a picture, that of all as a table."""
    import altair as alt

    steps = _step_sql(whole)
    [largest] = marts.each(
        f"select any_value(pipeline) as pipeline, any_value(source_system) as source_system"
        f" from ({_of_largest(steps)})",
        {"pipeline": "text", "source_system": "text"},
    )
    labels = {
        "went_on_count": "Went on",
        "open_count": "Still open here",
        "lost_count": "Lost here",
        "disqualified_count": "Disqualified here",
    }
    picture = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["part", "deals"])
        .transform_calculate(
            what=f"{labels}[datum.part]".replace('"', "'"),
            place=f"indexof({list(labels)}, datum.part)",
        )
        .mark_bar()
        .encode(
            y=alt.Y("stage:N", sort=alt.EncodingSortField("stage_rank"), title=None),
            x=alt.X("deals:Q", title="Deals"),
            color=alt.Color("what:N", sort=list(labels.values()), title=None),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("stage:N", title="Stage"),
                alt.Tooltip("what:N", title="What became of them"),
                alt.Tooltip("deals:Q", title="Deals", format=","),
            ],
        )
    )
    return (
        marts.chart(
            "How far deals come",
            words(
                "For each stage of pipeline {} of {}: deals that went on, are still open there, or"
                " ended there.",
                *largest.values(),
            ),
            specified(picture),
            _of_largest(steps),
            {
                "stage_rank": Column("Step", "count"),
                "stage": Column("Stage"),
                **{name: Column(label, "count") for name, label in labels.items()},
            },
            native=NativeChart("bar", "stage", tuple(labels)),
        ),
        marts.table(
            "Step by step",
            f"""
select source_system, pipeline, stage, reach_count, went_on_count, open_count, lost_count,
    disqualified_count, decided_went_on_count, decided_count, conversion_rate,
    case when conversion_rate is null then '{FEW}' end as suppressed_reason
from ({steps})
order by source_system, pipeline, stage_rank, stage
""",
            (
                Column("System"),
                Column("Pipeline"),
                Column("Stage"),
                Column("Got here", "count"),
                Column("Went on", "count"),
                Column("Still open here", "count"),
                Column("Lost here", "count"),
                Column("Disqualified here", "count"),
                Column("Decided: went on", "count"),
                Column("Decided", "count"),
                Column("Conversion", "rate"),
                Column("Why no rate"),
            ),
            note=words(
                "Deals still open at a step are in no conversion: nobody knows yet whether they go"
                " on."
            ),
        ),
    )


def _cohorts(marts: Published, cohorts: str) -> Chart:
    import altair as alt

    labels = {
        "won_count": "Won",
        "open_count": "Still open",
        "lost_count": "Lost",
        "disqualified_count": "Disqualified",
    }
    picture = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["part", "deals"])
        .transform_calculate(
            what=f"{labels}[datum.part]", place=f"indexof({list(labels)}, datum.part)"
        )
        .mark_bar()
        .encode(
            x=alt.X("yearmonth(entry_month):O", title="Month in which they began"),
            y=alt.Y("deals:Q", title="Deals"),
            color=alt.Color("what:N", sort=list(labels.values()), title=None),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("entry_month:T", title="Began", format="%b %Y"),
                alt.Tooltip("what:N", title="What became of them"),
                alt.Tooltip("deals:Q", title="Deals", format=","),
            ],
        )
    )
    return marts.chart(
        "What became of the deals of each month",
        ("The younger the month, the more of its deals are still open.",),
        specified(picture),
        f"""
select entry_month, sum(won_count) as won_count, sum(open_count) as open_count,
    sum(lost_count) as lost_count, sum(disqualified_count) as disqualified_count
from ({cohorts}) group by entry_month
""",
        {
            "entry_month": Column("Began", "month"),
            **{name: Column(label, "count") for name, label in labels.items()},
        },
        native=NativeChart("column", "entry_month", tuple(labels)),
        note=("A young month has few wins because its deals are open, not because it is bad.",),
    )
