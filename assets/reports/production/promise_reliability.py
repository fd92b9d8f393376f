"""Whether first promises hold, how much padding is in quotes, and what is decided on dates."""

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
from assets.reports.monthly import counted, missing, rate, reason, share_of
from assets.reports.published import Published
from assets.reports.review.found import Found, look
from assets.reports.signals import MIN_CASES, Metric, chart, judge, specified

RELIABILITY = "mart_promise_reliability_monthly"
EVENTS = "fct_promise_events"
DECISIONS = "mart_delivery_date_decisions"
USED = (RELIABILITY, EVENTS, DECISIONS)
#: months that are added up: of one alone there is too little by family, function and account
MONTHS = 12
RELIABILITY_RATE = Metric("reliability_rate")
KEPT = f"""
select due_month as period, sum(reliability_rate_numerator) as numerator,
    sum(reliability_rate_denominator) as denominator
from marts.{RELIABILITY}
where last_day(due_month) <= {AS_OF}
group by due_month
"""
#: the whole months up to and with a month, which is bound twice
YEAR = f"due_month <= ? and due_month > ? - interval {MONTHS} month"
SUMS = {
    "kept_count": Column("Kept", "count"),
    "judged_count": Column("Judged", "count"),
    "kept_rate": Column("Kept, share", "rate"),
    "late_quote_rate": Column("Later than quoted", "rate"),
    "padding_days": Column("Padding per line", "days"),
    "padding_ratio": Column("Quoted ÷ taken", "number"),
    "override_days": Column("Promised less quoted", "days"),
    "override_rate": Column("Promised earlier", "rate"),
    "quote_quantile": Column("Quote longer than", "rate"),
    "promise_quantile": Column("Promise longer than", "rate"),
    "infeasible_rate": Column("Infeasible promises", "rate"),
    "changes_per_line": Column("Changes per line", "number"),
    "weighted_days": Column("Days moved, weighted", "number"),
    "realised_days": Column("Taken", "days"),
    "adjusted_days": Column("Taken, without the wait", "days"),
    "suppressed_reason": Column("No share because"),
}
CLOSED = YEAR.replace("due_month", "close_month")


def section(marts: Published) -> Found:
    key, title = "promise_reliability", "Promises, quotes and padding"
    question = (
        "Do first promises hold, how much padding is in quotes, and what do promises take off?"
    )
    judged = judge(marts, KEPT, "rate", "month", "rate", RELIABILITY_RATE)
    if judged is None:
        why = (
            "No line with a promise fell due in a month that is over. Bring the extract order_lines"
            " with first_promise_date, shipments for what was delivered, and promise_changes, which"
            " tells what production quoted and who promised."
        )
        if counted(marts, f"select count(*) from marts.{RELIABILITY}"):
            why = "No month with promised lines is over yet: the first one is told when it is."
        return missing(key, title, question, USED, why)
    month = judged.period
    kept = share_of(marts, KEPT, month)
    found = marts.numbers(
        f"select {_sums()} from marts.{RELIABILITY} where {YEAR}",
        {name: column.unit for name, column in SUMS.items()},
        month.value,
        month.value,
    )
    finding: Words = words("Of the lines first promised for {}, ", month)
    finding += (*kept.words, " were complete by that date.")
    if found["padding_days"].value is None:
        finding += (
            (
                " Production's quotes for order lines are not delivered, so nothing can be said of"
                " padding: the extract promise_changes brings them, with kind quote."
            ),
        )
    else:
        finding += words(
            f" Over the {MONTHS} months up to it production quoted {{}} more per line than the line"
            " took ({} times as long). Sales promised earlier than quoted for {} of the lines; on"
            " average promised less quoted is {}. Against comparable lines finished by then,"
            " the quotes were longer than {} of them and the promises longer than {}.",
            found["padding_days"],
            found["padding_ratio"],
            found["override_rate"],
            found["override_days"],
            found["quote_quantile"],
            found["promise_quantile"],
        )
    if found["infeasible_rate"].value is not None:
        finding += words(
            " Shorter than all but a tenth of comparable lines, so infeasible from the start, were"
            " {} of the promises.",
            found["infeasible_rate"],
        )
    if found["realised_days"].value is not None:
        finding += words(
            " The time that lines took contains the waiting that padding itself causes: {} from"
            " the order, {} without the wait before the first operation.",
            found["realised_days"],
            found["adjusted_days"],
        )
    finding += _decided(marts, month)
    parts: list[Part] = [
        chart(
            marts,
            "Lines complete by their first promise, with its limits",
            words("The share of lines by month of the first promise; {} in {}.", kept.rate, month),
            KEPT,
            "rate",
            "month",
            Column("Kept", "rate"),
            RELIABILITY_RATE,
        )
    ]
    if found["padding_days"].value is not None:
        parts.append(_padding_chart(marts, month))
    for name, column in (
        ("product family", "product_family"),
        ("promising function", "promised_by"),
    ):
        parts.append(
            marts.table(
                f"Promises of the {MONTHS} months by {name}",
                f"select {column}, {_sums()} from marts.{RELIABILITY} where {YEAR}"
                f" group by {column} order by {column}",
                (Column(name.capitalize()), *SUMS.values()),
                month.value,
                month.value,
            )
        )
    parts += [
        marts.table(
            f"Promises of the {MONTHS} months by account",
            f"""
select coalesce(dim_accounts.account_name, totals.account_id) as account,
    totals.* exclude account_id
from (
    select account_id, {_sums()} from marts.{RELIABILITY} where {YEAR} group by account_id
) as totals
left join marts.dim_accounts using (account_id)
order by account, account_id
""",
            (Column("Account"), *SUMS.values()),
            month.value,
            month.value,
            is_whole_list=True,
        ),
        _moved(marts, month),
        _two_by_two(marts, month),
    ]
    headline = Headline(
        title="First promises kept",
        number=kept.rate,
        context=words(
            "{} of {} lines first promised for {} were complete by that date.",
            kept.numerator,
            kept.denominator,
            month,
        ),
        verdict=judged.verdict,
        why=judged.why,
        section=key,
        marts=(RELIABILITY,),
        case_count=kept.denominator,
    )
    return Found(
        Section(key, title, question, finding, tuple(parts), USED),
        headline,
        look(judged, "First promises kept", "high"),
    )


def _mean(total: str, count: str) -> str:
    """SQL: a sum per case, NULL below the floor of cases."""
    return f"case when sum({count}) >= {MIN_CASES} then sum({total})::double / sum({count}) end"


def _quantile(side: str) -> str:
    """SQL: the share of comparable lines that were shorter; the floor speaks of what was named."""
    name = f"{side}_implied_quantile_rate"
    return (
        f"case when sum(infeasible_{side}_rate_denominator) >= {MIN_CASES}"
        f" then sum({name}_numerator)::double / sum({name}_denominator) end"
    )


def _sums() -> str:
    kept, judged = "sum(reliability_rate_numerator)", "sum(reliability_rate_denominator)"
    quote, late = (
        "sum(late_against_quote_rate_denominator)",
        "sum(late_against_quote_rate_numerator)",
    )
    return f"""
    {kept} as kept_count, {judged} as judged_count, {rate(kept, judged)} as kept_rate,
    {rate(late, quote)} as late_quote_rate,
    {_mean("padding_days", "padding_count")} as padding_days,
    case when sum(padding_count) >= {MIN_CASES}
        then sum(quoted_lead_days)::double / sum(realised_lead_days) end as padding_ratio,
    {_mean("override_days", "override_count")} as override_days,
    {rate("sum(override_rate_numerator)", "sum(override_rate_denominator)")} as override_rate,
    {_quantile("quote")} as quote_quantile, {_quantile("promise")} as promise_quantile,
    {rate("sum(infeasible_promise_rate_numerator)", "sum(infeasible_promise_rate_denominator)")}
        as infeasible_rate,
    {_mean("change_count", "promised_count")} as changes_per_line,
    {_mean("weighted_days_moved", "promised_count")} as weighted_days,
    {_mean("queue_realised_lead_days", "queue_adjusted_count")} as realised_days,
    {_mean("queue_adjusted_lead_days", "queue_adjusted_count")} as adjusted_days,
    {reason(judged)} as suppressed_reason
"""


def _padding_chart(marts: Published, month: Number) -> Part:
    import altair as alt

    bars = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(["quoted_more", "promised_less"], as_=["side", "days"])
        .mark_bar()
        .encode(
            x=alt.X("days:Q", title="Days per line"),
            y=alt.Y("product_family:N", title=None),
            yOffset=alt.YOffset("side:N"),
            color=alt.Color(
                "side:N",
                title=None,
                legend=alt.Legend(
                    labelExpr="datum.value == 'quoted_more' ? 'Padding' : 'Taken off'"
                ),
            ),
            tooltip=[
                alt.Tooltip("product_family:N", title="Product family"),
                alt.Tooltip("days:Q", title="Days per line", format=".1f"),
            ],
        )
    )
    return marts.chart(
        "Padding and what promises take off, by product family",
        words(
            f"Two bars per family, days per line over the {MONTHS} months up to {{}}: what"
            " production quoted beyond what the line took, and what sales promised less than that.",
            month,
        ),
        specified(bars),
        f"""
select product_family, {_mean("padding_days", "padding_count")} as quoted_more,
    {_mean("-override_days", "override_count")} as promised_less
from marts.{RELIABILITY} where {YEAR} group by product_family order by product_family
""",
        {
            "product_family": Column("Product family"),
            "quoted_more": Column("Quoted more than taken", "days"),
            "promised_less": Column("Promised less than quoted", "days"),
        },
        month.value,
        month.value,
        native=NativeChart("bar", "product_family", ("quoted_more", "promised_less")),
    )


def _moved(marts: Published, month: Number) -> Part:
    return marts.table(
        f"Who moved promises, and why, in the {MONTHS} months",
        f"""
select said_by_function, coalesce(reason, 'no reason given') as reason, count(*) as change_count,
    count(*) filter (days_moved > 0) as later_count,
    count(*) filter (notice_days < 0) as after_due_count,
    median(notice_days)::double as notice_days, median(abs(days_moved))::double as days_moved,
    median(open_order_line_count)::double as open_line_count
from marts.{EVENTS}
where event_kind = 'change' and said_date <= last_day(?)
    and said_date > last_day(?) - interval {MONTHS} month
group by all
order by said_by_function, reason
""",
        (
            Column("Moved by"),
            Column("Why"),
            Column("Changes", "count"),
            Column("To a later day", "count"),
            Column("After it was due", "count"),
            Column("Notice, median", "days"),
            Column("Moved by, median", "days"),
            Column("Lines open then, median", "count"),
        ),
        month.value,
        month.value,
    )


def _decided(marts: Published, month: Number) -> Words:
    found = marts.numbers(
        f"""
select coalesce(sum(opportunity_count) filter (
        decision = 'lost on date' and feasibility = 'feasible'), 0) as lost_count,
    coalesce(sum(total_amount) filter (
        decision = 'lost on date' and feasibility = 'feasible'), 0) as lost_amount,
    coalesce(sum(opportunity_count) filter (
        decision = 'accepted' and feasibility = 'infeasible'), 0) as accepted_count,
    coalesce(sum(total_amount) filter (
        decision = 'accepted' and feasibility = 'infeasible'), 0) as accepted_amount,
    coalesce(sum(opportunity_count), 0) as deal_count
from marts.{DECISIONS} where {CLOSED}
""",
        {
            "lost_count": "count",
            "lost_amount": "amount",
            "accepted_count": "count",
            "accepted_amount": "amount",
            "deal_count": "count",
        },
        month.value,
        month.value,
    )
    if not found["deal_count"].value:
        return ()
    return words(
        " {} deals worth {} were lost on a date that could have been kept 80 times in 100, and {}"
        " worth {} were won on one that could not.",
        found["lost_count"],
        found["lost_amount"],
        found["accepted_count"],
        found["accepted_amount"],
    )


def _two_by_two(marts: Published, month: Number) -> Part:
    return marts.table(
        f"Decisions on delivery dates in the {MONTHS} months",
        f"""
select decision, feasibility, sum(opportunity_count) as deal_count, sum(total_amount) as amount,
    sum(unpriced_count) as unpriced_count,
    case when sum(opportunity_count) >= {MIN_CASES}
        then sum(days_beyond_feasible)::double / sum(opportunity_count) end as spare_days
from marts.{DECISIONS} where {CLOSED}
group by decision, feasibility
order by decision, feasibility
""",
        (
            Column("Decision"),
            Column("The date asked for was"),
            Column("Deals", "count"),
            Column("Amount", "amount"),
            Column("Without amount", "count"),
            Column("Days beyond P80, per deal", "days"),
        ),
        month.value,
        month.value,
        note=(
            (
                "Feasible: it left at least the days within which 80 of 100 comparable lines were"
                " done, as known when the deal was last quoted."
            ),
        ),
    )
