"""Lines past their last promise and not complete."""

from assets.reports.content import Column, Headline, NativeChart, Part, Section, Words, words
from assets.reports.freshness import AS_OF
from assets.reports.monthly import counted, missing
from assets.reports.promise.lines import LINES, NO_ORDERS, SCORES
from assets.reports.published import Published
from assets.reports.review.found import WAITING, Found, look
from assets.reports.signals import chart, judge, specified

#: a line that is overdue for longer is old
OLD_DAYS = 90
#: a line that lacks no more than this share of its quantity is all but shipped
REST = 0.1
#: at each month's end the lines that were past their last promise and not complete, as known now
BACKLOG = f"""
with unit as (
    select window_end_date, completed_date, cancelled_on, deleted_at::date as deleted_on
    from marts.{LINES}
    where basis = 'last_promise' and window_end_date < {AS_OF}
        and coalesce(completed_date > window_end_date, true)
        and ineligible_reason is distinct from 'no_quantity'
), month_ends as (
    select distinct last_day(date_day) as month_end
    from marts.dim_dates
    where last_day(date_day) <= {AS_OF}
        and date_day >= (select min(basis_date) from marts.{LINES} where basis = 'last_promise')
)
select date_trunc('month', month_end)::date as period, count(window_end_date) as value
from month_ends
left join unit
    on window_end_date < month_end
    and coalesce(completed_date > month_end, true)
    and coalesce(cancelled_on > month_end, true)
    and coalesce(deleted_on > month_end, true)
group by month_end
"""
OVERDUE = f"select * from marts.{LINES} where basis = 'last_promise' and is_overdue_open"
AGE = (
    "case when days_late <= 30 then '1–30 days' when days_late <= 90 then '31–90 days'"
    " when days_late <= 365 then '91–365 days' else 'over 365 days' end"
)


def section(marts: Published) -> Found:
    key, title = "overdue", "Overdue lines"
    question = "Who waits for goods that should be there, and since when?"
    if not counted(marts, f"select count(*) from marts.{LINES}"):
        return missing(key, title, question, (LINES,), NO_ORDERS)
    if not counted(
        marts, f"select count(basis_date) from marts.{LINES} where basis='last_promise'"
    ):
        why = (
            "No line has a promise to be past. The column first_promise_date or"
            " current_promise_date of the extract order_lines brings it, or promise_changes."
        )
        return missing(key, title, question, (LINES,), why)
    found = marts.numbers(
        f"""
select count(*) as line_count, count(distinct order_id) as order_count,
    median(days_late)::double as median_days,
    count(*) filter (days_late > {OLD_DAYS}) as old_count,
    count(*) filter (
        days_late > {OLD_DAYS} and quantity_shipped >= {1 - REST} * quantity_ordered
    ) as rest_count,
    count(*) filter (days_late <= 30) as fresh_count
from ({OVERDUE})
""",
        {
            "line_count": "count",
            "order_count": "count",
            "median_days": "days",
            "old_count": "count",
            "rest_count": "count",
            "fresh_count": "count",
        },
    )
    unpromised = marts.number(
        f"select count(*) from marts.{SCORES} where is_overdue and promise_basis = 'request'",
        "count",
    )
    ends = judge(marts, BACKLOG, "value", "month", "count")
    parts: list[Part] = []
    asks: list[tuple[int, Words]] = []
    if found["line_count"].value:
        finding = words(
            "{} lines of {} orders are open past the last promise; half of them for {} or longer."
            f" {{}} have been overdue for {OLD_DAYS} days at most, {{}} for longer.",
            found["line_count"],
            found["order_count"],
            found["median_days"],
            marts.number(
                f"select count(*) from ({OVERDUE}) where days_late <= {OLD_DAYS}", "count"
            ),
            found["old_count"],
        )
        if found["rest_count"].value:
            parts.append(
                words(
                    f"Of the {{}} lines that are overdue for more than {OLD_DAYS} days, {{}} lack"
                    " no more than a tenth of their quantity: rests that somebody delivers, credits"
                    " or closes. Until then they hide the customers who really wait.",
                    found["old_count"],
                    found["rest_count"],
                )
            )
            asks.append(
                (
                    WAITING,
                    words(
                        f"{{}} of {{}} overdue lines are older than {OLD_DAYS} days and lack no"
                        " more than a tenth of their quantity: deliver, credit or close the rests.",
                        found["rest_count"],
                        found["line_count"],
                    ),
                )
            )
        if found["fresh_count"].value:
            asks.append(
                (
                    WAITING,
                    words(
                        "{} lines went overdue within the last thirty days and are still open: the"
                        " list of overdue lines has them first.",
                        found["fresh_count"],
                    ),
                )
            )
    else:
        finding = words("{} lines are open past the last promise.", found["line_count"])
    if unpromised.value:
        finding += words(
            " {} more have no promise and are past the date that the customer asked for.",
            unpromised,
        )
    if ends is not None:
        parts.append(
            chart(
                marts,
                "Overdue lines at the end of each month, with their limits",
                words(
                    "The number of lines open past the last promise at each month's end; {} in {}.",
                    ends.value,
                    ends.period,
                ),
                BACKLOG,
                "value",
                "month",
                Column("Overdue lines", "count"),
            )
        )
    if found["line_count"].value:
        parts += [_age_chart(marts), _overdue_list(marts)]
    headline = Headline(
        title="Overdue lines",
        number=found["line_count"],
        context=words(
            f"Open past the last promise, of {{}} orders; {{}} for more than {OLD_DAYS} days.",
            found["order_count"],
            found["old_count"],
        ),
        verdict="too little" if ends is None else ends.verdict,
        why=("No month is over yet.",)
        if ends is None
        else (*words("{} at the end of {}. ", ends.value, ends.period), *ends.why),
        section=key,
        marts=(LINES,),
    )
    asks = [*look(ends, "Overdue lines", "low"), *asks]
    section = Section(key, title, question, finding, tuple(parts), (LINES, SCORES))
    return Found(section, headline, tuple(asks))


def _age_chart(marts: Published) -> Part:
    import altair as alt

    bars = (
        alt.Chart(alt.NamedData("rows"))
        .mark_bar()
        .encode(
            x=alt.X("line_count:Q", title="Lines", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("age:N", title="Overdue for", sort=None),
            tooltip=[
                alt.Tooltip("age:N", title="Overdue for"),
                alt.Tooltip("line_count:Q", title="Lines"),
                alt.Tooltip("rest_count:Q", title="All but a tenth shipped"),
            ],
        )
    )
    return marts.chart(
        "Overdue lines by age",
        ("How many lines are overdue, by how long they are.",),
        specified(bars),
        f"""
select {AGE} as age, count(*) as line_count,
    count(*) filter (quantity_shipped >= {1 - REST} * quantity_ordered) as rest_count
from ({OVERDUE}) group by age
""",
        {
            "age": Column("Overdue for"),
            "line_count": Column("Lines", "count"),
            "rest_count": Column("All but a tenth shipped", "count"),
        },
        native=NativeChart("bar", "age", ("line_count",)),
    )


def _overdue_list(marts: Published) -> Part:
    return marts.table(
        "Overdue lines, the newest first",
        f"""
select overdue.order_id, overdue.line_number, overdue.schedule_number, account.account_name,
    coalesce(product.product_name, overdue.product_id) as product, overdue.product_family,
    overdue.basis_date, overdue.days_late, overdue.quantity_ordered, overdue.quantity_shipped,
    overdue.promise_change_count
from ({OVERDUE}) as overdue
left join marts.dim_accounts as account using (account_id)
left join marts.dim_products as product on product.product_id = overdue.product_id
order by overdue.days_late, overdue.order_id, overdue.line_number, overdue.schedule_number
""",
        (
            Column("Order"),
            Column("Line"),
            Column("Part"),
            Column("Account"),
            Column("Product"),
            Column("Product family"),
            Column("Last promise", "date"),
            Column("Overdue", "days"),
            Column("Ordered", "number"),
            Column("Shipped", "number"),
            Column("Moved", "count"),
        ),
        is_whole_list=True,
    )
