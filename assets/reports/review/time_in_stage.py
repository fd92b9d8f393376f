"""Whether deals move through their stages as fast as they used to."""

from assets.reports.content import (
    Chart,
    Column,
    Headline,
    Part,
    Query,
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
    WAITING,
    Found,
    look,
)
from assets.reports.signals import (
    MIN_CASES,
    VERDICT_SQL,
    chart,
    judge,
    limits,
    specified,
)

#: the list of deals to look at is no longer than this
MOST_DEALS = 15
#: half of a stage's visits used to be over after so many days, before the fiscal year or, in a
#: younger stage, as soon as that could be told
USUAL_DAYS = """
select source_system, pipeline, stage, any_value(stage_order) as stage_order,
    coalesce(
        arg_max(time_in_stage_p50_days, week_start) filter (week_end < date '{year_start}'),
        arg_min(time_in_stage_p50_days, week_start)
    )::integer as usual_days
from marts.mart_sales_flow_weekly
where time_in_stage_p50_days is not null
group by source_system, pipeline, stage
"""
#: of the visits that began in a week, those that lasted longer than usual; a week counts once all
#: of its visits could have, so none is cut short
SLOW_VISITS = """
with usual as ({usual}), visits as (
    select visit.source_system, visit.pipeline, visit.stage, usual.stage_order,
        date_trunc('week', visit.entered_date)::date as week_start,
        coalesce(date_diff('day', visit.entered_date, visit.exited_date) > usual.usual_days, true)
            as is_slow,
        usual.usual_days
    from marts.fct_opportunity_stage_events as visit
    inner join usual using (source_system, pipeline, stage)
    where visit.stage_type = 'open' and visit.entered_date is not null
)
select {keys} week_start as period, count(*) filter (is_slow) as numerator,
    count(*) as denominator
from visits
where week_start + 6 + {days} < {as_of}
group by all
"""


def section(marts: Published) -> Found:
    title, question = "Time in stage", "Do deals move as fast as they used to?"
    used = ("mart_sales_flow_weekly", "fct_opportunity_stage_events", "fct_opportunity_scores")
    usual = USUAL_DAYS.format(year_start=marts.info.fiscal_year_start)
    if not marts.ask(Query(f"select stage from ({usual}) limit 1")):
        return Found(
            Section(
                "time_in_stage",
                title,
                question,
                (),
                (),
                used,
                "It is not known when deals entered their stages: deliver opportunity_changes with"
                " the field stage, or an extract of opportunities every week.",
            )
        )
    # all stages together: a week counts once the slowest stage's visits have had their time
    pooled = SLOW_VISITS.format(
        usual=usual, keys="", days=f"(select max(usual_days) from ({usual}))", as_of=AS_OF
    )
    slow = judge(marts, pooled, "rate", "week", "rate")
    latest = """
select * from marts.mart_sales_flow_weekly
qualify row_number() over (
    partition by source_system, pipeline, stage order by week_start desc
) = 1
"""
    slowest = marts.each(
        f"""
select stage, pipeline, source_system, time_in_stage_p50_days, time_in_stage_p90_days,
    time_in_stage_open_visit_count, time_in_stage_visit_count
from ({latest})
where time_in_stage_p50_days is not null and time_in_stage_p90_days is not null
order by time_in_stage_p50_days desc, time_in_stage_p90_days desc, stage, pipeline, source_system
limit 1
""",
        {
            "stage": "text",
            "pipeline": "text",
            "source_system": "text",
            "time_in_stage_p50_days": "days",
            "time_in_stage_p90_days": "days",
            "time_in_stage_open_visit_count": "count",
            "time_in_stage_visit_count": "count",
        },
    )
    finding = tuple(
        part
        for row in slowest
        for part in words(
            "Deals stay longest in {} (pipeline {} of {}): half have left it after {}, nine in ten"
            " after {}. {} of the {} visits behind that are still under way and count as lasting at"
            " least so long.",
            *row.values(),
        )
    )
    parts: list[Part] = []
    headline = None
    if slow is not None:
        parts.append(
            chart(
                marts,
                "Visits that lasted longer than usual",
                words(
                    "Share of the visits to a stage, by the week in which they began, that lasted"
                    " longer than half of them used to; {} in the week of {}.",
                    slow.value,
                    slow.period,
                ),
                pooled,
                "rate",
                "week",
                Column("Longer than usual", "rate"),
            )
        )
        headline = Headline(
            "Slower through a stage than usual",
            slow.value,
            words(
                "{} of {} visits that began in the week of {}, the last that can be judged,"
                " outlasted their stage's usual time",
                slow.numerator,
                slow.case_count,
                slow.period,
            ),
            slow.verdict,
            slow.why,
            "time_in_stage",
            ("fct_opportunity_stage_events", "mart_sales_flow_weekly"),
            slow.case_count,
        )
    by_stage = SLOW_VISITS.format(
        usual=usual, keys="source_system, pipeline, stage,", days="usual_days", as_of=AS_OF
    )
    judged = limits(
        by_stage,
        "rate",
        "week",
        marts.info.fiscal_year_start_month,
        key="{'source_system': source_system, 'pipeline': pipeline, 'stage': stage}",
    )
    parts += [
        _time_chart(marts),
        marts.table(
            "Stage by stage, against its own past",
            f"""
select now.source_system, now.pipeline, now.stage, now.wip_count, now.time_in_stage_p50_days,
    now.time_in_stage_p90_days, usual.usual_days, judged.period, judged.case_count,
    case when judged.case_count >= {MIN_CASES} then judged.value end, judged.lower_limit,
    judged.upper_limit, {VERDICT_SQL.format(reason="judged.reason")}, now.is_littles_law_flagged
from ({latest}) as now
left join ({usual}) as usual using (source_system, pipeline, stage)
left join (select *, unnest(key) from ({judged}) where is_last) as judged
    using (source_system, pipeline, stage)
order by now.source_system, now.pipeline, now.stage_order, now.stage
""",
            (
                Column("System"),
                Column("Pipeline"),
                Column("Stage"),
                Column("Deals in it", "count"),
                Column("Half left after", "days"),
                Column("Nine in ten after", "days"),
                Column("Half used to after", "days"),
                Column("Visits begun in week of", "date"),
                Column("Visits", "count"),
                Column("Of these slower than usual", "rate"),
                Column("Lower limit", "rate"),
                Column("Upper limit", "rate"),
                Column("Verdict"),
                Column("Out of balance", "flag"),
            ),
            note=words(
                "Out of balance: the deals in the stage differ by more than a fifth from what comes"
                " in and how long it stays would make (Little's law); it fills up, empties, or"
                " holds deals that nobody moves."
            ),
        ),
    ]
    stuck = f"""
select score.*, now.time_in_stage_p90_days
from marts.fct_opportunity_scores as score
inner join ({latest}) as now using (source_system, pipeline, stage)
where score.days_in_stage > now.time_in_stage_p90_days
"""
    stuck_total = marts.numbers(
        f"select count(*) as deal_count, sum(amount_base) as amount from ({stuck})",
        {"deal_count": "count", "amount": "amount"},
    )
    asks = look(slow, "Visits to a stage that outlast the usual time", "low")
    if stuck_total["deal_count"].value:
        asks = (
            *asks,
            (
                WAITING,
                words(
                    "Open deals that have been in their stage for longer than nine in ten stay: {},"
                    " worth {}. Decide whether they go on; the largest are listed under Time in"
                    " stage.",
                    *stuck_total.values(),
                ),
            ),
        )
        parts.append(
            marts.table(
                "The largest deals that stand still",
                f"""
select stuck.opportunity_id, account.account_name, stuck.pipeline, stuck.stage,
    stuck.days_in_stage, stuck.time_in_stage_p90_days, stuck.amount_base,
    stuck.expected_close_date, stuck.win_probability
from ({stuck}) as stuck
left join marts.fct_opportunities as deal using (opportunity_id)
left join marts.dim_accounts as account using (account_id)
order by stuck.amount_base desc nulls last, stuck.opportunity_id
limit {MOST_DEALS}
""",
                (
                    Column("Deal"),
                    Column("Account"),
                    Column("Pipeline"),
                    Column("Stage"),
                    Column("In it for", "days"),
                    Column("Nine in ten leave after", "days"),
                    Column("Amount", "amount"),
                    Column("Expected close", "date"),
                    Column("Win probability", "rate"),
                ),
            )
        )
    return Found(
        Section("time_in_stage", title, question, finding, tuple(parts), used), headline, asks
    )


def _time_chart(marts: Published) -> Chart:
    """Median and ninth decile by week and stage of the pipeline with the most visits."""
    import altair as alt

    weeks = """
select * from marts.mart_sales_flow_weekly
where (source_system, pipeline) in (
    select (source_system, pipeline) from marts.mart_sales_flow_weekly
    group by source_system, pipeline
    order by sum(entry_count) desc, source_system, pipeline
    limit 1
)
    and week_start > (select max(week_start) from marts.mart_sales_flow_weekly) - 7 * 52
    and time_in_stage_p50_days is not null
"""
    picture = (
        alt.Chart(alt.NamedData("rows"))
        .mark_line()
        .encode(
            x=alt.X("week_start:T", title=None),
            y=alt.Y("time_in_stage_p50_days:Q", title="Days until half have left"),
            color=alt.Color("stage:N", sort=alt.EncodingSortField("stage_order"), title=None),
            tooltip=[
                alt.Tooltip("week_start:T", title="Week of"),
                alt.Tooltip("stage:N", title="Stage"),
                alt.Tooltip("time_in_stage_p50_days:Q", title="Half left after (days)"),
                alt.Tooltip("time_in_stage_p90_days:Q", title="Nine in ten after (days)"),
            ],
        )
    )
    return marts.chart(
        "Days until half of the deals have left a stage",
        words(
            "A line per stage of the pipeline with the most deals, over the last year; each point"
            " looks back half a year."
        ),
        specified(picture),
        weeks,
        {
            "week_start": Column("Week of", "date"),
            "stage_order": Column("Step", "count"),
            "stage": Column("Stage"),
            "time_in_stage_p50_days": Column("Half left after", "days"),
            "time_in_stage_p90_days": Column("Nine in ten after", "days"),
        },
        note=words(
            "Each week looks back over the visits of half a year, so neighbours are alike and no"
            " limits can be drawn: the verdict comes from the visits of single weeks, above."
        ),
    )
