"""Open lines that fall due this month, and how likely each is late."""

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
from assets.reports.monthly import counted, labelled, missing
from assets.reports.promise.lines import LINES, NO_ORDERS, SCORES
from assets.reports.published import Published
from assets.reports.review.found import WAITING, Found
from assets.reports.signals import specified

#: open lines that fall due by the end of the month in which the report is read
THIS_MONTH = f"last_day({AS_OF} + 1)"
AT_RISK = f"select * from marts.{SCORES} where not is_overdue and due_date <= {THIS_MONTH}"


def section(marts: Published) -> Found:
    key, title = "at_risk", "At risk this month"
    question = "Which promises of this month will be broken if nothing is done?"
    if not counted(marts, f"select count(*) from marts.{SCORES}"):
        if not counted(marts, f"select count(*) from marts.{LINES}"):
            return missing(key, title, question, (SCORES,), NO_ORDERS)
        why = (
            "No line is open. Open orders come with the extract order_lines; how likely each is"
            " late is learned from delivered ones."
        )
        return missing(key, title, question, (SCORES,), why)
    found = marts.numbers(
        f"""
select date_trunc('month', {THIS_MONTH})::date as month, count(*) as line_count,
    count(late_probability) as scored_count, count(*) - count(late_probability) as unscored_count,
    sum(late_probability) as late_count,
    count(*) filter (late_probability >= 0.5) as likely_count,
    count(*) filter (late_probability >= 0.5 and due_date <= {AS_OF} + 7) as soon_count,
    count(*) filter (due_date <= {AS_OF}) as today_count
from ({AT_RISK})
""",
        {
            "month": "month",
            "line_count": "count",
            "scored_count": "count",
            "unscored_count": "count",
            "late_count": "count",
            "likely_count": "count",
            "soon_count": "count",
            "today_count": "count",
        },
    )
    marts_used = (SCORES,)
    if not found["line_count"].value:
        finding = words("No open line falls due by the end of {}.", found["month"])
        return Found(Section(key, title, question, finding, (), marts_used))
    if not found["scored_count"].value:
        finding = words(
            "{} open lines fall due by the end of {}, and of none can be said how likely it is"
            " late.",
            found["line_count"],
            found["month"],
        )
    else:
        finding = words(
            "{} open lines fall due by the end of {}. Of {} that are scored, {} are more likely"
            " late than not; added up, about {} will be late.",
            found["line_count"],
            found["month"],
            found["scored_count"],
            found["likely_count"],
            found["late_count"],
        )
    if found["today_count"].value:
        finding += words(
            " {} were due on the as-of day itself and were open at its end: they are missed, and"
            " overdue from the next day.",
            found["today_count"],
        )
    if found["unscored_count"].value:
        finding += words(
            " How likely it is late cannot be said of {} of them.", found["unscored_count"]
        )
    parts: list[Part] = []
    if found["scored_count"].value:
        parts.append(_risk_chart(marts, found["month"]))
    parts += [
        marts.table(
            "Lines due by the end of the month, the whole list",
            f"""
select risk.late_probability, risk.due_date, risk.order_id, risk.line_number, risk.schedule_number,
    coalesce(product.product_name, risk.product_id) as product, risk.product_family,
    risk.quantity_ordered, risk.promise_date, risk.promise_basis, risk.p50_finish_date,
    risk.p80_finish_date, risk.p95_finish_date, risk.score_status
from ({AT_RISK}) as risk
left join marts.dim_products as product using (product_id)
order by risk.late_probability desc nulls last, risk.due_date, risk.order_id, risk.line_number,
    risk.schedule_number
""",
            (
                Column("Chance to be late", "rate"),
                Column("Due", "date"),
                Column("Order"),
                Column("Line"),
                Column("Part"),
                Column("Product"),
                Column("Product family"),
                Column("Quantity", "number"),
                Column("Promise", "date"),
                Column("Which date"),
                Column("50 in 100 by", "date"),
                Column("80 in 100 by", "date"),
                Column("95 in 100 by", "date"),
                Column("Score"),
            ),
            note=(
                (
                    "The most likely late first, of those the one that is due first. The dates say"
                    " by when such lines, open so long, are finished 50, 80 and 95 times in 100: a"
                    " new date for the customer, if one has to be given."
                ),
            ),
            is_whole_list=True,
        ),
        marts.table(
            "At risk by product family",
            f"""
select product_family, count(*) as line_count, count(late_probability) as scored_count,
    count(*) filter (late_probability >= 0.5) as likely_count,
    sum(late_probability) as late_count
from ({AT_RISK}) group by product_family order by product_family
""",
            (
                Column("Product family"),
                Column("Lines due", "count"),
                Column("Scored", "count"),
                Column("More likely late", "count"),
                Column("Late, added up", "number"),
            ),
        ),
    ]
    if found["unscored_count"].value:
        parts.append(
            marts.table(
                "Lines of which it cannot be said how likely they are late",
                f"select score_status, count(*) as line_count from ({AT_RISK})"
                " where late_probability is null group by score_status order by score_status",
                (Column("Score"), Column("Lines", "count")),
            )
        )
    headline: Headline | None = None
    asks: tuple[tuple[int, Words], ...] = ()
    if found["scored_count"].value:
        headline = Headline(
            title="Likely late this month",
            number=found["likely_count"],
            context=words(
                "of {} open lines due by the end of {}; {} of these within seven days.",
                found["scored_count"],
                found["month"],
                found["soon_count"],
            ),
            verdict="plain",
            why=(
                (
                    "A forecast line by line, not a measured month, so there is no past of it to"
                    " hold it against. How well the dates held is a section of its own."
                ),
            ),
            section=key,
            marts=marts_used,
            case_count=found["scored_count"],
        )
        if found["likely_count"].value:
            said = words(
                "{} lines due by the end of {} are more likely late than not, {} of them within"
                " seven days: the list has them first, with a date that can be told instead.",
                found["likely_count"],
                found["month"],
                found["soon_count"],
            )
            asks = ((WAITING, said),)
    return Found(Section(key, title, question, finding, tuple(parts), marts_used), headline, asks)


def _risk_chart(marts: Published, month: Number) -> Part:
    import altair as alt

    labels = {"on_time_count": "On time, added up", "late_count": "Late, added up"}
    bars = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["outcome", "lines"])
        .mark_bar()
        .encode(
            x=alt.X("yearmonthdate(due_date):O", title="Due", axis=alt.Axis(format="%d %b")),
            y=alt.Y("lines:Q", title="Lines"),
            color=labelled("outcome", labels),
            order=alt.Order("outcome:N", sort="ascending"),
            tooltip=[
                alt.Tooltip("due_date:T", title="Due", format="%Y-%m-%d"),
                alt.Tooltip("late_count:Q", title="Late, added up", format=".1f"),
                alt.Tooltip("scored_count:Q", title="Lines"),
            ],
        )
    )
    return marts.chart(
        "Lines due by day, and how many of them will be late",
        words(
            "Open lines by the day on which they fall due up to the end of {}, their chances to be"
            " late added up.",
            month,
        ),
        specified(bars),
        f"""
select due_date, sum(late_probability) as late_count,
    count(late_probability) - sum(late_probability) as on_time_count,
    count(late_probability) as scored_count
from ({AT_RISK}) where late_probability is not null group by due_date
""",
        {
            "due_date": Column("Due", "date"),
            "late_count": Column("Late, added up", "number"),
            "on_time_count": Column("On time, added up", "number"),
            "scored_count": Column("Lines", "count"),
        },
        native=NativeChart("column", "due_date", ("late_count", "on_time_count")),
    )
