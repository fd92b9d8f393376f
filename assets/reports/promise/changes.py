"""How often promises are moved, which way, and what that does to the figure."""

from assets.reports.content import Column, Headline, Part, Section, Words, words
from assets.reports.freshness import AS_OF
from assets.reports.monthly import counted, missing, rate, reason, share_of
from assets.reports.promise.lines import LINES, LISTED_MONTHS, NO_ORDERS
from assets.reports.published import Published
from assets.reports.review.found import Found, look
from assets.reports.signals import chart, judge

#: a line with its first promise and the last one before it fell due
MOVES = f"""
select first.basis_month, first.promised_by, first.product_family,
    first.promise_change_count, first.net_slip_days,
    first.is_eligible and last.is_eligible as is_judged,
    first.is_on_time as is_first_kept, last.is_on_time as is_last_kept,
    first.net_slip_days <> last.basis_date - first.basis_date as is_moved_too_late
from marts.{LINES} as first
inner join marts.{LINES} as last using (order_id, line_number, schedule_number)
where first.basis = 'first_promise' and last.basis = 'last_promise'
    and first.basis_date is not null
"""
#: lines that missed the first promise and kept the last one, of those that can be judged on both
RESCUED = f"""
select basis_month as period,
    count(*) filter (not is_first_kept and is_last_kept) as numerator, count(*) as denominator
from ({MOVES})
where is_judged and last_day(basis_month) <= {AS_OF}
group by basis_month
"""
MOVED = f"""
select basis_month as period,
    count(*) filter (promise_change_count > 0) as numerator, count(*) as denominator
from ({MOVES})
where last_day(basis_month) <= {AS_OF}
group by basis_month
"""


def section(marts: Published) -> Found:
    key, title = "changes", "Moved promises"
    question = "How often do we move a date we gave, which way, and does it save the figure?"
    moved = judge(marts, MOVED, "rate", "month", "rate")
    if moved is None:
        if not counted(marts, f"select count(*) from marts.{LINES}"):
            return missing(key, title, question, (LINES,), NO_ORDERS)
        why = (
            "No promise of a whole month is published. The columns first_promise_date and"
            " current_promise_date of the extract order_lines bring it, and promise_changes tells"
            " every version."
        )
        return missing(key, title, question, (LINES,), why)
    month = moved.period
    part = share_of(marts, MOVED, month)
    found = marts.numbers(
        f"""
select count(*) filter (net_slip_days > 0) as later_count,
    count(*) filter (net_slip_days < 0) as earlier_count,
    count(*) filter (promise_change_count > 0 and net_slip_days = 0) as back_count,
    count(*) filter (is_moved_too_late) as too_late_count,
    sum(promise_change_count) as change_count,
    (avg(net_slip_days) filter (promise_change_count > 0))::double as slip_days
from ({MOVES}) where basis_month = ?
""",
        {
            "later_count": "count",
            "earlier_count": "count",
            "back_count": "count",
            "too_late_count": "count",
            "change_count": "count",
            "slip_days": "days",
        },
        month.value,
    )
    finding: Words = (
        *words("Of the lines first promised for {}, ", month),
        *part.words,
        " had their date moved",
    )
    if part.numerator.value:
        finding += words(
            ": {} to a later day, {} to an earlier one, {} back to where it was, on average by {}."
            " Moved only after the date had passed, which does not count as a promise: {}.",
            found["later_count"],
            found["earlier_count"],
            found["back_count"],
            found["slip_days"],
            found["too_late_count"],
        )
    else:
        finding += (".",)
    parts: list[Part] = [
        chart(
            marts,
            "Lines with a moved date, with its limits",
            words(
                "The share of promised lines whose date was moved, by month of the first promise;"
                " {} in {}.",
                moved.value,
                month,
            ),
            MOVED,
            "rate",
            "month",
            Column("Moved", "rate"),
        )
    ]
    by = """
count(*) as line_count, count(*) filter (promise_change_count > 0) as moved_count,
    {rate} as moved_rate, sum(promise_change_count) as change_count,
    count(*) filter (net_slip_days > 0) as later_count,
    count(*) filter (net_slip_days < 0) as earlier_count,
    count(*) filter (promise_change_count > 0 and net_slip_days = 0) as back_count,
    count(*) filter (is_moved_too_late) as too_late_count,
    (avg(net_slip_days) filter (promise_change_count > 0))::double as slip_days,
    {reason} as suppressed_reason
from ({moves})
""".format(
        rate=rate("count(*) filter (promise_change_count > 0)", "count(*)"),
        reason=reason("count(*)"),
        moves=MOVES,
    )
    columns = (
        Column("Lines", "count"),
        Column("Moved", "count"),
        Column("Moved, share", "rate"),
        Column("Changes", "count"),
        Column("Later", "count"),
        Column("Earlier", "count"),
        Column("Back", "count"),
        Column("After due", "count"),
        Column("Mean slip", "days"),
        Column("No share because"),
    )
    parts += [
        marts.table(
            "Moved dates of the month, by who promised",
            f"select promised_by, {by} where basis_month = ? group by promised_by"
            " order by promised_by",
            (Column("Promised by"), *columns),
            month.value,
            note=(
                (
                    "Promised by names the function that gave the first date. Who moved it and how"
                    " long before it fell due is in the extract promise_changes; no published mart"
                    " tells it."
                ),
            ),
        ),
        marts.table(
            "Moved dates of the month, by product family",
            f"select product_family, {by} where basis_month = ? group by product_family"
            " order by product_family",
            (Column("Product family"), *columns),
            month.value,
        ),
        marts.table(
            "Moved dates, month by month",
            f"select basis_month, {by} where basis_month <= ?"
            f" and basis_month > ? - interval {LISTED_MONTHS} month"
            " group by basis_month order by basis_month desc",
            (Column("First promised for", "month"), *columns),
            month.value,
            month.value,
        ),
    ]
    asks = [*look(moved, "Lines with a moved date", "low")]
    headline = None
    rescued = judge(marts, RESCUED, "rate", "month", "rate")
    if rescued is not None:
        saved = share_of(marts, RESCUED, rescued.period)
        finding += (
            " Of the lines that can be judged, ",
            *saved.words,
            " missed the first promise and still count as on time against the last one.",
        )
        parts.insert(
            1,
            chart(
                marts,
                "Late for the first promise, on time for the last, with its limits",
                words(
                    "The share of lines that only a moved date makes on time, by month; {} in {}.",
                    rescued.value,
                    rescued.period,
                ),
                RESCUED,
                "rate",
                "month",
                Column("Saved by a moved date", "rate"),
            ),
        )
        headline = Headline(
            title="On time only by a moved date",
            number=saved.rate,
            context=words(
                "{} of {} lines first promised for {} missed that date and kept a later one.",
                saved.numerator,
                saved.denominator,
                rescued.period,
            ),
            verdict=rescued.verdict,
            why=rescued.why,
            section=key,
            marts=(LINES,),
            case_count=saved.denominator,
        )
        asks += look(rescued, "On time only by a moved date", "low")
    section = Section(key, title, question, finding, tuple(parts), (LINES,))
    return Found(section, headline, tuple(asks))
