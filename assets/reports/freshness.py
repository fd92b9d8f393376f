"""What a report has to warn of before it says anything: data and scores that are too old.

Belongs here: how far what each system told lags the as_of, and which scores come from an old model,
from none, or from an earlier day. Read from the published marts alone and held against their as_of,
never against the clock: the same publish is as stale tomorrow as today.
"""

from assets.reports.content import Column, Table, Words, words
from assets.reports.published import Published

#: a weekly report can bear no data that are older than the week it tells of
STALE_AFTER_DAYS = 7

#: subject → (the extracts that bring it, SQL of source_system and the last day it learned anything)
SUBJECTS = {
    "deals": (
        "opportunities and opportunity_changes",
        """
select source_system, greatest(max(recorded_at), max(created_at), max(closed_at)) as last_at
from marts.fct_opportunities group by source_system
union all
select source_system, max(entered_at) from marts.fct_opportunity_stage_events
group by source_system
""",
    ),
    "order lines and shipments": (
        "order_lines and shipments",
        """
select source_system, greatest(max(recorded_at), max(ordered_at), max(completed_date)) as last_at
from marts.fct_order_line_deliveries group by source_system
""",
    ),
    "work orders and operations": (
        "work_orders and operations",
        """
select source_system, greatest(max(recorded_at), max(started_at)) as last_at
from marts.fct_operations group by source_system
union all
select source_system, greatest(max(recorded_at), max(last_finished_at))
from marts.fct_work_orders group by source_system
""",
    ),
}

AS_OF = "(select as_of_date from marts.publish_info)"


def lags() -> str:
    """SQL: a row per source system and subject that it delivers: the last day of which its rows
    tell, and by how many days that lies before the as_of. NULL where no row bears a time."""
    parts = "\nunion all\n".join(
        f"select '{subject}' as subject, '{extracts}' as extracts, source_system,"
        f" max(last_at)::date as last_date from ({sql}) group by source_system"
        for subject, (extracts, sql) in SUBJECTS.items()
    )
    return f"""
select source_system, subject, extracts, last_date,
    case when last_date is not null then greatest(date_diff('day', last_date, {AS_OF}), 0) end
        as lag_days
from ({parts})
"""


def stale(marts: Published) -> tuple[Words, ...]:
    """What is too old to be trusted, each in a sentence with its way out; empty if all is fresh."""
    return (*_old_data(marts), *_old_models(marts), *_scores_of_another_day(marts), *_fallen(marts))


def freshness_table(marts: Published) -> Table:
    """How far each system's data reach, fresh or not."""
    return marts.table(
        "How far the data reach",
        f"select source_system, subject, last_date, lag_days from ({lags()})"
        " order by source_system, subject",
        (
            Column("System"),
            Column("What"),
            Column("Last record", "date"),
            Column("Before the as-of day", "days"),
        ),
    )


def _old_data(marts: Published) -> list[Words]:
    found = marts.each(
        f"select * from ({lags()}) where lag_days > {STALE_AFTER_DAYS}"
        " order by lag_days desc, source_system, subject",
        {
            "source_system": "text",
            "subject": "text",
            "extracts": "text",
            "last_date": "date",
            "lag_days": "days",
        },
    )
    return [
        words(
            "The {} of {} reach to {} only, {} before the day this report speaks of: what came"
            " later is missing in every figure. Way out: put newer extracts of {} into landing/{}"
            " and run the line.",
            row["subject"],
            row["source_system"],
            row["last_date"],
            row["lag_days"],
            row["extracts"],
            row["source_system"],
        )
        for row in found
    ]


def _old_models(marts: Published) -> list[Words]:
    found = marts.each(
        "select replace(score_name, '_', ' ') as score, age_days from marts.mart_score_models"
        " where is_champion and is_stale order by score_name",
        {"score": "text", "age_days": "days"},
    )
    return [
        words(
            "The model of {} was trained on data that end {} before the as-of day: what has changed"
            " since, it does not know. Way out: make retrain.",
            row["score"],
            row["age_days"],
        )
        for row in found
    ]


def _scores_of_another_day(marts: Published) -> list[Words]:
    scores = {
        "win probabilities": "fct_opportunity_scores",
        "chances to be late": "fct_promise_scores",
    }
    told = "\nunion all\n".join(
        f"select '{name}' as what, source_system, max(scored_at) as scored_at from marts.{mart}"
        " group by source_system"
        for name, mart in scores.items()
    )
    found = marts.each(
        f"select what, source_system, (scored_at - interval 1 microsecond)::date as scored_on"
        f" from ({told}) where scored_at < (select as_of_at from marts.publish_info)"
        " order by what, source_system",
        {"what": "text", "source_system": "text", "scored_on": "date"},
    )
    return [
        words(
            "The {} of {} are still those of {}: the last run could not make new ones. Way out:"
            " see what make status says of the last run, mend it, and run again.",
            row["what"],
            row["source_system"],
            row["scored_on"],
        )
        for row in found
    ]


def _fallen(marts: Published) -> list[Words]:
    """Scores that no model gives. One that falls back to another is right to be shown, and its
    reader has to know that it is not the one they are used to."""
    deals = marts.each(
        """
select source_system, score_status, count(*) as deal_count,
    string_agg(distinct coalesce(score_basis, 'nothing'), ', '
        order by coalesce(score_basis, 'nothing')) as basis
from marts.fct_opportunity_scores
where score_status is not null
group by source_system, score_status
order by deal_count desc, source_system, score_status
""",
        {
            "deal_count": "count",
            "source_system": "text",
            "basis": "text",
            "score_status": "text",
        },
    )
    others = marts.each(
        """
select replace(score_name, '_', ' ') as score, coalesce(refused_because, status) as reason
from marts.mart_score_models
where is_last_decision and score_name not like 'win_probability%'
    and score_name not in (select score_name from marts.mart_score_models where is_champion)
order by score_name
""",
        {"score": "text", "reason": "text"},
    )
    way_out = "Way out: docs/scores.md says what this reason needs; then make retrain."
    return [
        words(
            "No model speaks for the win probability of {} open deals of {}; it rests on: {}."
            f" Reason: {{}}. {way_out}",
            row["deal_count"],
            row["source_system"],
            row["basis"],
            row["score_status"],
        )
        for row in deals
    ] + [
        words(f"No model speaks for {{}}. Reason: {{}}. {way_out}", row["score"], row["reason"])
        for row in others
    ]
