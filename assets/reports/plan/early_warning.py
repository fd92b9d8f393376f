"""Whether misses were seen coming: since when, how many, and how often for nothing."""

from assets.reports.content import Column, Headline, Number, Part, Section, Words, words
from assets.reports.freshness import AS_OF
from assets.reports.monthly import missing
from assets.reports.published import Published
from assets.reports.review.found import WAITING, Found, worded

ACCURACY = "mart_early_warning_accuracy"
WARNINGS = "mart_early_warnings"
USED = (ACCURACY, WARNINGS)
#: of each subject the method that was judged most often, by value before pieces, by month before
#: quarter
_JUDGED = f"""
select *, recall_rate_numerator as warned, recall_rate_denominator as missed,
    false_alarm_rate_numerator as false_count, false_alarm_rate_denominator as warning_count,
    {worded("method")} as method_words,
    case period_kind when 'month' then 'months' else 'quarters' end as periods
from marts.{ACCURACY}
qualify row_number() over (
    partition by subject
    order by measure = 'value' desc, period_count desc, period_kind desc, method, source_system
) = 1
"""


def section(marts: Published) -> Found:
    key, title = "early_warning", "Early warning"
    question = "When we missed, since when did we know; and when we were warned, did it come so?"
    found = marts.each(
        f"select * from ({_JUDGED}) order by subject",
        {
            "subject": "text",
            "method_words": "text",
            "periods": "text",
            "period_count": "count",
            "missed": "count",
            "warned": "count",
            "recall_rate": "rate",
            "warning_count": "count",
            "false_count": "count",
            "lead_time_p50_days": "days",
        },
    )
    if not found:
        why = (
            "No period that is over had a target and a forecast. The extract quotas brings targets"
            " of bookings; of output a usual month stands for one, after a year of work_orders or"
            " shipments."
        )
        return missing(key, title, question, USED, why)
    finding: Words = ()
    for row in found:
        finding += _told(row)
    standing = marts.each(
        f"""
select *, {worded("method")} as method_words
from marts.{WARNINGS} where verdict = 'not over' and is_sure and subject = 'bookings'
order by period_start, method <> 'score', method, source_system limit 1
""",
        {
            "period_start": "date",
            "target": "amount",
            "latest_middle": "amount",
            "warned_date": "date",
            "method_words": "text",
        },
    )
    asks = tuple(
        (
            WAITING,
            words(
                "Bookings of the period from {}: {} is foreseen ({}), {} is the target, and nine"
                " cases in ten stay below it, since {}.",
                row["period_start"],
                row["latest_middle"],
                row["method_words"],
                row["target"],
                row["warned_date"],
            ),
        )
        for row in standing
    )
    return Found(
        Section(key, title, question, finding, _tables(marts), USED), _headline(key, found), asks
    )


def _told(row: dict[str, Number]) -> Words:
    said = words(
        "Of {} {} of {} ({}), {} missed the target",
        *(row[name] for name in ("period_count", "periods", "subject", "method_words", "missed")),
    )
    if row["missed"].value:
        said += words(", of which {} were warned of", row["warned"])
    if row["lead_time_p50_days"].value is not None:
        said += words(", half of them {} or more before the end", row["lead_time_p50_days"])
    if row["warning_count"].value:
        said += words("; {} of {} warnings were false", row["false_count"], row["warning_count"])
    return (*said, ". ")


def _headline(key: str, found: tuple[dict[str, Number], ...]) -> Headline | None:
    bookings = [row for row in found if row["subject"].value == "bookings"]
    if not bookings or bookings[0]["recall_rate"].value is None:
        return None
    row = bookings[0]
    return Headline(
        title="Misses of bookings that were seen coming",
        number=row["recall_rate"],
        context=words(
            "{} of {} {} that missed their target; {} of {} warnings were false",
            *(row[n] for n in ("warned", "missed", "periods", "false_count", "warning_count")),
        ),
        verdict="plain",
        why=("A share of few cases; it says how warnings did so far.",),
        section=key,
        marts=(ACCURACY,),
        case_count=row["missed"],
    )


def _tables(marts: Published) -> tuple[Part, ...]:
    accuracy = marts.table(
        "How warnings came out",
        f"""
select {worded("subject")}, measure, source_system, {worded("period_kind")}, {worded("method")},
    period_count, recall_rate_denominator, recall_rate_numerator, recall_rate,
    false_alarm_rate_denominator, false_alarm_rate_numerator, false_alarm_rate,
    lead_time_p50_days, withdrawn_count,
    coalesce(recall_rate_suppressed_reason, lead_time_suppressed_reason) as suppressed_reason
from marts.{ACCURACY}
order by subject, measure desc, period_kind, method, source_system
""",
        (
            Column("What"),
            Column("Measure"),
            Column("System"),
            Column("Period"),
            Column("Method"),
            Column("Periods", "count"),
            Column("Missed", "count"),
            Column("Of them warned of", "count"),
            Column("Share", "rate"),
            Column("Warnings", "count"),
            Column("Of them false", "count"),
            Column("Share false", "rate"),
            Column("Days ahead, median", "days"),
            Column("Taken back", "count"),
            Column("Why no figure"),
        ),
        note=(
            (
                "A warning stands when the last forecast, and every one since its first day, lies"
                " below the target. Of output a usual month is the target: the mean of the twelve"
                " before."
            ),
        ),
    )
    periods = marts.table(
        "Period by period",
        f"""
select period_start, {worded("subject")}, measure, source_system, {worded("period_kind")},
    {worded("method")}, target, latest_middle, actual, verdict, is_sure, warned_date, lead_days
from marts.{WARNINGS}
order by verdict <> 'not over', abs(period_start - {AS_OF}), subject, measure desc, period_kind,
    method, source_system
""",
        (
            Column("From", "date"),
            Column("What"),
            Column("Measure"),
            Column("System"),
            Column("Period"),
            Column("Method"),
            Column("Target", "number"),
            Column("Foreseen last", "number"),
            Column("Came", "number"),
            Column("Verdict"),
            Column("Below with all its bounds", "flag"),
            Column("Warned since", "date"),
            Column("Days ahead", "days"),
        ),
        is_whole_list=True,
    )
    return accuracy, periods
