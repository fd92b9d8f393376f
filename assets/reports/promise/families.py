"""Which product families keep their dates, each against its own past."""

from assets.reports.content import Column, NativeChart, Number, Part, Section, words
from assets.reports.freshness import AS_OF
from assets.reports.monthly import labelled, missing, rate, reason
from assets.reports.promise.lines import (
    BASES,
    BASIS_LABEL,
    BASIS_ORDER,
    LISTED_MONTHS,
    ON_TIME,
    SUMS,
    sums,
)
from assets.reports.published import Published
from assets.reports.review.found import Found
from assets.reports.signals import VERDICT_SQL, Judged, limits, specified

IS_SIGNAL = "reason in ('outside', 'three of four', 'run of eight')"


def section(marts: Published, basis: str, judged: Judged | None) -> Found:
    key, title = "families", "By product family"
    question = "Which product families keep their dates, and has one of them changed?"
    if judged is None:
        why = (
            "Nothing is judged by family before a month with lines due is over: see the section"
            " on time. product_family comes with the extract products."
        )
        return missing(key, title, question, (ON_TIME,), why)
    month = judged.period
    series = f"""
select basis_month as period, product_family, sum(on_time_rate_numerator) as numerator,
    sum(on_time_rate_denominator) as denominator
from marts.{ON_TIME}
where basis = '{basis}' and last_day(basis_month) <= {AS_OF}
group by basis_month, product_family
"""
    start = marts.info.fiscal_year_start_month
    told = f"""
select * from ({limits(series, "rate", "month", start, key="product_family")})
where period = ? and is_last
"""
    found = marts.numbers(
        f"""
select count(*) as family_count, count(*) filter ({IS_SIGNAL}) as signal_count,
    string_agg(key, ', ' order by key) filter ({IS_SIGNAL} and value < centre) as lower_families,
    string_agg(key, ', ' order by key) filter ({IS_SIGNAL} and value >= centre) as higher_families,
    count(*) filter (reason like 'few%') as untold_count
from ({told})
""",
        {
            "family_count": "count",
            "signal_count": "count",
            "lower_families": "text",
            "higher_families": "text",
            "untold_count": "count",
        },
        month.value,
    )
    finding = words(
        f"{{}} product families had lines due in {{}}. Held against {BASES[basis]}, ",
        found["family_count"],
        month,
    )
    if found["signal_count"].value:
        sides = [
            words("{} for the " + word, found[name])
            for name, word in (("lower_families", "worse"), ("higher_families", "better"))
            if found[name].value
        ]
        finding += words(
            "{} of them moved more than their own past explains: ", found["signal_count"]
        )
        finding += (*sides[0], *(("; ", *sides[1]) if len(sides) > 1 else ()), ".")
    else:
        finding += ("none of them moved more than its own past explains.",)
    if found["untold_count"].value:
        finding += words(" Of {} there is too little to tell.", found["untold_count"])
    bases = "\n".join(
        f"""
    sum(on_time_rate_denominator) filter (basis = '{name}') as {name}_due,
    sum(on_time_rate_numerator) filter (basis = '{name}') as {name}_kept,"""
        for name in BASES
    )
    family = f"""
with family as (
    select product_family, {bases}
        sum(on_time_recorded_rate_numerator) filter (basis = '{basis}') as recorded_kept
    from marts.{ON_TIME}
    where basis_month = ?
    group by product_family
)
select product_family, {basis}_due as due, {basis}_kept as kept,
    {rate("request_kept", "request_due")} as request,
    {rate("first_promise_kept", "first_promise_due")} as first_promise,
    {rate("last_promise_kept", "last_promise_due")} as last_promise,
    {rate("recorded_kept", f"{basis}_due")} as recorded,
    {reason(f"{basis}_due")} as suppressed_reason
from family
"""
    parts: list[Part] = [
        _family_chart(marts, family, month),
        marts.table(
            "The month by product family",
            f"select * from ({family}) order by product_family",
            (
                Column("Product family"),
                Column("Due", "count"),
                Column("On time", "count"),
                Column("Customer's date", "rate"),
                Column("First promise", "rate"),
                Column("Last promise", "rate"),
                Column("As booked", "rate"),
                Column("No share because"),
            ),
            month.value,
            note=(f"Due, on time and as booked are against {BASES[basis]}.",),
        ),
        marts.table(
            "Each family against its own past",
            f"select key, numerator, case_count, {rate('numerator', 'case_count')} as on_time_rate,"
            f" centre, lower_limit, upper_limit, {VERDICT_SQL.format(reason='reason')} as verdict"
            f" from ({told})"
            " order by key",
            (
                Column("Product family"),
                Column("On time", "count"),
                Column("Due", "count"),
                Column("On time, share", "rate"),
                Column("Usual", "rate"),
                Column("Lower limit", "rate"),
                Column("Upper limit", "rate"),
                Column("Verdict"),
            ),
            month.value,
            note=(
                (
                    f"Against {BASES[basis]}. Several families are judged at once, so now and then"
                    " one of them gives a signal by chance."
                ),
            ),
        ),
        marts.table(
            "Product families, month by month",
            f"select basis_month, product_family, {BASIS_LABEL} as basis_label, "
            + sums(
                f"where basis_month <= ? and basis_month > ? - interval {LISTED_MONTHS} month"
                " group by basis_month, product_family, basis"
                f" order by basis_month desc, product_family, {BASIS_ORDER}"
            ),
            (Column("Month", "month"), Column("Product family"), Column("Held against"), *SUMS),
            month.value,
            month.value,
            is_whole_list=True,
        ),
    ]
    return Found(Section(key, title, question, finding, tuple(parts), (ON_TIME,)))


def _family_chart(marts: Published, family: str, month: Number) -> Part:
    import altair as alt

    labels = {
        "request": "Customer's date",
        "first_promise": "First promise",
        "last_promise": "Last promise",
        "recorded": "As booked",
    }
    points = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["basis", "on_time_rate"])
        .mark_point(filled=True, size=90)
        .encode(
            x=alt.X(
                "on_time_rate:Q",
                title="On time",
                axis=alt.Axis(format=".0%", tickCount=6),
                scale=alt.Scale(zero=False),
            ),
            y=alt.Y("product_family:N", title=None),
            color=labelled("basis", labels),
            shape=alt.Shape("basis:N", sort=list(labels), legend=None),
            tooltip=[
                alt.Tooltip("product_family:N", title="Product family"),
                alt.Tooltip("basis:N", title="Held against"),
                alt.Tooltip("on_time_rate:Q", title="On time", format=".1%"),
            ],
        )
    )
    return marts.chart(
        "On time by product family",
        words("The share of lines on time in {}, by product family and basis.", month),
        specified(points),
        # a family of too few lines has no share, and nothing that could be drawn
        f"select * from ({family}) where coalesce({', '.join(labels)}) is not null order by all",
        {
            "product_family": Column("Product family"),
            **{name: Column(label, "rate") for name, label in labels.items()},
        },
        month.value,
        native=NativeChart("bar", "product_family", tuple(labels)),
    )
