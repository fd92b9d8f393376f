"""Which quantities would earn most on the hours there are, and what one more hour is worth."""

from assets.reports.content import Column, Part, Section, Words, words
from assets.reports.monthly import counted, missing
from assets.reports.published import Published
from assets.reports.review.found import WAITING, Found

PRODUCTS = "mart_best_mix_monthly"
CENTERS = "mart_best_mix_constraints_monthly"
USED = (PRODUCTS, CENTERS)

_NAMED = f"select *, coalesce(work_center_name, work_center_id) as work_center from marts.{CENTERS}"


def section(marts: Published) -> Found:
    """The section; what has to be made and does not fit asks to be looked at."""
    key, title = "best_mix", "The mix that would earn most"
    question = "What would we rather sell on the hours there are, and what is one more hour worth?"
    if not counted(marts, f"select count(*) from marts.{CENTERS}"):
        why = (
            "Nothing tells what products take, or what a work centre can work. Bring routings or"
            " operations, work_center_calendars, and order_lines with prices."
        )
        return missing(key, title, question, USED, why)
    short = marts.numbers(
        f"""
select count(*) as short_count, arg_max(in_words, short_hours) as worst
from ({_NAMED})
where short_hours > 0 and period_month in (
    select period_month from marts.{PRODUCTS} where not is_over
)
""",
        {"short_count": "count", "worst": "text"},
    )
    asked: tuple[tuple[int, Words], ...] = ()
    if short["short_count"].value:
        said = words(
            "For months to come, what is sold or agreed is short of hours in {} cases; the worst:"
            " {}.",
            short["short_count"],
            short["worst"],
        )
        asked = ((WAITING, said),)
    parts: tuple[Part, ...] = _tables(marts)
    return Found(Section(key, title, question, _finding(marts), parts, USED), look=asked)


def _finding(marts: Published) -> Words:
    """The month with the dearest hour, in words; else that none was scarce."""
    found = marts.numbers(
        f"""
select arg_max(in_words, (one_more_hour_amount, period_month)) as dearest,
    arg_max(period_month, (one_more_hour_amount, period_month)) as period_month,
    count(distinct period_month) filter (one_more_hour_amount > 0) as scarce_count,
    count(distinct period_month) as month_count
from ({_NAMED})
""",
        {
            "dearest": "text",
            "period_month": "month",
            "scarce_count": "count",
            "month_count": "count",
        },
    )
    if not found["scarce_count"].value:
        return words(
            "In none of {} months were hours scarce: all that could be sold could be made.",
            found["month_count"],
        )
    return words(
        "Could each product be sold as in its best month of twelve, or as the seed demand_bounds"
        " says, hours would be scarce in {} of {} months, most in {}: {}. It shows what to sell"
        " more of, and turns nobody away: agreements, orders and exceptions are in it.",
        found["scarce_count"],
        found["month_count"],
        found["period_month"],
        found["dearest"],
    )


def _tables(marts: Published) -> tuple[Part, ...]:
    hours = marts.table(
        "What one more hour is worth",
        f"""
select period_month, work_center, available_hours, demand_hours, best_hours, short_hours,
    one_more_hour_amount, in_words
from ({_NAMED})
where one_more_hour_amount > 0 or short_hours > 0
order by period_month desc, work_center
""",
        (
            Column("Month", "month"),
            Column("Work centre"),
            Column("Hours there are", "number"),
            Column("Hours demanded", "number"),
            Column("Hours in the best mix", "number"),
            Column("Hours short", "number"),
            Column("One more hour", "amount"),
            Column("In words"),
        ),
        note=(
            (
                "Without overtime. A work centre that is not here has hours left, or could earn"
                " nothing with more."
            ),
        ),
    )
    products = marts.table(
        "What is demanded and what would be best, by product",
        f"""
select period_month, product_family, product_id, demand_quantity, least_quantity, least_basis,
    most_quantity, most_basis, best_quantity, quantity_change, unit_throughput_amount,
    left_as_it_is_reason, exception_owner, exception_reason, exception_expires_on
from marts.{PRODUCTS}
order by period_month desc, product_family, product_id
""",
        (
            Column("Month", "month"),
            Column("Product family"),
            Column("Product"),
            Column("Demanded", "number"),
            Column("At least", "number"),
            Column("Because"),
            Column("At most", "number"),
            Column("By"),
            Column("Best", "number"),
            Column("More or less", "number"),
            Column("Earns a unit", "number"),
            Column("Left as it is because"),
            Column("Exception of"),
            Column("Its reason"),
            Column("Until", "date"),
        ),
        note=(
            (
                "Of months that are over the best is told afresh, as if nothing had been sold; of"
                " months to come what is sold is made."
            ),
        ),
        is_whole_list=True,
    )
    return hours, products
