"""What issuers have in force and how much of it is ignored, each against chance."""

from assets.reports.content import Column, Part, Query, Section, words
from assets.reports.freshness import AS_OF
from assets.reports.monthly import counted, missing, rate
from assets.reports.objective.terms import ISSUERS, NO_MONTH, NO_OBJECTIVES, YEAR
from assets.reports.published import Published
from assets.reports.review.found import FEW, Found
from assets.reports.signals import MIN_CASES, specified

#: tails of the exact binomial that a chance result leaves out: 95 and 99.8 % limits
WARNING, ALARM = 0.025, 0.001


def funnel() -> str:
    """SQL: a row per issuer of the month `?`, in the order of their names: what is in force, its
    ignored share with exact binomial limits around the share of all, a shrunken estimate, and
    whether it is common or special cause. The share and its limits are NULL below the floor.

    Shrunken towards all by the beta-binomial whose spread is what issuers differ by beyond chance
    (Kleinman 1973); where they differ by no more, the estimate is the share of all.
    """
    return f"""
with issuer as (
    select issued_by, active_objective_count, ignored_rate_numerator as ignored,
        ignored_rate_denominator as whole
    from marts.{ISSUERS} where objective_month = ? and ignored_rate_denominator > 0
), pooled as (
    select sum(ignored)::double / sum(whole)::double as share, sum(whole)::double as all_count,
        count(*) as issuer_count
    from issuer
), chance as (
    select issued_by, draw.k,
        exp(
            lgamma(issuer.whole + 1) - lgamma(draw.k + 1) - lgamma(issuer.whole - draw.k + 1)
            + draw.k * ln(pooled.share) + (issuer.whole - draw.k) * ln(1 - pooled.share)
        ) as probability
    from issuer cross join pooled,
        lateral (select unnest(generate_series(0, issuer.whole)) as k) as draw
    where pooled.share > 0 and pooled.share < 1
), tails as (
    select issued_by, k,
        sum(probability) over (partition by issued_by order by k) as at_most,
        sum(probability) over (partition by issued_by order by k desc) as at_least
    from chance
), bounds as (
    select issued_by,
        min(k) filter (at_most > {WARNING}) as warning_low,
        max(k) filter (at_least > {WARNING}) as warning_high,
        min(k) filter (at_most > {ALARM}) as alarm_low,
        max(k) filter (at_least > {ALARM}) as alarm_high
    from tails group by issued_by
), spread as (
    select any_value(pooled.share * (1 - pooled.share)) as chance,
        any_value(pooled.issuer_count / pooled.all_count) as per_case,
        any_value(pooled.issuer_count)
            * sum(issuer.whole * (issuer.ignored::double / issuer.whole - pooled.share) ** 2)
            / nullif(any_value((pooled.issuer_count - 1) * pooled.all_count), 0) as seen
    from issuer cross join pooled
), prior as (
    select case when seen > chance * per_case
        then greatest((chance - seen) / (seen - chance * per_case), 0) end as weight
    from spread
)
select issued_by, active_objective_count, ignored, whole,
    {rate("ignored", "whole")} as ignored_rate,
    case when whole >= {MIN_CASES} then warning_low / whole end as warning_low,
    case when whole >= {MIN_CASES} then warning_high / whole end as warning_high,
    case when whole >= {MIN_CASES} then alarm_low / whole end as alarm_low,
    case when whole >= {MIN_CASES} then alarm_high / whole end as alarm_high,
    case when prior.weight is null then pooled.share
        else (ignored + prior.weight * pooled.share) / (whole + prior.weight) end as shrunken,
    case
        when whole < {MIN_CASES} then '{FEW}'
        when ignored < alarm_low or ignored > alarm_high then 'special cause'
        when ignored < warning_low or ignored > warning_high then 'common cause, near a limit'
        else 'common cause'
    end as cause
from issuer
cross join pooled
cross join prior
left join bounds using (issued_by)
"""


def section(marts: Published) -> Found:
    key, title = "issuers", "By issuer"
    question = "Who issues objectives, and is any issuer's ignored more than chance explains?"
    used = (ISSUERS,)
    months = marts.ask(
        Query(
            f"select max(objective_month) from marts.{ISSUERS}"
            f" where last_day(objective_month) <= {AS_OF} and ignored_rate_denominator > 0"
        )
    )
    [[last]] = months
    if last is None:
        there = counted(marts, f"select count(*) from marts.{ISSUERS}")
        return missing(key, title, question, used, NO_MONTH if there else NO_OBJECTIVES)
    found = marts.numbers(
        f"""
select count(*) as issuer_count, sum(active_objective_count) as active,
    count(*) filter (cause = 'special cause') as special_count, any_value(month) as month
from (select *, ?::date as month from ({funnel()}))
""",
        {
            "month": "month",
            "issuer_count": "count",
            "active": "count",
            "special_count": "count",
        },
        last,
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
            f"select * from ({funnel()}) order by issued_by",
            (
                Column("Issuer"),
                Column("Objectives in force", "count"),
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
            last,
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
    arg_max(half_life_days, objective_month) as half_life_days
from marts.{ISSUERS} where {year} group by issued_by order by issued_by
""",
            (
                Column("Issuer"),
                Column("Issued", "count"),
                Column("Issued, by rep", "count"),
                Column("Product changes", "count"),
                Column("Objectives per change", "number"),
                Column("In force now", "count"),
                Column("Half are over within", "days"),
            ),
            last,
            last,
            note=("A half-life is told once half of an issuer's objectives have ended.",),
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
