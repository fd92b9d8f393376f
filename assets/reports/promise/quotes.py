"""Dates that can be promised today."""

from assets.reports.content import Column, NativeChart, Part, Section, words
from assets.reports.monthly import counted, labelled, missing
from assets.reports.published import Published
from assets.reports.review.found import Found
from assets.reports.signals import specified

QUOTES = "mart_promise_quotes"


def section(marts: Published) -> Found:
    key, title = "quotes", "Dates that can be promised"
    question = "Which date do we keep 50, 80 and 95 times in 100, product by product?"
    used = (QUOTES,)
    if not counted(marts, f"select count(*) from marts.{QUOTES}"):
        why = (
            "No product has been ordered or made. Bring order_lines and shipments, or work_orders:"
            " dates are learned from either."
        )
        return missing(key, title, question, used, why)
    # the usual quantity: the median of what is ordered, or the percentile that it coincides with
    usual = f"""
select * from marts.{QUOTES}
where quantity_percentile <= 50
qualify row_number() over (partition by product_id order by quantity_percentile desc) = 1
"""
    found = marts.numbers(
        f"""
select any_value(ordered_date) as ordered_date, count(distinct product_id) as product_count,
    count(distinct product_id) filter (p80_days is not null) as told_count,
    median(p50_days)::double as p50_days, median(p80_days)::double as p80_days,
    median(p95_days)::double as p95_days, median(p95_days - p50_days)::double as more_days,
    count(distinct product_id) filter (lead_time_basis = 'work orders') as made_count
from ({usual})
""",
        {
            "ordered_date": "date",
            "product_count": "count",
            "told_count": "count",
            "p50_days": "days",
            "p80_days": "days",
            "p95_days": "days",
            "more_days": "days",
            "made_count": "count",
        },
    )
    parts: list[Part] = []
    if found["told_count"].value:
        finding = words(
            "For an order of {} in its usual quantity, {} of {} products have dates to promise. In"
            " the middle of them goods are there within {} 50 times in 100, within {} 80 times and"
            " within {} 95 times: a date that is all but safe costs {} more than one that is kept"
            " every other time.",
            found["ordered_date"],
            found["told_count"],
            found["product_count"],
            found["p50_days"],
            found["p80_days"],
            found["p95_days"],
            found["more_days"],
        )
        parts.append(_quote_chart(marts, usual))
    else:
        finding = words("Of {} products none has a date to promise yet.", found["product_count"])
    if found["made_count"].value:
        parts.append(
            words(
                "Of {} products the times are those of production, from release to finish: shipping"
                " is not in them.",
                found["made_count"],
            )
        )
    parts.append(
        marts.table(
            "Dates to promise, by product and quantity",
            f"""
select product_family, coalesce(product_name, product_id) as product, source_system, quantity,
    quantity_percentile, p50_days, kept_50_date, p80_days, kept_80_date, p95_days, kept_95_date,
    finished_line_count, lead_time_basis, quote_status
from marts.{QUOTES}
order by product_family, product, source_system, product_id, quantity
""",
            (
                Column("Product family"),
                Column("Product"),
                Column("System"),
                Column("Quantity", "number"),
                Column("Percentile", "count"),
                Column("50 in 100", "days"),
                Column("Date kept 50 in 100", "date"),
                Column("80 in 100", "days"),
                Column("Date kept 80 in 100", "date"),
                Column("95 in 100", "days"),
                Column("Date kept 95 in 100", "date"),
                Column("Lines behind it", "count"),
                Column("Learned from"),
                Column("Status"),
            ),
            note=(
                (
                    "Dates are working days, at the load of the day of the order. make quote"
                    " tells them for any product, quantity and day."
                ),
            ),
            is_whole_list=True,
        )
    )
    return Found(Section(key, title, question, finding, tuple(parts), used))


def _quote_chart(marts: Published, usual: str) -> Part:
    import altair as alt

    labels = {
        "p50_days": "50 in 100",
        "p80_days": "80 in 100",
        "p95_days": "95 in 100",
    }
    points = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["level", "days"])
        .mark_point(filled=True, size=60, opacity=0.7)
        .encode(
            x=alt.X("days:Q", title="Days from the order"),
            y=alt.Y("product_family:N", title=None),
            yOffset=alt.YOffset("level:N", sort=list(labels)),
            color=labelled("level", labels, "Kept"),
            shape=alt.Shape("level:N", sort=list(labels), legend=None),
            tooltip=[
                alt.Tooltip("product:N", title="Product"),
                *(
                    alt.Tooltip(f"{name}:Q", title=f"Days, {label}")
                    for name, label in labels.items()
                ),
            ],
        )
    )
    return marts.chart(
        "Days to promise by product family",
        ("A mark per product and level: in how many days its usual quantity is there.",),
        specified(points),
        f"select *, coalesce(product_name, product_id) as product from ({usual})"
        " where p80_days is not null",
        {
            "product_family": Column("Product family"),
            "product": Column("Product"),
            **{name: Column(label, "days") for name, label in labels.items()},
        },
        native=NativeChart("bar", "product", tuple(labels)),
    )
