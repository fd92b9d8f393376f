"""Open deals as rep and planner read them together: can we make it, by when, what is it worth."""

from assets.reports.content import Column, Headline, Section, words
from assets.reports.monthly import counted, missing
from assets.reports.published import Published
from assets.reports.review.found import Found

FIT = "mart_opportunity_fit"
USED = (FIT,)
COUNTS = (
    "deal_count",
    "fitting_count",
    "hours_count",
    "date_count",
    "unknown_count",
    "balance_count",
)


def section(marts: Published) -> Found:
    """The section: a list of deals, none of which it turns away."""
    key, title = "opportunity_fit", "Open deals and the plant"
    question = "What would a yes to each open deal ask of the plant, and what is it worth?"
    if not counted(marts, f"select count(*) from marts.{FIT} where fit <> 'unknown'"):
        why = (
            "No open deal says what it is about and for when in a way that the plant can be asked."
            " Bring opportunity_lines with dates, routings or operations, work_center_calendars,"
            " and order_lines with shipments."
        )
        return missing(key, title, question, USED, why)
    found = marts.numbers(
        f"""
select count(*) as deal_count, count(*) filter (fit = 'fits') as fitting_count,
    count(*) filter (fit like '%hours%') as hours_count,
    count(*) filter (fit like '%date%') as date_count,
    count(*) filter (fit = 'unknown') as unknown_count,
    count(easy_product_id) as balance_count
from marts.{FIT}
""",
        dict.fromkeys(
            (
                "deal_count",
                "fitting_count",
                "hours_count",
                "date_count",
                "unknown_count",
                "balance_count",
            ),
            "count",
        ),
    )
    finding = words(
        "Of {} open deals {} fit as they are. {} would need more hours than there are in their"
        " week, {} a later date than was asked for; of {} too little is known. {} could be"
        " balanced with an easy product. No deal is turned away by this: it says what to talk"
        " about.",
        found["deal_count"],
        found["fitting_count"],
        found["hours_count"],
        found["date_count"],
        found["unknown_count"],
        found["balance_count"],
    )
    table = marts.table(
        "Open deals",
        f"""
select opportunity_id, account_id, stage, win_probability, fit, first_need_date, kept_80_date,
    coalesce(constraint_work_center_name, constraint_work_center_id) as work_center,
    constraint_week_date, constraint_hours, constraint_load_after, constraint_load_points,
    throughput_amount, throughput_per_constraint_hour,
    coalesce(easy_product_name, easy_product_id) as easy_product, easy_quantity,
    coalesce(load_suppressed_reason, date_suppressed_reason,
        throughput_per_constraint_hour_suppressed_reason) as unknown_because,
    exception_owner, exception_reason
from marts.{FIT}
order by first_need_date nulls last, opportunity_id
""",
        (
            Column("Deal"),
            Column("Account"),
            Column("Stage"),
            Column("Chance", "rate"),
            Column("Fit"),
            Column("Needed", "date"),
            Column("There 80 times in 100", "date"),
            Column("Its constraint"),
            Column("In the week of", "date"),
            Column("Hours", "number"),
            Column("Load with it", "rate"),
            Column("It adds", "points"),
            Column("Earns", "amount"),
            Column("By the hour", "number"),
            Column("Would balance it"),
            Column("Units of that", "number"),
            Column("Unknown because"),
            Column("Exception of"),
            Column("Its reason"),
        ),
        note=(
            (
                "Dates are for an order today. The load counts what is booked, and the whole of"
                " the deal."
            ),
        ),
        is_whole_list=True,
    )
    headline = Headline(
        title="Open deals that fit the plant",
        number=found["fitting_count"],
        context=words(
            "of {}; {} need more hours than their week has, {} a later date.",
            found["deal_count"],
            found["hours_count"],
            found["date_count"],
        ),
        verdict="plain",
        why=("By hours and by the date that is kept 80 times in 100; no deal is turned away.",),
        section=key,
        marts=USED,
        case_count=found["deal_count"],
    )
    return Found(Section(key, title, question, finding, (table,), USED), headline)
