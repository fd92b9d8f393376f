"""What is planned for the quarters to come, and what is expected of them by now."""

from assets.reports.content import Column, Section, words
from assets.reports.monthly import missing
from assets.reports.published import Published
from assets.reports.review.found import Found

FORECASTS = "mart_forecast_monthly"
REQUIREMENT = "mart_lead_requirement"
USED = (FORECASTS, REQUIREMENT)

#: the latest word of each system on the fiscal quarters that have a target
_QUARTERS = f"""
select forecast.*, forecast.target_amount - forecast.expected_amount as gap_amount,
    seen.first_visible_date
from (
    select * from marts.{FORECASTS}
    qualify forecast_date = max(forecast_date) over (partition by source_system)
) as forecast
left join (
    select distinct source_system, period_start, first_visible_date from marts.{REQUIREMENT}
) as seen using (source_system, period_start)
where period_kind = 'fiscal_quarter' and method = 'score' and target_amount is not null
    and expected_amount is not null
"""


def section(marts: Published) -> Found:
    key, title = "gap", "Target and forecast"
    question = "What is planned, what is expected by now, and what is missing?"
    found = marts.each(
        f"select * from ({_QUARTERS}) order by period_start, target_amount desc, source_system"
        " limit 1",
        {
            "period_start": "date",
            "period_end": "date",
            "target_amount": "amount",
            "expected_amount": "amount",
            "gap_amount": "amount",
            "first_visible_date": "date",
        },
    )
    if not found:
        why = (
            "No quarter to come has both a target and a forecast. The extract quotas brings the"
            " target, with a quota per rep and month or fiscal quarter."
        )
        return missing(key, title, question, USED, why)
    [quarter] = found
    finding = words(
        "From {} to {} the target is {}; {} are expected by now.",
        *(quarter[name] for name in ("period_start", "period_end", "target_amount")),
        quarter["expected_amount"],
    )
    if quarter["first_visible_date"].value is not None:
        finding += words(
            " {} are missing, as was to be seen from {} on.",
            quarter["gap_amount"],
            quarter["first_visible_date"],
        )
    table = marts.table(
        "The quarters to come",
        f"""
select source_system, period_start, target_amount, booked_amount, open_deals_amount,
    new_business_amount, expected_amount, gap_amount, first_visible_date
from ({_QUARTERS}) order by period_start, source_system
""",
        (
            Column("System"),
            Column("From", "date"),
            Column("Target", "amount"),
            Column("Booked", "amount"),
            Column("From open deals", "amount"),
            Column("From business not yet created", "amount"),
            Column("Expected", "amount"),
            Column("Missing", "amount"),
            Column("To be seen since", "date"),
        ),
        note=(
            (
                "Since when: the first month end from which on the target was above what earlier"
                " month ends would have let expect of what was booked and open then."
            ),
        ),
    )
    return Found(Section(key, title, question, finding, (table,), USED))
