"""How much of what is foreseen may not come."""

from assets.reports.content import Column, Headline, Section, Words, words
from assets.reports.monthly import missing
from assets.reports.published import Published
from assets.reports.review.found import Found, worded

BOOKINGS = "mart_forecast_monthly"
OUTPUT = "mart_predictability_forecasts"
USED = (BOOKINGS, OUTPUT)
#: the latest forecast of each system that has bounds
_BOOKINGS = f"""
select *, at_risk_amount / nullif(p50_amount, 0) as at_risk_share from (
    select * from marts.{BOOKINGS}
    qualify forecast_date = max(forecast_date) over (partition by source_system)
) where at_risk_amount is not null
"""
#: what the months to come bring by the adjusted plan, from the latest snapshot
_OUTPUT = f"""
select *, at_risk / nullif(p50, 0) as at_risk_share from marts.{OUTPUT}
where subject <> 'bookings' and method = 'adjusted_plan' and at_risk is not null
    and actual is null
qualify forecast_date = max(forecast_date) over (partition by subject, measure, source_system)
"""


def section(marts: Published) -> Found:
    key, title = "at_risk", "At risk"
    question = "How much of what we count on may not come?"
    found = marts.each(
        f"""
select * from ({_BOOKINGS}) where period_kind = 'fiscal_quarter'
order by period_start, p50_amount desc, source_system limit 1
""",
        {
            "period_start": "date",
            "p50_amount": "amount",
            "p10_amount": "amount",
            "at_risk_amount": "amount",
            "at_risk_share": "rate",
        },
    )
    made = marts.each(
        f"""
select * from ({_OUTPUT}) where measure = 'value'
order by subject, period_start, p50 desc, source_system limit 1
""",
        {
            "subject": "text",
            "period_start": "month",
            "p50": "amount",
            "p10": "amount",
            "at_risk": "amount",
            "at_risk_share": "rate",
        },
    )
    if not found and not made:
        why = (
            "No forecast has bounds. Bring opportunities with amount and expected close, or a year"
            " and a half of work_orders or shipments."
        )
        return missing(key, title, question, USED, why)
    finding: Words = ()
    headline = None
    for row in found:
        finding += words(
            "The quarter from {} most likely brings bookings of {}; in one case of ten no more than"
            " {} comes, so that {} ({}) are at risk. ",
            *(
                row[name]
                for name in (
                    *("period_start", "p50_amount", "p10_amount", "at_risk_amount"),
                    "at_risk_share",
                )
            ),
        )
        headline = Headline(
            title="Bookings at risk in the quarter",
            number=row["at_risk_amount"],
            context=words(
                "of {} in the middle; in one case of ten no more than {} comes",
                row["p50_amount"],
                row["p10_amount"],
            ),
            verdict="plain",
            why=("The distance of the middle from the lower bound of the 80 % interval.",),
            section=key,
            marts=(BOOKINGS,),
        )
    for row in made:
        finding += words(
            "Of {}, {} most likely brings {}, and in one case of ten no more than {}: {} ({}) are"
            " at risk.",
            *(
                row[name]
                for name in ("subject", "period_start", "p50", "p10", "at_risk", "at_risk_share")
            ),
        )
    bookings = marts.table(
        "Bookings: the middle, the lower bound, and what lies between",
        f"""
select source_system, {worded("period_kind")}, period_start, p50_amount, p10_amount,
    at_risk_amount, at_risk_share, target_amount
from ({_BOOKINGS}) order by period_kind, period_start, source_system
""",
        (
            Column("System"),
            Column("Period"),
            Column("From", "date"),
            Column("Middle (P50)", "amount"),
            Column("One in ten below (P10)", "amount"),
            Column("At risk (P50 − P10)", "amount"),
            Column("At risk, share", "rate"),
            Column("Target", "amount"),
        ),
    )
    output = marts.table(
        "Output and shipments, by the adjusted plan",
        f"""
select {worded("subject")}, measure, source_system, period_start, p50, p10, at_risk,
    at_risk_share
from ({_OUTPUT}) order by subject, measure desc, source_system, period_start
""",
        (
            Column("What"),
            Column("Measure"),
            Column("System"),
            Column("Month", "month"),
            Column("Middle (P50)", "number"),
            Column("One in ten below (P10)", "number"),
            Column("At risk (P50 − P10)", "number"),
            Column("At risk, share", "rate"),
        ),
    )
    tables = tuple(table for table in (bookings, output) if table.rows)
    return Found(Section(key, title, question, finding, tables, USED), headline)
