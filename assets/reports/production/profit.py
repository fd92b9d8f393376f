"""Which accounts and products earn, which give it back, and what it is that costs."""

from assets.reports.content import Column, Headline, NativeChart, Part, Section, words
from assets.reports.monthly import counted, labelled, missing, rate
from assets.reports.published import Published
from assets.reports.review.found import Found
from assets.reports.signals import specified

WHALE = "mart_profit_whale_curve"
PROFIT = "mart_account_product_profit_monthly"
LEDGER = "mart_profit_reconciliation"
USED = (WHALE, PROFIT, LEDGER, "dim_accounts", "dim_products")
#: the columns of the mart that are costs to somebody, as a sales-ops lead calls them
COSTS = {
    "order_cost_amount": "Entering orders",
    "order_line_cost_amount": "Entering order lines",
    "drop_cost_amount": "Shipping",
    "expedite_cost_amount": "Hurried shipments",
    "freight_cost_amount": "Freight",
    "return_cost_amount": "Taking goods back",
    "service_cost_amount": "Service",
    "sales_time_cost_amount": "Time of sales",
    "other_cost_amount": "Other",
    "changeover_cost_amount": "Setting up the plant",
    "small_lot_cost_amount": "Small lots",
    "sku_upkeep_cost_amount": "Upkeep of products",
}
QUADRANTS = ("peak", "desert", "unclear", "drain")
#: the pairs of the curve, each with what the twelve months say of it
PAIRS = f"""
select curve.*, coalesce(accounts.account_name, curve.account_id) as account,
    coalesce(products.product_name, curve.product_id) as product
from marts.{WHALE} as curve
left join marts.dim_accounts as accounts using (account_id)
left join marts.dim_products as products using (product_id)
where level = 'account_product'
"""
#: the months of the curve
MONTHS = f"""
select monthly.*, curve.quadrant as year_quadrant, curve.is_sign_flip as is_year_sign_flip
from marts.{PROFIT} as monthly
inner join marts.{WHALE} as curve
    on monthly.source_system = curve.source_system
    and monthly.account_id = curve.account_id
    and monthly.product_id = curve.product_id
    and monthly.profit_month between curve.first_month and curve.last_month
where curve.level = 'account_product'
"""


def section(marts: Published) -> Found:
    key, title = "profit", "Profit by account and product"
    question = "Which products in which accounts earn, which give it back, and what costs so much?"
    if not counted(marts, f"select count(*) from marts.{WHALE}"):
        why = (
            "Profit needs the ledger by month and cost pool (the extract cost_entries), and order"
            " lines and shipments to share it out by; products bring the variable cost."
        )
        return missing(key, title, question, USED, why)
    found = marts.numbers(
        f"""
select max(last_month) as last_month,
    count(*) filter (level = 'account') as account_count,
    count(*) filter (level = 'account_product') as pair_count,
    count(*) filter (level = 'account_product' and net_profit_amount < 0) as losing_count,
    count(*) filter (level = 'account_product' and is_sign_flip) as flip_count,
    count(*) filter (level = 'account_product' and quadrant = 'drain') as drain_count,
    sum(net_profit_amount) filter (level = 'account') as profit,
    -sum(net_profit_amount) filter (level = 'account_product' and net_profit_amount < 0)
        as given_back,
    case when sum(net_profit_amount) filter (level = 'account') > 0 then
        sum(net_profit_amount) filter (level = 'account_product' and net_profit_amount > 0)
        / sum(net_profit_amount) filter (level = 'account')
    end as peak,
    sum(incomplete_count) filter (level = 'account') as incomplete_count
from marts.{WHALE}
""",
        {
            "last_month": "month",
            "account_count": "count",
            "pair_count": "count",
            "losing_count": "count",
            "flip_count": "count",
            "drain_count": "count",
            "profit": "amount",
            "given_back": "amount",
            "peak": "rate",
            "incomplete_count": "count",
        },
    )
    finding = words(
        "In the twelve months to {}, {} accounts made {} after what it cost to serve them.",
        found["last_month"],
        found["account_count"],
        found["profit"],
    )
    if found["losing_count"].value:
        finding += words(
            " Of {} pairs of account and product {} lost money and gave back {}; {} of them had a"
            " margin that looked good.",
            found["pair_count"],
            found["losing_count"],
            found["given_back"],
            found["flip_count"],
        )
    else:
        finding += words(
            " None of {} pairs of account and product lost money.", found["pair_count"]
        )
    if found["peak"].value is not None:
        finding += words(" At its peak the curve stands at {} of what is left.", found["peak"])
    parts: list[Part] = [_curve(marts), _quadrants(marts)]
    if found["losing_count"].value:
        parts += [_drivers(marts), _losses(marts)]
    parts.append(_ledger(marts))
    if found["incomplete_count"].value:
        parts.append(
            words(
                "{} sales of the twelve months have no price in the base currency or no variable"
                " cost: they are in no figure, and their pairs are not judged.",
                found["incomplete_count"],
            )
        )
    headline = Headline(
        title="Profit after cost to serve",
        number=found["profit"],
        context=words(
            "in the twelve months to {}; {} of {} pairs of account and product lose money.",
            found["last_month"],
            found["losing_count"],
            found["pair_count"],
        ),
        verdict="plain",
        why=("Net of variable cost, cost to serve and complexity; what no driver reaches is not.",),
        section=key,
        marts=(WHALE,),
        case_count=found["pair_count"],
    )
    return Found(Section(key, title, question, finding, tuple(parts), USED), headline)


def _curve(marts: Published) -> Part:
    import altair as alt

    curve = f"""
select source_system, ceil(100 * profit_rank / member_count)::int as percent_of_pairs,
    arg_max(cumulative_amount, profit_rank) as profit
from marts.{WHALE}
where level = 'account_product'
group by source_system, percent_of_pairs
"""
    line = (
        alt.Chart(alt.NamedData("rows"))
        .mark_line()
        .encode(
            x=alt.X("percent_of_pairs:Q", title="Pairs, most profitable first, per cent"),
            y=alt.Y("profit:Q", title="Net profit so far", axis=alt.Axis(format="~s")),
            detail="source_system:N",
        )
    )
    return marts.chart(
        "The whale curve",
        (
            (
                "Net profit added up over pairs of account and product, the most profitable first;"
                " where the line falls, what was earned is given back."
            ),
        ),
        specified(line),
        curve,
        {
            "source_system": Column("System"),
            "percent_of_pairs": Column("Pairs, per cent", "number"),
            "profit": Column("Net profit so far", "amount"),
        },
        native=NativeChart("line", "percent_of_pairs", ("profit",)),
    )


def _quadrants(marts: Published) -> Part:
    order = " ".join(f"when '{name}' then {place}" for place, name in enumerate(QUADRANTS))
    return marts.table(
        "Peaks, deserts and drains",
        f"""
select coalesce(year_quadrant, 'not judged') as quadrant,
    count(distinct (source_system, account_id, product_id)) as pair_count,
    sum(net_revenue_amount) as revenue, sum(pocket_margin_amount) as margin,
    sum(cost_to_serve_amount) as cost_to_serve, sum(complexity_cost_amount) as complexity,
    sum(net_profit_amount) as profit,
    {rate("sum(on_time_rate_numerator)", "sum(on_time_rate_denominator)")} as on_time,
    sum(on_time_rate_denominator) as due_count,
    {rate("sum(win_rate_numerator)", "sum(win_rate_denominator)")} as won,
    sum(win_rate_denominator) as decided_count
from ({MONTHS})
group by year_quadrant
order by case year_quadrant {order} else 9 end
""",
        (
            Column("Quadrant"),
            Column("Pairs", "count"),
            Column("Net revenue", "amount"),
            Column("Pocket margin", "amount"),
            Column("Cost to serve", "amount"),
            Column("Complexity", "amount"),
            Column("Net profit", "amount"),
            Column("On time, first promise", "rate"),
            Column("Dates due", "count"),
            Column("Won", "rate"),
            Column("Won or lost", "count"),
        ),
        note=(
            (
                "Peak: a clear profit. Drain: a clear loss. Desert: small either way. Unclear:"
                " larger, but within what the cost pools may be off. Not judged: no product is"
                " named, or a sale has no price or cost."
            ),
        ),
    )


def _drivers(marts: Published) -> Part:
    import altair as alt

    labels = {"losing": "Pairs that lose", "others": "All others"}
    shares = "\nunion all\n".join(
        f"""
select '{label}' as cost,
    sum({column}) filter (is_losing) / sum(net_revenue_amount) filter (is_losing) as losing,
    sum({column}) filter (not is_losing) / sum(net_revenue_amount) filter (not is_losing) as others
from months"""
        for column, label in COSTS.items()
    )
    query = f"""
with months as (
    select *, sum(net_profit_amount) over (
        partition by source_system, account_id, product_id
    ) < 0 as is_losing
    from ({MONTHS})
)
select cost, losing::double as losing, others::double as others from ({shares})
where losing <> 0 or others <> 0
"""
    points = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["pairs", "share"])
        .mark_point(filled=True, size=90)
        .encode(
            x=alt.X("share:Q", title="Of net revenue", axis=alt.Axis(format=".0%")),
            y=alt.Y("cost:N", title=None, sort="-x"),
            color=labelled("pairs", labels),
            shape=alt.Shape("pairs:N", sort=list(labels), legend=None),
            tooltip=[
                alt.Tooltip("cost:N", title="Cost"),
                alt.Tooltip("share:Q", title="Of net revenue", format=".1%"),
            ],
        )
    )
    return marts.chart(
        "What the losses are made of",
        ("Each cost as a share of net revenue, for pairs that lose money and for all others.",),
        specified(points),
        query,
        {"cost": Column("Cost"), **{name: Column(word, "rate") for name, word in labels.items()}},
        native=NativeChart("bar", "cost", tuple(labels)),
    )


def _losses(marts: Published) -> Part:
    dearest = f"greatest({', '.join(COSTS)})"
    named = " ".join(f"when {column} = {dearest} then '{word}'" for column, word in COSTS.items())
    sums = ", ".join(f"sum({column}) as {column}" for column in COSTS)
    return marts.table(
        "Where money is lost",
        f"""
with costs as (
    select source_system, account_id, product_id, sum(net_revenue_amount) as revenue,
        sum(cost_to_serve_amount + complexity_cost_amount) as cost, {sums},
        sum(on_time_rate_numerator) as on_time, sum(on_time_rate_denominator) as due,
        sum(win_rate_numerator) as won, sum(win_rate_denominator) as decided
    from ({MONTHS})
    group by source_system, account_id, product_id
)
select pairs.account, pairs.product, costs.revenue, pairs.pocket_margin_amount, costs.cost,
    pairs.net_profit_amount, pairs.cost_uncertainty_amount,
    coalesce(pairs.quadrant, 'not judged') as quadrant, coalesce(is_sign_flip, false) as is_flip,
    case when {dearest} > 0 then case {named} end end as dearest_cost, {dearest} as dearest_amount,
    on_time, due, won, decided
from ({PAIRS}) as pairs
inner join costs using (source_system, account_id, product_id)
where pairs.net_profit_amount < 0
order by pairs.net_profit_amount, pairs.account_id, pairs.product_id
""",
        (
            Column("Account"),
            Column("Product"),
            Column("Net revenue", "amount"),
            Column("Pocket margin", "amount"),
            Column("Serving and complexity", "amount"),
            Column("Net profit", "amount"),
            Column("May be off by", "amount"),
            Column("Quadrant"),
            Column("Good margin, loss", "flag"),
            Column("Dearest cost"),
            Column("of", "amount"),
            Column("On time", "count"),
            Column("Due", "count"),
            Column("Won", "count"),
            Column("Won or lost", "count"),
        ),
        note=(
            (
                "A loss on few sales of a year is often one return of goods sold before. A loss is"
                " no reason to leave an account: look at what drives its cost first."
            ),
        ),
        is_whole_list=True,
    )


def _ledger(marts: Published) -> Part:
    return marts.table(
        "From the ledger to accounts",
        f"""
select cost_pool, ledger_driver, driver, sum(ledger_amount) as ledger,
    sum(allocated_amount) as allocated, sum(unallocated_amount) as unallocated,
    sum(residual_amount) as residual, max(stated_accuracy) as accuracy,
    string_agg(distinct unallocated_reason, '; ' order by unallocated_reason) as reason
from marts.{LEDGER} as ledger
inner join (
    select source_system, min(first_month) as first_month, max(last_month) as last_month
    from marts.{WHALE} group by source_system
) as years using (source_system)
where cost_month between first_month and last_month
group by cost_pool, ledger_driver, driver
order by cost_pool, ledger_driver, driver
""",
        (
            Column("Cost pool"),
            Column("Driver in the ledger"),
            Column("Shared out by"),
            Column("Ledger", "amount"),
            Column("With accounts", "amount"),
            Column("Left whole", "amount"),
            Column("Residual", "amount"),
            Column("May be off by", "rate"),
            Column("Left whole because"),
        ),
        note=(
            "What is left whole is in no account's profit. Ledger = with accounts + left whole.",
        ),
    )
