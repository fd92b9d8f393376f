"""When operations first meets a customer, and what comes of it."""

from assets.reports.content import Column, NativeChart, Part, Section, Words, words
from assets.reports.monthly import counted, missing, share
from assets.reports.published import Published
from assets.reports.review.found import MOVED, Found
from assets.reports.signals import specified

CONTACTS = "fct_account_contacts"
EFFECTS = "mart_operations_contact_effects"
USED = (CONTACTS, EFFECTS)
MEASURE_ORDER = (
    "case measure when 'order_growth' then 1 when 'cost_to_serve_rate' then 2 else 3 end"
)
MEASURE_LABEL = (
    "case measure when 'order_growth' then 'Growth of what is ordered'"
    " when 'cost_to_serve_rate' then 'Cost to serve of net revenue'"
    " else 'First promises kept' end"
)
STATUS_LABEL = (
    "case effect_status when 'more' then 'higher where met early'"
    " when 'less' then 'lower where met early' when 'not shown' then 'no difference shown'"
    " else 'cannot be told: ' || difference_suppressed_reason end"
)


def section(marts: Published) -> Found:
    key, title = "operations_contact", "First contact with operations"
    question = "How soon does operations meet a customer, and what comes of meeting early?"
    if not counted(
        marts, f"select count(*) from marts.{CONTACTS} where first_operations_date is not null"
    ):
        why = (
            "No account has met operations. Activities bring it, with operations or production as"
            " participant_function."
        )
        return missing(key, title, question, USED, why)
    days = marts.number(
        f"select median(days_to_operations_contact)::double from marts.{CONTACTS}"
        " where days_to_operations_contact is not null",
        "days",
    )
    early = share(
        marts,
        "select count(*) filter (is_early) as numerator, count(is_early) as denominator"
        f" from marts.{CONTACTS}",
    )
    waiting = marts.number(
        f"select count(*) from marts.{CONTACTS} where first_operations_date is null", "count"
    )
    finding: Words = (
        *words("Half of the customers that operations has met it met within {} of sales; ", days),
        *early.words,
        *words(" early, and {} it has not met yet. ", waiting),
    )
    told, asks = _effect(marts)
    parts = (_chart(marts), _effects(marts), _pairs(marts))
    return Found(Section(key, title, question, finding + told, parts, USED), look=asks)


def _effect(marts: Published) -> tuple[Words, tuple[tuple[int, Words], ...]]:
    """What is said of the measures, and what is to be looked at."""
    shown = marts.each(
        f"""
select {MEASURE_LABEL} as label, {STATUS_LABEL} as verdict, pair_count,
    100 * difference as difference, 100 * difference_lower as difference_lower,
    100 * difference_upper as difference_upper
from marts.{EFFECTS} where effect_status in ('more', 'less')
order by source_system, {MEASURE_ORDER}
""",
        {
            "label": "text",
            "verdict": "text",
            "pair_count": "count",
            "difference": "points",
            "difference_lower": "points",
            "difference_upper": "points",
        },
    )
    if not shown:
        pairs = marts.number(
            f"select coalesce(max(pair_count), 0) from marts.{EFFECTS}"
            " where effect_status = 'not shown'",
            "count",
        )
        if not pairs.value:
            return ("There are too few like accounts to tell what comes of meeting early.",), ()
        return (
            words(
                "Between {} accounts that it met early and like ones that it met late no difference"
                " is shown in growth, cost to serve or promises kept.",
                pairs,
            ),
            (),
        )
    finding: Words = ()
    asks: list[tuple[int, Words]] = []
    for each in shown:
        finding += words(
            "{}: {}, by {} ({} to {}, {} pairs of like accounts). ",
            *(
                each[name]
                for name in (
                    "label",
                    "verdict",
                    "difference",
                    "difference_lower",
                    "difference_upper",
                    "pair_count",
                )
            ),
        )
        asks.append(
            (
                MOVED,
                words(
                    "{} is {}; like accounts that it met late are beside them.",
                    each["label"],
                    each["verdict"],
                ),
            )
        )
    return finding, tuple(asks)


def _chart(marts: Published) -> Part:
    import altair as alt

    bars = (
        alt.Chart(alt.NamedData("rows"))
        .mark_bar()
        .encode(
            x=alt.X("days_from:O", title="Days from first contact with sales, from"),
            y=alt.Y("accounts:Q", title="Accounts"),
            tooltip=[
                alt.Tooltip("days_from:O", title="Days from"),
                alt.Tooltip("accounts:Q", title="Accounts"),
            ],
        )
    )
    return marts.chart(
        "Days until operations first met the customer",
        ("Accounts by the days from the first contact with sales, thirty days a bar.",),
        specified(bars),
        f"""
select (floor(days_to_operations_contact / 30.0) * 30)::bigint as days_from, count(*) as accounts
from marts.{CONTACTS} where days_to_operations_contact is not null
group by days_from
""",
        {"days_from": Column("Days from", "count"), "accounts": Column("Accounts", "count")},
        native=NativeChart("column", "days_from", ("accounts",)),
    )


def _effects(marts: Published) -> Part:
    return marts.table(
        "Met early, against like accounts met late",
        f"""
select {MEASURE_LABEL} as label, pair_count, early_value, late_value, 100 * difference,
    100 * difference_lower, 100 * difference_upper, 100 * unmatched_difference,
    {STATUS_LABEL} as verdict
from marts.{EFFECTS} order by source_system, {MEASURE_ORDER}
""",
        (
            Column("Measure"),
            Column("Pairs", "count"),
            Column("Met early", "rate"),
            Column("Met late", "rate"),
            Column("Difference", "points"),
            Column("Lower", "points"),
            Column("Upper", "points"),
            Column("All, alike or not", "points"),
            Column("Verdict"),
        ),
        note=(
            (
                "Early is within 90 days of sales as shipped, and what came of it is that of the 12"
                " months after them. Alike: of one segment, met by sales in one quarter, and near"
                " each other in what they ordered and in how often sales met them in those days. An"
                " association, no proof: operations may hurry to those who would have grown anyway."
            ),
        ),
    )


def _pairs(marts: Published) -> Part:
    return marts.table(
        "Accounts and what they are held against",
        f"""
select account_id, segment, first_sales_date, first_operations_date, days_to_operations_contact,
    is_early, before_order_amount, after_order_amount, matched_account_id, not_compared_reason
from marts.{CONTACTS} order by first_sales_date desc, account_id
""",
        (
            Column("Account"),
            Column("Segment"),
            Column("Met by sales", "date"),
            Column("By operations", "date"),
            Column("Days between", "days"),
            Column("Early", "flag"),
            Column("Ordered before", "amount"),
            Column("Ordered after", "amount"),
            Column("Held against"),
            Column("Not compared because"),
        ),
        is_whole_list=True,
    )
