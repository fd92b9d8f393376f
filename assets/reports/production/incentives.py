"""Where the commission plan pays for something else than what earns the most; no person in it."""

from typing import TYPE_CHECKING

from assets.reports.content import Column, Headline, NativeChart, Part, Section, Words, words
from assets.reports.monthly import counted, missing, share
from assets.reports.published import Published
from assets.reports.review.found import Found
from assets.reports.signals import specified

if TYPE_CHECKING:
    import altair

CONFLICTS = "mart_incentive_conflicts"
BASIS_LABEL = (
    "case choice_basis when 'offered' then 'among the products offered'"
    " else 'within the family, at list price' end"
)


def section(marts: Published) -> Found:
    key, title = "incentives", "What the commission plan pays for"
    question = "Where does the choice that pays best differ from the one that earns the most?"
    used = (CONFLICTS,)
    if not counted(marts, f"select count(*) from marts.{CONFLICTS}"):
        why = (
            "There is no deal with a commission plan. Fill the seed commission_plans (a rate by"
            " system, product family and interval of days), and bring opportunity_lines and the"
            " variable_cost_amount of products."
        )
        return missing(key, title, question, used, why)
    found = marts.numbers(
        f"""
with judged as (select * from marts.{CONFLICTS} where not_judged_reason is null)
select (select count(*) from judged) as judged_count,
    (select string_agg(distinct plan_ids, ', ' order by plan_ids) from judged) as plans,
    coalesce(sum(contribution_at_stake_amount), 0) as at_stake,
    coalesce(sum(contribution_at_stake_amount) filter (where outcome = 'open'), 0) as open_stake,
    coalesce(sum(contribution_best_contribution_amount), 0) as possible
from judged where choice_basis = 'offered'
""",
        {
            "judged_count": "count",
            "plans": "text",
            "at_stake": "amount",
            "open_stake": "amount",
            "possible": "amount",
        },
    )
    if not found["judged_count"].value:
        finding: Words = words(
            "{} deals are open or won, and none of them can be judged: the table says why.",
            marts.number(f"select count(*) from marts.{CONFLICTS}", "count"),
        )
        return Found(Section(key, title, question, finding, (_unjudged(marts),), used))
    conflicts = {
        basis: share(
            marts,
            "select coalesce(sum(has_conflict::int), 0)::bigint as numerator,"
            " count(*) as denominator"
            f" from marts.{CONFLICTS} where not_judged_reason is null and choice_basis = '{basis}'",
        )
        for basis in ("offered", "same family")
    }
    finding = (
        *words("By the plan {}: of the deals with several products on offer, ", found["plans"]),
        *conflicts["offered"].words,
        " pay the most for another product than the one that leaves the most. ",
        *words(
            "{} of contribution are at stake there, of {} that the best choices leave; {} of it in"
            " deals that are open. ",
            found["at_stake"],
            found["possible"],
            found["open_stake"],
        ),
        "Where one product was on offer, its family at list price would conflict in ",
        *conflicts["same family"].words,
        ".",
    )
    parts: list[Part] = []
    if counted(marts, f"select count(*) from marts.{CONFLICTS} where has_conflict"):
        parts += [_pairs_chart(marts), _pairs(marts)]
    parts += [_months(marts), _deals(marts), _unjudged(marts)]
    headline = Headline(
        title="Contribution at stake by the plan",
        number=found["at_stake"],
        context=words(
            "where the best paid product is another one; {} in open deals.", found["open_stake"]
        ),
        verdict="plain",
        why=words("Of {} that the best choices leave.", found["possible"]),
        section=key,
        marts=used,
        case_count=found["judged_count"],
    )
    return Found(Section(key, title, question, finding, tuple(parts), used), headline)


def _pairs_chart(marts: Published) -> Part:
    import altair as alt

    bars: altair.Chart = (
        alt.Chart(alt.NamedData("rows"))
        .mark_bar()
        .encode(
            x=alt.X("at_stake:Q", title="Contribution at stake"),
            y=alt.Y("commission_best_product_family:N", title="Pays best", sort="-x"),
            tooltip=[
                alt.Tooltip("commission_best_product_family:N", title="Pays best"),
                alt.Tooltip("at_stake:Q", title="At stake", format=",.0f"),
                alt.Tooltip("conflicts:Q", title="Deals"),
            ],
        )
    )
    return marts.chart(
        "Contribution at stake by the family that pays best",
        ("How much contribution is at stake in deals where this family pays best and earns less.",),
        specified(bars),
        f"""
select commission_best_product_family, sum(contribution_at_stake_amount) as at_stake,
    count(*) as conflicts
from marts.{CONFLICTS} where has_conflict and choice_basis = 'offered'
group by commission_best_product_family
""",
        {
            "commission_best_product_family": Column("Pays best"),
            "at_stake": Column("At stake", "amount"),
            "conflicts": Column("Deals", "count"),
        },
        native=NativeChart("bar", "commission_best_product_family", ("at_stake",)),
    )


def _pairs(marts: Published) -> Part:
    return marts.table(
        "What pays best against what leaves the most",
        f"""
select {BASIS_LABEL} as basis_label, commission_best_product_family,
    contribution_best_product_family, count(*) as conflicts,
    sum(contribution_at_stake_amount) as at_stake
from marts.{CONFLICTS} where has_conflict
group by choice_basis, commission_best_product_family, contribution_best_product_family
order by choice_basis, at_stake desc, commission_best_product_family,
    contribution_best_product_family
""",
        (
            Column("Choice"),
            Column("Pays best"),
            Column("Leaves the most"),
            Column("Deals", "count"),
            Column("At stake", "amount"),
        ),
    )


def _months(marts: Published) -> Part:
    return marts.table(
        "Deals with several products on offer, month by month",
        f"""
select choice_month, outcome, count(*) as deals, sum(has_conflict::int)::bigint as conflicts,
    sum(contribution_at_stake_amount) as at_stake
from marts.{CONFLICTS} where not_judged_reason is null and choice_basis = 'offered'
group by choice_month, outcome
order by choice_month desc, outcome
""",
        (
            Column("Month", "month"),
            Column("Outcome"),
            Column("Deals", "count"),
            Column("In conflict", "count"),
            Column("At stake", "amount"),
        ),
        is_whole_list=True,
    )


def _deals(marts: Published) -> Part:
    return marts.table(
        "Open deals in conflict",
        f"""
select opportunity_id, {BASIS_LABEL} as basis_label, choice_count, commission_best_product_id,
    commission_best_commission_amount, commission_best_contribution_amount,
    contribution_best_product_id, contribution_best_commission_amount,
    contribution_best_contribution_amount, contribution_at_stake_amount
from marts.{CONFLICTS} where has_conflict and outcome = 'open'
order by contribution_at_stake_amount desc, opportunity_id
""",
        (
            Column("Deal"),
            Column("Choice"),
            Column("Products", "count"),
            Column("Pays best"),
            Column("Commission", "amount"),
            Column("Contribution", "amount"),
            Column("Leaves the most"),
            Column("Its commission", "amount"),
            Column("Its contribution", "amount"),
            Column("At stake", "amount"),
        ),
        note=("Contribution is revenue less variable cost, in the base currency.",),
        is_whole_list=True,
    )


def _unjudged(marts: Published) -> Part:
    return marts.table(
        "Deals that are not judged",
        f"""
select not_judged_reason, count(*) as deals
from marts.{CONFLICTS} where not_judged_reason is not null
group by not_judged_reason order by not_judged_reason
""",
        (Column("Because"), Column("Deals", "count")),
    )
