"""What comes each month, and whether old objectives go."""

from assets.reports.content import Column, Headline, Part, Section, words
from assets.reports.freshness import AS_OF
from assets.reports.monthly import counted, missing
from assets.reports.objective.terms import ISSUERS, LOAD, NO_MONTH, NO_OBJECTIVES, YEAR
from assets.reports.published import Published
from assets.reports.review.found import Found, look
from assets.reports.signals import Metric, chart, judge

OBJECTIVES_ISSUED = Metric("objectives_issued")
ISSUED = f"""
select objective_month as period, sum(issued_objective_count) as value
from marts.{ISSUERS} where last_day(objective_month) <= {AS_OF} group by objective_month
"""


def section(marts: Published) -> Found:
    key, title = "issued", "New objectives"
    question = "How many objectives come each month, and do old ones go?"
    used = (ISSUERS, LOAD)
    issued = judge(marts, ISSUED, "value", "month", "count", OBJECTIVES_ISSUED)
    if issued is None:
        there = counted(marts, f"select count(*) from marts.{ISSUERS}")
        return missing(key, title, question, used, NO_MONTH if there else NO_OBJECTIVES)
    month = issued.period
    year = f"objective_month <= ? and objective_month > ? - interval {YEAR} month"
    found = marts.numbers(
        f"""
select sum(issued_objective_count) as issued, sum(issued_assignment_count) as assignments,
    sum(objectives_per_product_change_denominator) as changes,
    sum(objectives_per_product_change_numerator)::bigint as for_changes,
    sum(objectives_per_product_change_numerator)
        / nullif(sum(objectives_per_product_change_denominator), 0) as per_change
from marts.{ISSUERS} where {year}
""",
        {
            "issued": "count",
            "assignments": "count",
            "changes": "count",
            "for_changes": "count",
            "per_change": "number",
        },
        month.value,
        month.value,
    )
    ended = marts.numbers(
        f"select sum(new_objective_count) as new, sum(withdrawn_objective_count) as withdrawn"
        f" from marts.{LOAD} where {year}",
        {"new": "count", "withdrawn": "count"},
        month.value,
        month.value,
    )
    finding = words(
        "{} objectives were issued in {}, {} in the twelve months up to it. Counted by rep, {}"
        " began in that time and {} ended",
        issued.value,
        month,
        found["issued"],
        ended["new"],
        ended["withdrawn"],
    )
    finding += (
        (": what is issued stays.",)
        if (ended["new"].value or 0) and not ended["withdrawn"].value
        else (".",)
    )
    if found["changes"].value:
        finding += words(
            " {} product changes took effect, and for them {} objectives were issued: {} per"
            " change.",
            found["changes"],
            found["for_changes"],
            found["per_change"],
        )
    parts: list[Part] = [
        chart(
            marts,
            "Objectives issued by month, with their limits",
            words("Objectives that began, by month; {} in {}.", issued.value, month),
            ISSUED,
            "value",
            "month",
            Column("Issued", "count"),
            OBJECTIVES_ISSUED,
        ),
        marts.table(
            "Objectives issued, month by month",
            f"""
with issued as (
    select objective_month, sum(issued_objective_count) as issued,
        sum(issued_assignment_count) as assignments, sum(active_objective_count) as active,
        sum(objectives_per_product_change_denominator) as changes,
        sum(objectives_per_product_change_numerator)::bigint as for_changes
    from marts.{ISSUERS} group by objective_month
), ended as (
    select objective_month, sum(withdrawn_objective_count) as withdrawn
    from marts.{LOAD} group by objective_month
)
select objective_month, active, issued, assignments, withdrawn, changes, for_changes,
    for_changes / nullif(changes, 0) as per_change
from issued left join ended using (objective_month)
where last_day(objective_month) <= {AS_OF}
order by objective_month desc
""",
            (
                Column("Month", "month"),
                Column("In force", "count"),
                Column("Issued", "count"),
                Column("Issued, by rep", "count"),
                Column("Ended, by rep", "count"),
                Column("Product changes", "count"),
                Column("Issued for them", "count"),
                Column("Per change", "number"),
            ),
        ),
    ]
    headline = Headline(
        title="Objectives issued",
        number=issued.value,
        context=words(
            "in {}; {} in the twelve months up to it. Counted by rep, {} began and {} ended.",
            month,
            found["issued"],
            ended["new"],
            ended["withdrawn"],
        ),
        verdict=issued.verdict,
        why=issued.why,
        section=key,
        marts=used,
    )
    asks = [*look(issued, "Objectives issued", "low")]
    return Found(Section(key, title, question, finding, tuple(parts), used), headline, tuple(asks))
