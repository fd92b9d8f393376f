"""The lower tipping point, and the effort that goes to deals below it."""

from assets.reports.content import (
    Column,
    Headline,
    Part,
    Section,
    words,
)
from assets.reports.freshness import (
    AS_OF,
)
from assets.reports.published import (
    Published,
)
from assets.reports.review.found import (
    WAITING,
    Found,
    look,
)
from assets.reports.signals import (
    Metric,
    chart,
    judge,
)
from assets.reports.tipping_point import (
    point,
    tipping_point_table,
    told,
)

BELOW_RATE = Metric("proposals_below_tipping_point_rate")
BELOW = f"""
select event_month as period, sum(below_proposal_rate_numerator) as numerator,
    sum(below_proposal_rate_denominator) as denominator
from marts.mart_qualification_monthly
where last_day(event_month) <= {AS_OF} and lower_tipping_point_score is not null
group by event_month
"""


def section(marts: Published) -> Found:
    title = "Tipping point, and effort below it"
    question = "Below which score does work on a deal not pay, and how much goes there?"
    used = ("mart_tipping_points", "mart_qualification_monthly", "fct_opportunity_scores")
    figures = point(marts, "stage_2_entry", "lower")
    if figures is None:
        return Found(
            Section(
                "qualification",
                title,
                question,
                (),
                (),
                used,
                "No deal is scored: deliver qualification_answers, one row per deal, attribute and"
                " rater.",
            )
        )
    finding = told(figures, "stage_2_entry", "lower")
    below = judge(marts, BELOW, "rate", "month", "rate", BELOW_RATE)
    parts: list[Part] = []
    headline = None
    if below is not None:
        hours = marts.each(
            """
select sum(below_activity_hours_rate_numerator) as below_hours,
    sum(below_activity_hours_rate_denominator) as scored_hours,
    sum(below_activity_hours_rate_numerator)
        / nullif(sum(below_activity_hours_rate_denominator), 0) as hours_rate
from marts.mart_qualification_monthly
where event_month = ? and lower_tipping_point_score is not null
having scored_hours > 0
""",
            {"below_hours": "count", "scored_hours": "count", "hours_rate": "rate"},
            below.period.value,
        )
        said = words(
            " In {} {} of {} proposals for scored deals went to deals below it",
            below.period,
            below.numerator,
            below.case_count,
        )
        for row in hours:
            said += words(", and {} of {} hours ({})", *row.values())
        finding = (*finding, *said, ".")
        parts.append(
            chart(
                marts,
                "Proposals for deals below the tipping point",
                words(
                    "Share of the month's proposals, for scored deals, that went to deals below the"
                    " lower tipping point; {} in {}.",
                    below.value,
                    below.period,
                ),
                BELOW,
                "rate",
                "month",
                Column("Below the tipping point", "rate"),
                BELOW_RATE,
            )
        )
        headline = Headline(
            "Proposals below the tipping point",
            below.value,
            words(
                "{} of {} proposals for scored deals in {}",
                below.numerator,
                below.case_count,
                below.period,
            ),
            below.verdict,
            below.why,
            "qualification",
            ("mart_qualification_monthly", "mart_tipping_points"),
            below.case_count,
        )
    parts.append(tipping_point_table(marts, "stage_2_entry"))
    open_below = marts.numbers(
        """
select count(*) as deal_count, sum(score.amount_base) as amount
from marts.fct_opportunity_scores as score
inner join marts.mart_tipping_points as point using (source_system, pipeline)
where point.landmark = 'stage_2_entry' and point.side = 'lower'
    and score.hand_score < point.tipping_point_score
""",
        {"deal_count": "count", "amount": "amount"},
    )
    asks = look(below, "Proposals for deals below the tipping point", "low")
    if open_below["deal_count"].value:
        asks = (
            *asks,
            (
                WAITING,
                words(
                    "Open deals that score below the tipping point today: {}, worth {}. Find out"
                    " what would lift them, or let them go before the next hour goes in.",
                    *open_below.values(),
                ),
            ),
        )
    return Found(
        Section("qualification", title, question, finding, tuple(parts), used), headline, asks
    )
