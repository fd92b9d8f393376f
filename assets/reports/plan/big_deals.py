"""Which large deals make or break the quarter, and how often those that seemed likely failed."""

from assets.reports.content import Column, Headline, Part, Section, Words, words
from assets.reports.monthly import missing
from assets.reports.published import Published
from assets.reports.review.found import Found

DEALS = "mart_big_deals"
SURPRISES = "mart_big_deal_surprises"
USED = (DEALS, SURPRISES)
#: the system of which the words speak: of several the one with the most large deals
_SYSTEM = f"""
select source_system from marts.{DEALS}
group by source_system order by count(*) desc, source_system limit 1
"""
_QUARTERS = f"""
select * from marts.{SURPRISES}
where period_kind = 'fiscal_quarter' and source_system = ({_SYSTEM})
"""


def section(marts: Published) -> Found:
    key, title = "big_deals", "Large deals to watch"
    question = "Which large deals make or break the quarter, and do likely ones fail?"
    now = marts.each(
        f"select * from ({_QUARTERS}) where open_count > 0 order by period_start limit 1",
        {
            "period_start": "date",
            "open_count": "count",
            "open_amount": "amount",
            "threshold_amount": "amount",
        },
    )
    past = marts.numbers(
        f"""
select count(*) as quarter_count, coalesce(sum(big_deal_count), 0) as deal_count,
    coalesce(sum(surprise_rate_denominator), 0) as likely_count,
    coalesce(sum(surprise_count), 0) as surprise_count,
    coalesce(sum(surprise_to_bookings_numerator), 0) as surprise_value,
    sum(surprise_to_bookings_denominator) as booked
from ({_QUARTERS}) where surprise_to_bookings_denominator is not null
""",
        {
            "quarter_count": "count",
            "deal_count": "count",
            "likely_count": "count",
            "surprise_count": "count",
            "surprise_value": "amount",
            "booked": "amount",
        },
    )
    if not now and not past["quarter_count"].value:
        why = (
            "No deal can be called large: in no year were there ten won deals with an amount, in"
            " the extract opportunities."
        )
        return missing(key, title, question, USED, why)
    finding: Words = ()
    headline = None
    for row in now:
        finding += words(
            "{} large deals, {} in all, are expected to close in the quarter from {}; large is from"
            " {} on, the largest tenth of what was won in the year before. ",
            *(row[n] for n in ("open_count", "open_amount", "period_start", "threshold_amount")),
        )
        headline = Headline(
            title="Large deals of the quarter",
            number=row["open_amount"],
            context=words(
                "{} open deals of {} and more, expected to close in the quarter from {}",
                *(row[n] for n in ("open_count", "threshold_amount", "period_start")),
            ),
            verdict="plain",
            why=("A sum of open deals; the section says how likely each is.",),
            section=key,
            marts=(SURPRISES,),
            case_count=row["open_count"],
        )
    if past["quarter_count"].value:
        finding += words(
            "In the quarters that are over ({}), {} large deals met their end; {} were likely 30"
            " days before, and {} of these were lost or slipped: a surprise value of {}, beside {}"
            " booked.",
            *(
                past[name]
                for name in (
                    *("quarter_count", "deal_count", "likely_count", "surprise_count"),
                    *("surprise_value", "booked"),
                )
            ),
        )
    return Found(Section(key, title, question, finding, _tables(marts), USED), headline)


def _tables(marts: Published) -> tuple[Part, ...]:
    watched = marts.table(
        "Open large deals, by expected close",
        f"""
select period_start, opportunity_id, account_id, pipeline, stage, amount_base,
    expected_close_date, win_probability, probability_before, probability_basis,
    probability_before_suppressed_reason
from marts.{DEALS} where fate = 'open' and period_kind = 'month'
order by expected_close_date, opportunity_id
""",
        (
            Column("Month", "month"),
            Column("Deal"),
            Column("Account"),
            Column("Pipeline"),
            Column("Stage"),
            Column("Amount", "amount"),
            Column("Expected close", "date"),
            Column("Score now", "rate"),
            Column("Chance 30 days ago", "rate"),
            Column("Said by"),
            Column("Nothing 30 days ago because"),
        ),
        is_whole_list=True,
    )
    surprises = marts.table(
        "Likely large deals that failed",
        f"""
select period_start, opportunity_id, account_id, fate, fate_date, amount_base,
    probability_before, probability_basis
from marts.{DEALS} where is_surprise and period_kind = 'month'
order by period_start desc, opportunity_id
""",
        (
            Column("Month", "month"),
            Column("Deal"),
            Column("Account"),
            Column("Fate"),
            Column("On", "date"),
            Column("Amount", "amount"),
            Column("Chance 30 days before", "rate"),
            Column("Said by"),
        ),
        note=(
            (
                "Likely is from 60 % on, by what was known 30 days before: the CRM's probability,"
                " else the win rate of the stage."
            ),
        ),
        is_whole_list=True,
    )
    quarters = marts.table(
        "Quarter by quarter",
        f"""
select period_start, source_system, threshold_amount, big_deal_count, won_count, lost_count,
    slipped_count, dropped_count, open_count, surprise_rate_denominator, surprise_count,
    surprise_to_bookings_numerator, surprise_to_bookings_denominator, surprise_to_bookings,
    surprise_to_bookings_suppressed_reason, unknown_probability_count
from marts.{SURPRISES} where period_kind = 'fiscal_quarter'
order by period_start desc, source_system
""",
        (
            Column("From", "date"),
            Column("System"),
            Column("Large from", "amount"),
            Column("Large deals", "count"),
            Column("Won", "count"),
            Column("Lost", "count"),
            Column("Slipped", "count"),
            Column("Dropped", "count"),
            Column("Open", "count"),
            Column("Likely", "count"),
            Column("Of them failed", "count"),
            Column("Surprise value", "amount"),
            Column("Booked", "amount"),
            Column("Surprise to booked", "rate"),
            Column("No share because"),
            Column("Chance not known", "count"),
        ),
    )
    return watched, surprises, quarters
