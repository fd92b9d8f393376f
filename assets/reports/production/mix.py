"""Whether what is sold is what the plant makes, and what it earns by the hour that is scarce."""

from assets.reports.content import Column, Headline, NativeChart, Part, Section, Words, words
from assets.reports.freshness import AS_OF
from assets.reports.monthly import counted, labelled, missing
from assets.reports.published import Published
from assets.reports.review.found import Found, look
from assets.reports.signals import Metric, judge, specified

MIX = "mart_mix_weekly"
PRODUCTS = "mart_throughput_products_monthly"
PRODUCTIVITY = "mart_constraint_productivity_monthly"
USED = (MIX, PRODUCTS, PRODUCTIVITY)
#: weeks that are added up: balance and what is sold before it can be made
LISTED_WEEKS = 13

#: the plant that the words speak of: of several the one with the most lines
_SYSTEM = f"""
select source_system from marts.{MIX}
group by source_system order by sum(booked_line_count) desc, source_system limit 1
"""
_WEEKS = f"select * from marts.{MIX} where source_system = ({_SYSTEM})"


def section(marts: Published) -> Found:
    """The section; it asks to be looked at when the mix fit gives a signal."""
    key, title = "mix", "What is sold and what the plant makes"
    question = "Does the mix that we sell fit the mix that the plant makes, and do customers always"
    question += " want the hardest?"
    if not counted(marts, f"select count(*) from ({_WEEKS}) where mix_fit is not null"):
        why = (
            "No week has a mix of both kinds. Bring order_lines with dates, work_orders, and"
            " routings or operations with work_center_calendars."
        )
        return missing(key, title, question, USED, why)
    series = (
        f"select week_start_date as period, mix_fit as value from ({_WEEKS})"
        " where is_over and mix_fit is not null"
    )
    judged = judge(marts, series, "value", "week", "number", Metric("mix_fit"))
    finding = (*_difficulty(marts), *_balance(marts))
    parts: tuple[Part, ...] = (_chart(marts), *_tables(marts))
    headline = None
    if judged:
        headline = Headline(
            title="Mix fit",
            number=judged.value,
            context=words(
                "in the week of {}; 1 is what the plant makes, product by product.", judged.period
            ),
            verdict=judged.verdict,
            why=judged.why,
            section=key,
            marts=(MIX,),
        )
    return Found(
        Section(key, title, question, finding, parts, USED),
        headline,
        look(judged, "Mix fit", "high"),
    )


def _difficulty(marts: Published) -> Words:
    """How hard what is sold is beside what is made, over the last weeks."""
    found = marts.numbers(
        f"""
select sum(booked_quantity * booked_difficulty) / sum(booked_quantity) as booked,
    sum(capability_quantity * capability_difficulty) / sum(capability_quantity) as made,
    count(*) filter (difficulty_gap > 0) as harder_count, count(*) as week_count
from (
    select * from ({_WEEKS})
    where is_over and difficulty_gap is not null
    order by week_start_date desc limit {LISTED_WEEKS}
)
""",
        {"booked": "number", "made": "number", "harder_count": "count", "week_count": "count"},
    )
    if not found["week_count"].value:
        return ("How hard products are to make is not known. ",)
    return words(
        "Units that customers took in the last {} weeks have a difficulty of {}, those that the"
        " plant made before {}; customers wanted harder ones in {} of these weeks. ",
        found["week_count"],
        found["booked"],
        found["made"],
        found["harder_count"],
    )


def _balance(marts: Published) -> Words:
    """Orders with hard products that bring easy work, and value sold before it can be made."""
    found = marts.numbers(
        f"""
select sum(balance_rate_numerator) as balanced, sum(balance_rate_denominator) as hard,
    coalesce(sum(sold_before_capable_rate_numerator), 0) as early,
    sum(sold_before_capable_rate_denominator) as promised
from (
    select * from ({_WEEKS}) where is_over order by week_start_date desc limit {LISTED_WEEKS}
)
""",
        {"balanced": "count", "hard": "count", "early": "amount", "promised": "amount"},
    )
    said: Words = ()
    if found["hard"].value:
        said += words(
            "Of {} orders with a hard product {} bring the easy share along. ",
            found["hard"],
            found["balanced"],
        )
    if found["promised"].value:
        said += words(
            "Of {} that was promised {} lay in weeks whose work centres had not the hours for it.",
            found["promised"],
            found["early"],
        )
    return said


def _chart(marts: Published) -> Part:
    import altair as alt

    labels = {"booked_difficulty": "Sold", "capability_difficulty": "Made"}
    lines = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["kind", "difficulty"])
        .mark_line()
        .encode(
            x=alt.X("week_start_date:T", title=None),
            y=alt.Y("difficulty:Q", title="Difficulty, 0 to 1", scale=alt.Scale(zero=False)),
            color=labelled("kind", labels, "Units"),
        )
    )
    return marts.chart(
        "Difficulty of what is sold and of what is made",
        ("Two lines by week: the mean difficulty of units sold and of units made before.",),
        specified(lines),
        f"""
select week_start_date, booked_difficulty, capability_difficulty from ({_WEEKS})
where is_over and difficulty_gap is not null order by week_start_date
""",
        {
            "week_start_date": Column("Week of", "date"),
            "booked_difficulty": Column("Sold", "number"),
            "capability_difficulty": Column("Made", "number"),
        },
        native=NativeChart("line", "week_start_date", tuple(labels)),
    )


def _tables(marts: Published) -> tuple[Part, ...]:
    weeks = marts.table(
        "Mix, week by week",
        f"""
select week_start_date, is_over, constraint_work_center_id, constraint_load, booked_line_count,
    mix_fit, mix_fit_suppressed_reason, booked_difficulty, capability_difficulty,
    pipeline_difficulty, balance_rate_numerator, balance_rate_denominator, balance_rate,
    sold_before_capable_rate_numerator, sold_before_capable_rate_denominator,
    sold_before_capable_rate
from ({_WEEKS}) order by abs(week_start_date - {AS_OF}), week_start_date
""",
        (
            Column("Week of", "date"),
            Column("Over", "flag"),
            Column("Constraint"),
            Column("Its load", "rate"),
            Column("Lines", "count"),
            Column("Mix fit, 0 to 1", "number"),
            Column("No fit because"),
            Column("Difficulty sold", "number"),
            Column("Difficulty made", "number"),
            Column("Difficulty of open deals", "number"),
            Column("Balanced orders", "count"),
            Column("Orders with a hard product", "count"),
            Column("Balanced, share", "rate"),
            Column("Sold before it can be made", "amount"),
            Column("Promised", "amount"),
            Column("Sold before, share", "rate"),
        ),
        note=("Mixes are compared in hours of the constraint of each week.",),
        is_whole_list=True,
    )
    productivity = marts.table(
        "What an hour of the constraint earns, and why that changed",
        f"""
select need_month, constraint_productivity_numerator, constraint_productivity_denominator,
    constraint_productivity, productivity_change, mix_effect, efficiency_effect,
    interaction_effect
from marts.{PRODUCTIVITY}
where source_system = ({_SYSTEM}) and is_over
order by need_month desc
""",
        (
            Column("Month", "month"),
            Column("Throughput", "amount"),
            Column("Hours", "number"),
            Column("By the hour", "number"),
            Column("Change", "number"),
            Column("Of it mix", "number"),
            Column("Products", "number"),
            Column("Both at once", "number"),
        ),
        note=(
            (
                "Mix: other shares of products in the hours. Products: they earn more or less by"
                " the hour. Where the constraint moved, an hour is another one."
            ),
        ),
    )
    products = marts.table(
        "What products earn by the hour of the constraint",
        f"""
select need_month, demand_kind, product_family, product_id, quantity, throughput_amount,
    throughput_per_constraint_hour_denominator, throughput_per_constraint_hour,
    throughput_per_constraint_hour_suppressed_reason, throughput_rank
from marts.{PRODUCTS}
where source_system = ({_SYSTEM}) and need_month is not null
order by abs(need_month - {AS_OF}), need_month, demand_kind, throughput_rank nulls last, product_id
""",
        (
            Column("Month", "month"),
            Column("Kind"),
            Column("Product family"),
            Column("Product"),
            Column("Units", "number"),
            Column("Throughput", "amount"),
            Column("Hours", "number"),
            Column("By the hour", "number"),
            Column("Nothing by the hour because"),
            Column("Place", "count"),
        ),
        is_whole_list=True,
    )
    return weeks, productivity, products
