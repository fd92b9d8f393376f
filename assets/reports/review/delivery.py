"""Whether the dates are kept: those asked for, first promised and last promised."""

from assets.reports.content import (
    Chart,
    Column,
    Headline,
    NativeChart,
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
    FEW,
    WAITING,
    Found,
    look,
)
from assets.reports.signals import (
    MIN_CASES,
    Metric,
    chart,
    judge,
    specified,
)

BASES = {"request": "request", "first_promise": "first promise", "last_promise": "last promise"}


def on_time(basis: str) -> str:
    """On time in full, by month of the date on the basis."""
    return f"""
select basis_month as period, sum(otif_rate_numerator) as numerator,
    sum(otif_rate_denominator) as denominator
from marts.mart_on_time_delivery_monthly
where basis = '{basis}' and last_day(basis_month) <= {AS_OF}
group by basis_month
"""


def section(marts: Published) -> Found:
    title, question = (
        "On-time delivery",
        "Do we keep the dates: asked for, first and last promised?",
    )
    used = ("mart_on_time_delivery_monthly", "fct_order_line_deliveries")
    judged = {
        basis: judge(marts, on_time(basis), "rate", "month", "rate", Metric("otif_rate", basis))
        for basis in BASES
    }
    # the first promise is what was sold; a source without it is told by what it has
    chosen = next(
        (basis for basis in ("first_promise", "last_promise", "request") if judged[basis]), None
    )
    if chosen is None:
        return Found(
            Section(
                "delivery",
                title,
                question,
                (),
                (),
                used,
                "No order line with a date that is due is published: deliver order_lines and"
                " shipments, and promise_changes for how promises moved.",
            )
        )
    main = judged[chosen]
    assert main is not None
    finding = words(
        f"Of the lines due in {{}} by their {BASES[chosen]}, {{}} of {{}} ({{}}) came on time and"
        " in full.",
        main.period,
        main.numerator,
        main.case_count,
        main.value,
    )
    for basis, other in judged.items():
        if basis == chosen:
            continue
        if other is None:
            finding += (f" On the basis {BASES[basis]} no date is known.",)
        else:
            finding += words(
                f" By their {BASES[basis]}: {{}} of {{}} ({{}}) in {{}}.",
                other.numerator,
                other.case_count,
                other.value,
                other.period,
            )
    parts: list[Part] = [
        _delivery_chart(marts),
        marts.table(
            "The month on three bases",
            f"""
select case basis {" ".join(f"when '{key}' then '{name}'" for key, name in BASES.items())} end,
    sum(eligible_count), sum(otif_count),
    case when sum(otif_rate_denominator) >= {MIN_CASES}
        then sum(otif_rate_numerator) / sum(otif_rate_denominator) end,
    case when sum(on_time_rate_denominator) >= {MIN_CASES}
        then sum(on_time_rate_numerator) / sum(on_time_rate_denominator) end,
    case when sum(in_full_rate_denominator) >= {MIN_CASES}
        then sum(in_full_rate_numerator) / sum(in_full_rate_denominator) end,
    case when sum(on_time_recorded_rate_denominator) >= {MIN_CASES}
        then sum(on_time_recorded_rate_numerator) / sum(on_time_recorded_rate_denominator) end,
    sum(overdue_open_count),
    case when sum(otif_rate_denominator) < {MIN_CASES} then '{FEW}' end
from marts.mart_on_time_delivery_monthly
where basis_month = ?
group by basis
order by list_position({list(BASES)}, basis)
""",
            (
                Column("Held against"),
                Column("Lines due", "count"),
                Column("On time in full", "count"),
                Column("On time in full", "rate"),
                Column("On time", "rate"),
                Column("In full", "rate"),
                Column("On time by day of record", "rate"),
                Column("Overdue and open", "count"),
                Column("Why no rate"),
            ),
            main.period.value,
            note=words(
                "Lines whose date lies in {}. A line that is overdue or was cancelled because it"
                " was late counts as missed.",
                main.period,
            ),
        ),
        chart(
            marts,
            f"On time in full by {BASES[chosen]}",
            words(
                f"Share of lines on time in full by {BASES[chosen]}, month by month; {{}} in {{}}.",
                main.value,
                main.period,
            ),
            on_time(chosen),
            "rate",
            "month",
            Column("On time in full", "rate"),
            Metric("otif_rate", chosen),
        ),
    ]
    overdue = marts.numbers(
        """
select count(*) as line_count, min(basis_date) as oldest_date
from marts.fct_order_line_deliveries
where basis = 'last_promise' and is_overdue_open
""",
        {"line_count": "count", "oldest_date": "date"},
    )
    asks = look(main, f"On time in full by {BASES[chosen]}", "high")
    if overdue["line_count"].value:
        said = words(
            "Order lines past their last promise and still open: {}, the oldest since {}. Deliver"
            " them, cancel them, or give the customer a date that holds.",
            *overdue.values(),
        )
        asks = (*asks, (WAITING, said))
        parts.append(said)
    headline = Headline(
        f"On time in full, by {BASES[chosen]}",
        main.value,
        words("{} of {} lines due in {}", main.numerator, main.case_count, main.period),
        main.verdict,
        main.why,
        "delivery",
        ("mart_on_time_delivery_monthly",),
        main.case_count,
    )
    return Found(Section("delivery", title, question, finding, tuple(parts), used), headline, asks)


def _delivery_chart(marts: Published) -> Chart:
    import altair as alt

    labels = {f"{basis}_rate": name for basis, name in BASES.items()}
    picture = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["basis", "rate"])
        .transform_calculate(what=f"{labels}[datum.basis]")
        .transform_filter("isValid(datum.rate)")
        .mark_line(point=True)
        .encode(
            x=alt.X("basis_month:T", title=None),
            y=alt.Y("rate:Q", title="On time in full", axis=alt.Axis(format=".0%")),
            color=alt.Color("what:N", sort=list(labels.values()), title=None),
            tooltip=[
                alt.Tooltip("basis_month:T", title="Month", format="%b %Y"),
                alt.Tooltip("what:N", title="Held against"),
                alt.Tooltip("rate:Q", title="On time in full", format=".1%"),
            ],
        )
    )
    told = ",\n    ".join(
        f"case when sum(otif_rate_denominator) filter (basis = '{basis}') >= {MIN_CASES}"
        f" then sum(otif_rate_numerator) filter (basis = '{basis}')"
        f" / sum(otif_rate_denominator) filter (basis = '{basis}') end as {basis}_rate"
        for basis in BASES
    )
    return marts.chart(
        "On time in full on three bases",
        ("Three lines by month: against the date asked for, the first and the last promise.",),
        specified(picture),
        f"""
select basis_month, {told}
from marts.mart_on_time_delivery_monthly
where last_day(basis_month) <= {AS_OF}
    and basis_month > (
        select max(basis_month) from marts.mart_on_time_delivery_monthly
        where last_day(basis_month) <= {AS_OF}
    ) - interval 24 month
group by basis_month
""",
        {
            "basis_month": Column("Month", "month"),
            **{name: Column(label.capitalize(), "rate") for name, label in labels.items()},
        },
        native=NativeChart("line", "basis_month", tuple(labels)),
        note=("Where the last promise is kept more often than the first, promises were moved.",),
    )
