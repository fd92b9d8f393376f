"""What of it hangs on deliveries that were booked later than the day they name."""

from assets.reports.content import Column, Headline, Part, Section, Words, words
from assets.reports.freshness import AS_OF
from assets.reports.monthly import missing, rate, share, share_of
from assets.reports.promise.lines import BASES, LINES, LISTED_MONTHS, ON_TIME, sums
from assets.reports.published import Published
from assets.reports.review.found import Found, look
from assets.reports.signals import Judged, chart, judge


def booked_late(basis: str) -> str:
    """Lines on time by the day named, not by the day on which that was recorded."""
    return f"""
select basis_month as period,
    count(*) filter (is_on_time and not is_on_time_recorded) as numerator, count(*) as denominator
from marts.{LINES}
where basis = '{basis}' and is_eligible and last_day(basis_month) <= {AS_OF}
group by basis_month
"""


def section(marts: Published, basis: str, judged: Judged | None) -> Found:
    key, title = "recorded", "By the day it was booked"
    question = "How much of the figure comes from deliveries that were booked later than they name?"
    if judged is None:
        why = "Nothing is judged before a month with lines due is over: see the section on time."
        return missing(key, title, question, (ON_TIME,), why)
    month = judged.period
    known = share(
        marts,
        "select sum(recorded_day_count) as numerator, sum(eligible_count) as denominator"
        f" from marts.{ON_TIME} where basis = ? and basis_month = ?",
        basis,
        month.value,
    )
    if not known.numerator.value:
        why = (
            "No delivery of the month tells when it was recorded. The column recorded_at of the"
            " extract shipments brings it, and so do extracts with a stamp that come often."
        )
        return missing(key, title, question, (ON_TIME,), why)
    gap = judge(marts, booked_late(basis), "rate", "month", "rate")
    assert gap is not None
    late = share_of(marts, booked_late(basis), month)
    told = marts.numbers(
        f"""
select {rate("sum(on_time_rate_numerator)", "sum(on_time_rate_denominator)")} as named,
    {rate("sum(on_time_recorded_rate_numerator)", "sum(on_time_recorded_rate_denominator)")}
        as booked,
    100 * (named - booked) as gap, sum(recorded_before_delivery_count) as before_count
from marts.{ON_TIME} where basis = ? and basis_month = ?
""",
        {"named": "rate", "booked": "rate", "gap": "points", "before_count": "count"},
        basis,
        month.value,
    )
    finding: Words = (
        *words("In {}, ", month),
        *late.words,
        (
            " of the lines were on time by the day that the delivery names and late by the day on"
            f" which it was booked. Against {BASES[basis]} "
        ),
        *words(
            "{} were on time by the day named, {} by the day booked: a gap of {}.",
            told["named"],
            told["booked"],
            told["gap"],
        ),
    )
    parts: list[Part] = [
        (
            (
                "A gap can be paperwork that follows the goods, or dates put right afterwards. The"
                " marts cannot tell which; whoever books the shipments can. Of "
            ),
            *known.words,
            (
                " lines it is known when every delivery was booked; the others count from the day"
                " they name, so the gap can only be larger."
            ),
        ),
        chart(
            marts,
            "On time only by the day named, with its limits",
            words(
                "The share of lines whose delivery was booked too late to be on time, by month;"
                " {} in {}.",
                gap.value,
                gap.period,
            ),
            booked_late(basis),
            "rate",
            "month",
            Column("Booked late", "rate"),
        ),
        marts.table(
            "On time by the day named and by the day booked",
            f"""
select basis_month, due_count, kept_count, on_time_rate, recorded_count, recorded_rate,
    100 * (on_time_rate - recorded_rate) as gap, suppressed_reason
from (
    select basis_month, {
                sums(
                    "where basis = ? and basis_month <= ? and basis_month > ?"
                    f" - interval {LISTED_MONTHS} month group by basis_month"
                )
            }
)
order by basis_month desc
""",
            (
                Column("Month", "month"),
                Column("Due", "count"),
                Column("On time by day named", "count"),
                Column("Share", "rate"),
                Column("On time by day booked", "count"),
                Column("Share as booked", "rate"),
                Column("Gap", "points"),
                Column("No share because"),
            ),
            basis,
            month.value,
            month.value,
            note=(f"Against {BASES[basis]}.",),
        ),
    ]
    if told["before_count"].value:
        parts.append(
            words(
                "{} lines have a delivery that was booked before the day it names.",
                told["before_count"],
            )
        )
    headline = Headline(
        title="On time only by late booking",
        number=late.rate,
        context=words(
            "{} of {} lines due in {}: {} on time by the day named, {} by the day booked.",
            late.numerator,
            late.denominator,
            month,
            told["named"],
            told["booked"],
        ),
        verdict=gap.verdict,
        why=gap.why,
        section=key,
        marts=(ON_TIME, LINES),
        case_count=late.denominator,
    )
    section = Section(key, title, question, finding, tuple(parts), (ON_TIME, LINES))
    return Found(
        section,
        headline,
        look(gap, "On time only by late booking", "low"),
    )
