"""How much reps are coached, whether its cadence is kept, and whether it shows in the funnel; no
rep and no manager is named."""

from assets.reports.content import Column, Headline, Part, Section, Words, words
from assets.reports.freshness import AS_OF
from assets.reports.monthly import counted, missing
from assets.reports.published import Published
from assets.reports.review.found import MOVED, WORSE, Found, look
from assets.reports.signals import chart, judge

MONTHS = "mart_coaching_monthly"
EFFECTS = "mart_coaching_effects"
SESSIONS = "fct_coaching_sessions"
USED = (MONTHS, EFFECTS, SESSIONS)
CADENCE = f"""
select coaching_month as period, sum(cadence_kept_rate_numerator) as numerator,
    sum(cadence_kept_rate_denominator) as denominator
from marts.{MONTHS} where last_day(coaching_month) <= {AS_OF}
group by coaching_month
"""
STATUS_LABEL = (
    "case effect_status when 'more' then 'pass more'"
    " when 'less' then 'pass fewer'"
    " when 'not shown' then 'no difference shown'"
    " else 'cannot be told: ' || effect_suppressed_reason end"
)


def section(marts: Published) -> Found:
    key, title = "coaching", "Coaching"
    question = "Are reps coached as agreed, and do they pass the step more often afterwards?"
    if not counted(marts, f"select count(*) from marts.{SESSIONS}"):
        why = "No coaching session is known. They come with the extract coaching_sessions."
        return missing(key, title, question, USED, why)
    judged = judge(marts, CADENCE, "rate", "month", "rate")
    finding: Words = ()
    parts: list[Part] = []
    headline = None
    if judged is not None:
        month = judged.period
        found = marts.numbers(
            f"""
select sum(coaching_hours_per_rep_week_numerator)
        / sum(coaching_hours_per_rep_week_denominator) as hours,
    sum(session_count) as session_count, sum(coached_rep_count) as coached_rep_count,
    sum(rep_count) as rep_count
from marts.{MONTHS} where coaching_month = ?
""",
            {
                "hours": "number",
                "session_count": "count",
                "coached_rep_count": "count",
                "rep_count": "count",
            },
            month.value,
        )
        finding = words(
            "In {} {} of {} reps were coached in {} sessions, {} hours per rep and week; the"
            " cadence agreed was kept in {} ({} of {} weeks of reps). ",
            month,
            found["coached_rep_count"],
            found["rep_count"],
            found["session_count"],
            found["hours"],
            judged.value,
            judged.numerator,
            judged.case_count,
        )
        parts = [
            chart(
                marts,
                "Coaching cadence kept, month by month",
                words("Share of weeks of reps by whose end it was kept, up to {}.", month),
                CADENCE,
                "rate",
                "month",
                Column("Cadence kept", "rate"),
            )
        ]
        headline = Headline(
            title="Coaching cadence kept",
            number=judged.value,
            context=words(
                "in {}; {} hours of coaching per rep and week.",
                month,
                found["hours"],
            ),
            verdict=judged.verdict,
            why=judged.why,
            section=key,
            marts=USED,
            case_count=judged.case_count,
        )
    told, asks = _effect(marts)
    parts += [_effects(marts), _steps(marts)]
    return Found(
        Section(key, title, question, finding + told, tuple(parts), USED),
        headline,
        (*look(judged, "Coaching cadence kept", "high"), *asks),
    )


def _effect(marts: Published) -> tuple[Words, tuple[tuple[int, Words], ...]]:
    """What is said of the steps for which an effect is shown, and what is to be looked at."""
    shown = marts.each(
        f"""
select process_step, coached_rep_count, coached_after_rate, expected_after,
    100 * effect_lower as effect_lower, 100 * effect_upper as effect_upper, effect_status
from marts.{EFFECTS}
where effect_status in ('more', 'less') and process_step <> 'all'
order by source_system, process_step
""",
        {
            "process_step": "text",
            "coached_rep_count": "count",
            "coached_after_rate": "rate",
            "expected_after": "rate",
            "effect_lower": "points",
            "effect_upper": "points",
            "effect_status": "text",
        },
    )
    if not shown:
        measured = marts.number(
            f"select count(*) from marts.{EFFECTS}"
            " where effect_status = 'not shown' and process_step <> 'all'",
            "count",
        )
        if not measured.value:
            return ("Too few reps are coached on steps of the funnel to tell what it does.",), ()
        return (
            words(
                "On none of {} steps do coached reps pass more or fewer deals afterwards than was"
                " to be expected of them.",
                measured,
            ),
            (),
        )
    finding: Words = ()
    asks: list[tuple[int, Words]] = []
    for step in shown:
        is_more = step["effect_status"].value == "more"
        finding += words(
            "At the step {} the {} reps coached on it pass {} of their deals afterwards, where {}"
            " were to be expected: by {} to {} " + ("more. " if is_more else "in all, so fewer. "),
            *(
                step[name]
                for name in (
                    "process_step",
                    "coached_rep_count",
                    "coached_after_rate",
                    "expected_after",
                    "effect_lower",
                    "effect_upper",
                )
            ),
        )
        asks.append(
            (
                MOVED if is_more else WORSE,
                words(
                    f"Reps coached on the step {{}} pass {'more' if is_more else 'fewer'} deals"
                    " afterwards than was to be expected of them.",
                    step["process_step"],
                ),
            )
        )
    return finding, tuple(asks)


def _effects(marts: Published) -> Part:
    return marts.table(
        "Before and after coaching, by step",
        f"""
select case process_step when 'all' then 'All steps together' else process_step end as step,
    {STATUS_LABEL} as verdict, coached_rep_count, coached_before_rate, coached_after_rate,
    other_before_rate, other_after_rate, expected_after, 100 * effect, 100 * effect_lower,
    100 * effect_upper
from marts.{EFFECTS} order by process_step = 'all', process_step, source_system
""",
        (
            Column("Step"),
            Column("Afterwards coached reps"),
            Column("Reps", "count"),
            Column("Coached, before", "rate"),
            Column("After", "rate"),
            Column("Others, before", "rate"),
            Column("After", "rate"),
            Column("Expected", "rate"),
            Column("Beyond it", "points"),
            Column("Lower", "points"),
            Column("Upper", "points"),
        ),
        note=(
            (
                "Deals that passed the step, of those that passed it or were lost: entered in the"
                " 26 weeks before a session and the 13 after. Expected is what such reps do anyway:"
                " who did badly by chance does better by itself, coached or not. Others were"
                " not coached on the step then. An association, no proof."
            ),
        ),
    )


def _steps(marts: Published) -> Part:
    return marts.table(
        "What was coached in the last year",
        f"""
select coalesce(process_step, 'no step named') as step, is_funnel_step, count(*) as sessions,
    count(distinct rep_id) as reps, sum(duration_minutes order by duration_minutes) / 60 as hours
from marts.{SESSIONS} where held_date > {AS_OF} - 365
group by process_step, is_funnel_step
order by sessions desc, step
""",
        (
            Column("Step"),
            Column("In the funnel", "flag"),
            Column("Sessions", "count"),
            Column("Reps", "count"),
            Column("Hours", "count"),
        ),
        note=("An effect can only be seen on steps of the funnel.",),
    )
