"""What became of the deals that were to close in a quarter and in a month."""

from assets.reports.content import (
    Chart,
    Column,
    Headline,
    NativeChart,
    Number,
    Part,
    Query,
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
    chart,
    judge,
    specified,
)

#: the waterfall's parts: name, amount, deals
PARTS = (
    ("Open at the start", "start_amount", "start_count"),
    ("Created", "created_amount", "created_count"),
    ("Pulled in", "pulled_in_amount", "pulled_in_count"),
    ("Reopened", "reopened_amount", "reopened_count"),
    ("Amounts changed", "amount_change_amount", "amount_change_count"),
    ("Exchange rates", "fx_change_amount", "fx_change_count"),
    ("Between pipelines", "pipeline_change_amount", "pipeline_in_count + pipeline_out_count"),
    ("Moved out", "slipped_amount", "slipped_count"),
    ("Won", "won_amount", "won_count"),
    ("Lost", "lost_amount", "lost_count"),
    ("Disqualified", "disqualified_amount", "disqualified_count"),
    ("Duplicates", "duplicate_amount", "duplicate_count"),
    ("Merged", "merged_amount", "merged_count"),
    ("Deleted", "deleted_amount", "deleted_count"),
    ("Still open at the end", "end_amount", "end_count"),
)
SLIPPED = """
select period_start as period, sum(slipped_count) as numerator,
    sum(start_count + created_count + pulled_in_count + reopened_count) as denominator
from marts.mart_pipeline_waterfall
where period_kind = 'fiscal_month' and not is_in_progress
group by period_start
"""


def section(marts: Published) -> Found:
    slipped = judge(marts, SLIPPED, "rate", "month", "rate")
    quarters = """
select * from marts.mart_pipeline_waterfall
where period_kind = 'fiscal_quarter' and period_start = (
    select max(period_start) from marts.mart_pipeline_waterfall
    where period_kind = 'fiscal_quarter'
)
"""
    [(is_there, is_in_progress)] = marts.ask(
        Query(f"select count(*) > 0, coalesce(bool_or(is_in_progress), false) from ({quarters})")
    )
    if not is_there:
        return Found(
            Section(
                "waterfall",
                "Pipeline waterfall",
                "What became of the deals that were to close in the quarter?",
                (),
                (),
                ("mart_pipeline_waterfall",),
                "No deal with an expected close date is published: deliver expected_close_date with"
                " opportunities, and opportunity_changes, which tell when it moved.",
            )
        )
    total = marts.numbers(
        f"""
select min(period_start) as period_start, max(measured_to_date) as measured_to_date,
    sum(start_amount) as start_amount,
    sum(created_amount + pulled_in_amount + reopened_amount) as came_amount,
    -sum(won_amount) as won_amount, -sum(lost_amount) as lost_amount,
    -sum(slipped_amount) as slipped_amount,
    -sum(disqualified_amount + duplicate_amount + merged_amount + deleted_amount)
        as dropped_amount,
    sum(amount_change_amount + fx_change_amount + pipeline_change_amount) as changed_amount,
    sum(end_amount) as end_amount, sum(residual_amount) as residual_amount,
    sum(n_unpriced) as unpriced_count
from ({quarters})
""",
        {
            "period_start": "date",
            "measured_to_date": "date",
            "start_amount": "amount",
            "came_amount": "amount",
            "won_amount": "amount",
            "lost_amount": "amount",
            "slipped_amount": "amount",
            "dropped_amount": "amount",
            "changed_amount": "amount",
            "end_amount": "amount",
            "residual_amount": "amount",
            "unpriced_count": "count",
        },
    )
    finding = words(
        "{} was to close in the quarter from {} when it began, and {} came in since. "
        + ("So far, to {}, " if is_in_progress else "By its end on {} ")
        + "{} of it was won, {} lost, {} dropped otherwise and {} moved out of the quarter; changed"
        " amounts and rates make {}. {} is still open. That leaves {} unexplained.",
        *(
            total[name]
            for name in (
                *("start_amount", "period_start", "came_amount", "measured_to_date"),
                *("won_amount", "lost_amount", "dropped_amount", "slipped_amount"),
                *("changed_amount", "end_amount", "residual_amount"),
            )
        ),
    )
    if total["unpriced_count"].value:
        finding += words(
            " {} deals without an exchange rate are in none of the amounts: deliver fx_rates.",
            total["unpriced_count"],
        )
    parts: list[Part] = [_waterfall_chart(marts, quarters, total), *_waterfall_tables(marts)]
    headline = None
    if slipped is not None:
        parts.append(
            chart(
                marts,
                "Moved out of the month in which they were to close",
                words(
                    "Share of the deals to close in a month that were moved out of it; {} in {}.",
                    slipped.value,
                    slipped.period,
                ),
                SLIPPED,
                "rate",
                "month",
                Column("Moved out", "rate"),
            )
        )
        headline = Headline(
            "Moved out of the month",
            slipped.value,
            words(
                "{} of {} deals that were to close in {} got another month",
                slipped.numerator,
                slipped.case_count,
                slipped.period,
            ),
            slipped.verdict,
            slipped.why,
            "waterfall",
            ("mart_pipeline_waterfall",),
            slipped.case_count,
        )
    overdue = marts.numbers(
        f"""
select count(*) as deal_count, sum(amount_base) as amount
from marts.fct_opportunities
where outcome = 'open' and expected_close_date < {AS_OF}
""",
        {"deal_count": "count", "amount": "amount"},
    )
    asks = look(slipped, "Deals moved out of their month", "low")
    if overdue["deal_count"].value:
        said = words(
            "Open deals whose expected close has passed: {}, worth {}. Close them, or give them a"
            " date that is meant.",
            *overdue.values(),
        )
        asks = (*asks, (WAITING, said))
        parts.append(said)
    return Found(
        Section(
            "waterfall",
            "Pipeline waterfall",
            "What became of the deals that were to close in the quarter?",
            finding,
            tuple(parts),
            ("mart_pipeline_waterfall", "fct_opportunities"),
        ),
        headline,
        asks,
    )


def _waterfall_parts(rows: str) -> str:
    """SQL: the parts of some rows of the waterfall together, in their order; exits are negative."""
    return "\nunion all\n".join(
        f"select {place} as place, '{name}' as part, sum({amount}) as amount,"
        f" sum({count}) as deal_count from ({rows})"
        for place, (name, amount, count) in enumerate(PARTS, start=1)
    )


def _waterfall_chart(marts: Published, rows: str, total: dict[str, Number]) -> Chart:
    import altair as alt

    last = len(PARTS)
    picture = (
        alt.Chart(alt.NamedData("rows"))
        .mark_bar()
        .encode(
            x=alt.X("part:N", sort=alt.EncodingSortField("place"), title=None),
            y=alt.Y("from_amount:Q", title="Amount", axis=alt.Axis(format="~s")),
            y2="to_amount:Q",
            color=alt.Color("kind:N", title=None, sort=["Open", "In", "Out"]),
            tooltip=[
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("amount:Q", title="Amount", format=",.0f"),
                alt.Tooltip("deal_count:Q", title="Deals", format=","),
            ],
        )
    )
    return marts.chart(
        "From start to end of the quarter",
        words(
            "From {} open at the start of the quarter to {} still open: what came in and went out.",
            total["start_amount"],
            total["end_amount"],
        ),
        specified(picture),
        f"""
with parts as ({_waterfall_parts(rows)}), summed as (
    select *, sum(amount) filter (place < {last}) over (order by place) as reached_amount from parts
)
select place, part, amount, deal_count,
    case when place in (1, {last}) then 0 else reached_amount - amount end as from_amount,
    case when place = {last} then amount else reached_amount end as to_amount,
    case when place in (1, {last}) then 'Open' when amount < 0 then 'Out' else 'In' end as kind
from summed
where amount <> 0 or place in (1, {last})
""",
        {
            "place": Column("Place", "count"),
            "part": Column("Part"),
            "amount": Column("Amount", "amount"),
            "deal_count": Column("Deals", "count"),
            "from_amount": Column("From", "amount"),
            "to_amount": Column("To", "amount"),
            "kind": Column("Kind"),
        },
        native=NativeChart("column", "part", ("amount",)),
    )


def _waterfall_tables(marts: Published) -> tuple[Part, ...]:
    """The last whole month beside the quarter, all pipelines together; and each by itself where
    there are several."""

    def latest(kind: str, condition: str) -> str:
        return f"""
select * from marts.mart_pipeline_waterfall
where period_kind = '{kind}' and {condition} and period_start = (
    select max(period_start) from marts.mart_pipeline_waterfall
    where period_kind = '{kind}' and {condition}
)
"""

    month = latest("fiscal_month", "not is_in_progress")
    quarter = latest("fiscal_quarter", "true")
    together = marts.table(
        "The waterfall in figures",
        f"""
select quarter.part, month.amount, month.deal_count, quarter.amount, quarter.deal_count
from ({_waterfall_parts(quarter)}) as quarter
inner join ({_waterfall_parts(month)}) as month using (place)
order by place
""",
        (
            Column("Part"),
            Column("Last whole month", "amount"),
            Column("Deals", "count"),
            Column("Quarter", "amount"),
            Column("Deals", "count"),
        ),
        note=("The start and all parts give the end; nothing is left over.",),
    )
    [(is_split,)] = marts.ask(
        Query(f"select count(*) > 1 from (select source_system, pipeline from ({quarter}))")
    )
    if not is_split:
        return (together,)
    return (
        together,
        marts.table(
            "The quarter by pipeline",
            f"""
select source_system, pipeline, start_amount,
    created_amount + pulled_in_amount + reopened_amount,
    amount_change_amount + fx_change_amount + pipeline_change_amount,
    slipped_amount, won_amount, lost_amount,
    disqualified_amount + duplicate_amount + merged_amount + deleted_amount, end_amount
from ({quarter})
order by source_system, pipeline
""",
            (
                Column("System"),
                Column("Pipeline"),
                Column("Start", "amount"),
                Column("Came in", "amount"),
                Column("Changed", "amount"),
                Column("Moved out", "amount"),
                Column("Won", "amount"),
                Column("Lost", "amount"),
                Column("Dropped", "amount"),
                Column("End", "amount"),
            ),
        ),
    )
