"""What stands in the way: how much of it, where, for how long, and whether it comes back."""

from assets.reports.content import Column, Headline, NativeChart, Part, Section, words
from assets.reports.freshness import AS_OF
from assets.reports.monthly import labelled, missing, share
from assets.reports.published import Published
from assets.reports.review.found import Found, look
from assets.reports.signals import Metric, chart, judge, specified

BARRIERS = "mart_barriers_monthly"
OPEN = "fct_barriers"
RAISED = Metric("barriers_raised")


def section(marts: Published) -> Found:
    key, title = "barriers", "Barriers"
    question = "What stands in the way, is it the process, and does it go away?"
    used = (BARRIERS, OPEN)
    series = f"""
select barrier_month as period, sum(raised_count) as value
from marts.{BARRIERS} where process_step = 'all' and last_day(barrier_month) <= {AS_OF}
group by barrier_month
"""
    judged = judge(marts, series, "value", "month", "count", RAISED)
    if judged is None:
        why = "No month with barriers is over yet. They come with the extract barriers."
        return missing(key, title, question, used, why)
    month = judged.period
    found = marts.numbers(
        f"""
select sum(raised_count) as raised_count, sum(removed_count) as removed_count,
    sum(open_count) as open_count, max(removal_p50_days) as removal_p50_days,
    max(response_p50_hours) as response_p50_hours, sum(hours_lost) as hours_lost
from marts.{BARRIERS} where process_step = 'all' and barrier_month = ?
""",
        {
            "raised_count": "count",
            "removed_count": "count",
            "open_count": "count",
            "removal_p50_days": "days",
            "response_p50_hours": "number",
            "hours_lost": "count",
        },
        month.value,
    )
    process = share(
        marts,
        "select sum(process_cause_rate_numerator) as numerator,"
        " sum(process_cause_rate_denominator) as denominator"
        f" from marts.{BARRIERS} where process_step = 'all' and barrier_month = ?",
        month.value,
    )
    again = share(
        marts,
        "select sum(recurrence_rate_numerator) as numerator,"
        " sum(recurrence_rate_denominator) as denominator"
        f" from marts.{BARRIERS} where process_step = 'all' and barrier_month = ?",
        month.value,
    )
    finding = (
        *words(
            "{} barriers were raised in {} and {} removed; {} were open at its end. ",
            found["raised_count"],
            month,
            found["removed_count"],
            found["open_count"],
        ),
        *words("Half are removed within {}", found["removal_p50_days"]),
        *(
            words(" and half are answered within {} hours. ", found["response_p50_hours"])
            if found["response_p50_hours"].value is not None
            else (". ",)
        ),
        "The process itself is the cause of ",
        *process.words,
        "; barriers that had been removed before came back: ",
        *again.words,
        ".",
    )
    parts: list[Part] = [
        chart(
            marts,
            "Barriers raised, month by month",
            words("Barriers raised per month up to {}, with their limits.", month),
            series,
            "value",
            "month",
            Column("Barriers raised", "count"),
            RAISED,
        ),
        _removal_chart(marts),
        marts.table(
            "By process step",
            f"""
select process_step, raised_count, removed_count, open_count, hours_lost, removal_p50_days,
    response_p50_hours, process_cause_rate, recurrence_rate, recurrence_rate_suppressed_reason
from marts.{BARRIERS} where process_step != 'all' and barrier_month = ?
order by open_count desc, process_step, source_system
""",
            (
                Column("Step"),
                Column("Raised", "count"),
                Column("Removed", "count"),
                Column("Open", "count"),
                Column("Hours lost", "count"),
                Column("Half removed within", "days"),
                Column("Half answered within, hours", "number"),
                Column("Process as cause", "rate"),
                Column("Came back", "rate"),
                Column("No share because"),
            ),
            month.value,
            note=(
                (
                    "Most open first. The days to removal count those that are still open, too: the"
                    " mean of the removed alone would leave out what stays."
                ),
            ),
        ),
        marts.table(
            "Open by step and age",
            f"""
select coalesce(process_step, 'unknown') as step, count(*) as open_count,
    count(*) filter (age_days <= 7) as week, count(*) filter (age_days between 8 and 30) as month,
    count(*) filter (age_days between 31 and 90) as quarter, count(*) filter (age_days > 90) as more
from marts.{OPEN} where is_open group by step order by open_count desc, step
""",
            (
                Column("Step"),
                Column("Open", "count"),
                Column("Up to 7 days", "count"),
                Column("8 to 30 days", "count"),
                Column("31 to 90 days", "count"),
                Column("More than 90", "count"),
            ),
            note=("At the as_of.",),
        ),
        marts.table(
            "Open for longest",
            f"""
select barrier_id, process_step, cause, raised_date, age_days, hours_lost, opportunity_id
from marts.{OPEN} where is_open order by age_days desc, barrier_id limit 20
""",
            (
                Column("Barrier"),
                Column("Step"),
                Column("Cause"),
                Column("Raised", "date"),
                Column("Open for", "days"),
                Column("Hours lost", "count"),
                Column("Holds up deal"),
            ),
            note=("The twenty oldest at the as_of.",),
        ),
    ]
    headline = Headline(
        title="Barriers raised",
        number=judged.value,
        context=words(
            "in {}; {} are open, half are removed within {}.",
            month,
            found["open_count"],
            found["removal_p50_days"],
        ),
        verdict=judged.verdict,
        why=judged.why,
        section=key,
        marts=used,
    )
    return Found(
        Section(key, title, question, finding, tuple(parts), used),
        headline,
        look(judged, "Barriers raised", None),
    )


def _removal_chart(marts: Published) -> Part:
    import altair as alt

    labels = {"removal_p50_days": "Half removed within", "open_count": "Open at the end"}
    lines = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["measure", "value"])
        .mark_line(point=True)
        .encode(
            x=alt.X("barrier_month:T", title=None),
            y=alt.Y("value:Q", title="Days, or barriers"),
            color=labelled("measure", labels),
            tooltip=[
                alt.Tooltip("barrier_month:T", title="Month", format="%b %Y"),
                alt.Tooltip("removal_p50_days:Q", title="Half removed within, days"),
                alt.Tooltip("open_count:Q", title="Open at the end"),
            ],
        )
    )
    return marts.chart(
        "How long barriers stand",
        ("Days within which half are removed, and barriers open at the end of each month.",),
        specified(lines),
        f"""
select barrier_month, max(removal_p50_days) as removal_p50_days, sum(open_count) as open_count
from marts.{BARRIERS} where process_step = 'all' and last_day(barrier_month) <= {AS_OF}
group by barrier_month
""",
        {
            "barrier_month": Column("Month", "month"),
            "removal_p50_days": Column("Half removed within", "days"),
            "open_count": Column("Open", "count"),
        },
        native=NativeChart("line", "barrier_month", tuple(labels)),
    )
