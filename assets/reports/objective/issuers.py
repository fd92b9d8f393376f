"""What issuers have in force and how much of it is ignored, each against chance."""

from assets.reports.content import Column, Part, Section, words
from assets.reports.freshness import AS_OF
from assets.reports.monthly import counted, missing
from assets.reports.objective.terms import ISSUERS, NO_MONTH, NO_OBJECTIVES, YEAR
from assets.reports.published import Published
from assets.reports.review.found import Found
from assets.reports.signals import specified

COMPARED = "mart_rate_comparisons"
#: the issuers of the last whole month, with the limits that chance leaves around the share of all
SIDE_BY_SIDE = f"""
select * from marts.{COMPARED} where metric = 'issuer_ignored_rate' and dimension = 'issuer'
"""


def section(marts: Published) -> Found:
    key, title = "issuers", "By issuer"
    question = "Who issues objectives, and is any issuer's ignored more than chance explains?"
    used = (ISSUERS, COMPARED)
    found = marts.numbers(
        f"""
select any_value(window_start_date) as month, count(distinct member) as issuer_count,
    count(*) filter (cause = 'special') as special_count
from ({SIDE_BY_SIDE})
""",
        {"month": "month", "issuer_count": "count", "special_count": "count"},
    )
    last = found["month"].value
    if last is None:
        there = counted(marts, f"select count(*) from marts.{ISSUERS}")
        return missing(key, title, question, used, NO_MONTH if there else NO_OBJECTIVES)
    found |= marts.numbers(
        f"select sum(active_objective_count) as active from marts.{ISSUERS}"
        " where objective_month = ?",
        {"active": "count"},
        last,
    )
    finding = words(
        "In {}, {} issuers had {} objectives in force. ",
        found["month"],
        found["issuer_count"],
        found["active"],
    )
    if found["special_count"].value:
        finding += words(
            "The ignored share of {} of them lies outside what chance leaves when all are ignored"
            " alike: look at those objectives, not at the issuer.",
            found["special_count"],
        )
    else:
        finding += ("Chance alone explains how their ignored shares differ.",)
    year = f"objective_month <= ? and objective_month > ? - interval {YEAR} month"
    parts: list[Part] = [
        _issuer_chart(marts),
        marts.table(
            "Issuers of the month against chance",
            f"""
select member, source_system, rate_numerator, rate_denominator, rate, lower_limit_95,
    upper_limit_95, lower_limit_998, upper_limit_998, shrunken,
    case
        when rate is null then rate_suppressed_reason
        when cause is null then 'nothing to compare with'
        when cause = 'common' and is_outside_95 then 'common cause, near a limit'
        else cause || ' cause'
    end as cause
from ({SIDE_BY_SIDE}) order by member, source_system
""",
            (
                Column("Issuer"),
                Column("System"),
                Column("Ignored, by rep", "count"),
                Column("Of", "count"),
                Column("Ignored, share", "rate"),
                Column("95 % limit, lower", "rate"),
                Column("95 % limit, upper", "rate"),
                Column("99.8 % limit, lower", "rate"),
                Column("99.8 % limit, upper", "rate"),
                Column("Shrunken", "rate"),
                Column("Cause"),
            ),
            note=(
                (
                    "In the order of their names: no one is ranked. The limits take each objective"
                    " of each rep as a case of its own. One objective is often ignored by many reps"
                    " at once, so the true limits are wider and a special cause is less certain"
                    " than it looks."
                ),
            ),
        ),
        marts.table(
            "Issued in the last twelve months",
            f"""
select issued_by, sum(issued_objective_count) as issued,
    sum(issued_assignment_count) as assignments,
    sum(objectives_per_product_change_denominator) as changes,
    sum(objectives_per_product_change_numerator)
        / nullif(sum(objectives_per_product_change_denominator), 0) as per_change,
    arg_max(active_objective_count, objective_month) as active,
    arg_max(ignored_bonus_rate_denominator, objective_month) as bonus_amount,
    arg_max(ignored_bonus_rate_numerator, objective_month) as ignored_bonus_amount,
    arg_max(half_life_days, objective_month) as half_life_days,
    arg_max(lifetime_count, objective_month) as lifetime_count
from marts.{ISSUERS} where {year} group by issued_by order by issued_by
""",
            (
                Column("Issuer"),
                Column("Issued", "count"),
                Column("Issued, by rep", "count"),
                Column("Product changes", "count"),
                Column("Objectives per change", "number"),
                Column("In force now", "count"),
                Column("Bonus money now", "amount"),
                Column("Of it on ignored ones", "amount"),
                Column("Half are over within", "days"),
                Column("Objectives × reps seen", "count"),
            ),
            last,
            last,
            note=(
                (
                    "In the order of their names. Half are over within so many days by"
                    " Kaplan–Meier, those still in force included; it is told once so many have"
                    " ended that half have."
                ),
            ),
        ),
    ]
    return Found(Section(key, title, question, finding, tuple(parts), used))


def _issuer_chart(marts: Published) -> Part:
    import altair as alt

    areas = (
        alt.Chart(alt.NamedData("rows"))
        .mark_area()
        .encode(
            x=alt.X("objective_month:T", title=None),
            y=alt.Y("active_objective_count:Q", title="Objectives in force", stack="zero"),
            color=alt.Color("issued_by:N", title="Issuer"),
            tooltip=[
                alt.Tooltip("objective_month:T", title="Month", format="%b %Y"),
                alt.Tooltip("issued_by:N", title="Issuer"),
                alt.Tooltip("active_objective_count:Q", title="In force"),
            ],
        )
    )
    return marts.chart(
        "Objectives in force, by issuer",
        ("How many objectives of each issuer are in force, month by month.",),
        specified(areas),
        f"""
select objective_month, issued_by, active_objective_count
from marts.{ISSUERS} where last_day(objective_month) <= {AS_OF}
""",
        {
            "objective_month": Column("Month", "month"),
            "issued_by": Column("Issuer"),
            "active_objective_count": Column("In force", "count"),
        },
    )
