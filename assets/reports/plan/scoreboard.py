"""Whether bookings hit their month as production does, by the same statistics."""

from assets.reports.content import (
    Column,
    Headline,
    NativeChart,
    Number,
    Part,
    Section,
    Words,
    words,
)
from assets.reports.monthly import labelled, missing
from assets.reports.published import Published
from assets.reports.review.found import Found, worded
from assets.reports.signals import specified

SCORES = "mart_predictability"
FORECASTS = "mart_predictability_forecasts"
USED = (SCORES, FORECASTS)
SUBJECTS = {
    "bookings": "Bookings",
    "production output": "Production output",
    "shipments": "Shipments",
}
#: of each subject the method that came nearest at the beginning of the month, by value where it has
#: one; of several systems the one of which most came
NEAREST = f"""
select * exclude (came) from (
    select *, max(wape_denominator) over (partition by subject, measure, source_system) as came
    from marts.{SCORES}
    where period_kind = 'month' and horizon_months = 1 and wape is not null
)
qualify row_number() over (
    partition by subject order by measure = 'value' desc, came desc, source_system, wape, method
) = 1
"""


def section(marts: Published) -> Found:
    key, title = "scoreboard", "How predictable we are"
    question = "Do bookings hit their month as production hits its own?"
    found = {
        str(row["subject"].value): row
        for row in marts.each(
            f"select *, {worded('method')} as method_words from ({NEAREST}) order by subject",
            {
                "subject": "text",
                "method_words": "text",
                "forecast_count": "count",
                "wape": "rate",
                "bias": "rate",
            },
        )
    }
    if not found:
        why = (
            "Fewer than five months that were foreseen are over. Bring a year of opportunities with"
            " amount and close, of work_orders with planned_end_at, or of order_lines and"
            " shipments."
        )
        return missing(key, title, question, USED, why)
    output = found.get("production output") or found.get("shipments")
    bookings = found.get("bookings")
    finding = (*_hits(found), *_hopes(bookings, output))
    headline = None
    if bookings:
        beside = (
            words("{} within {}; ", output["subject"], output["wape"])
            if output
            else ("no output is delivered to stand beside it; ",)
        )
        headline = Headline(
            title="Bookings hit their month within",
            number=bookings["wape"],
            context=beside
            + words(
                "what was said at the beginning of {} months, by {}",
                bookings["forecast_count"],
                bookings["method_words"],
            ),
            verdict="plain",
            why=("A mean miss over all these months; the chart says which months stand out.",),
            section=key,
            marts=(SCORES,),
            case_count=bookings["forecast_count"],
        )
    return Found(
        Section(key, title, question, finding, (_chart(marts), *_tables(marts)), USED), headline
    )


def _hits(found: dict[str, dict[str, Number]]) -> Words:
    """Every subject with its mean miss, in one sentence."""
    said: Words = ("At the beginning of a month, ",)
    for place, subject in enumerate(name for name in SUBJECTS if name in found):
        row = found[subject]
        said += (
            *(("; ",) if place else ()),
            f"{subject} {'was' if subject == 'production output' else 'were'} foreseen within ",
            *words("{} (mean of {} months, {})", *(row[n] for n in _TOLD)),
        )
    return (*said, ". ")


_TOLD = ("wape", "forecast_count", "method_words")


def _hopes(bookings: dict[str, Number] | None, output: dict[str, Number] | None) -> Words:
    """On which side of what came bookings and output were foreseen."""
    if bookings is None or output is None:
        return ()
    return words(
        "The sum of all bookings was off by {}, that of the output by {}: above 0 too much was"
        " hoped for.",
        bookings["bias"],
        output["bias"],
    )


def _chart(marts: Published) -> Part:
    import altair as alt

    lines = (
        alt.Chart(alt.NamedData("rows"))
        .mark_line(point=True)
        .encode(
            x=alt.X("period_start:T", title=None),
            y=alt.Y(
                "miss_rate:Q",
                title="Foreseen less came, of a mean month",
                axis=alt.Axis(format="%"),
            ),
            color=labelled("subject", SUBJECTS, "What"),
        )
    )
    return marts.chart(
        "How far each month lay from what was said at its beginning",
        ("A line each for bookings, output and shipments: forecast less outcome, by month.",),
        specified(lines),
        f"""
select forecasts.period_start, forecasts.subject,
    forecasts.error / avg(forecasts.actual) over (partition by forecasts.subject) as miss_rate
from marts.{FORECASTS} as forecasts
inner join ({NEAREST}) as nearest
    using (subject, measure, source_system, period_kind, method, horizon_months)
where forecasts.error is not null
    and forecasts.period_start between nearest.first_period_date and nearest.last_period_date
order by forecasts.period_start, forecasts.subject
""",
        {
            "period_start": Column("Month", "month"),
            "subject": Column("What"),
            "miss_rate": Column("Foreseen less came", "rate"),
        },
        native=NativeChart("column", "period_start", ("miss_rate",)),
    )


def _tables(marts: Published) -> tuple[Part, ...]:
    columns = (
        Column("Months ahead", "count"),
        Column("Periods", "count"),
        Column("Of them not frozen then", "count"),
        Column("Bias", "rate"),
        Column("Mean miss (WAPE)", "rate"),
        Column("Moved in the last month", "rate"),
        Column("Inside the five in ten", "rate"),
        Column("Inside the eight in ten", "rate"),
        Column("Periods with bounds", "count"),
        Column("Why no figure"),
    )
    figures = """
    horizon_months, forecast_count, reconstructed_count, bias, wape, revision, within_50_rate,
    within_80_rate, within_80_rate_denominator,
    coalesce(wape_suppressed_reason, within_80_rate_suppressed_reason) as suppressed_reason
"""
    side_by_side = marts.table(
        "Months, as foreseen at their beginning",
        f"""
select {worded("subject")}, measure, source_system, {worded("method")}, {figures}
from marts.{SCORES} where period_kind = 'month' and horizon_months = 1
order by subject, measure desc, source_system, method
""",
        (Column("What"), Column("Measure"), Column("System"), Column("Method"), *columns),
        note=(
            (
                "All figures are shares of what came, so that money and pieces compare. A plan"
                " holds what was released or ordered by then; the adjusted plan adds what months"
                " used to bring beside their plans. What no run froze is read off the records as"
                " they were known at the month end."
            ),
        ),
    )
    all_horizons = marts.table(
        "Months and fiscal quarters, up to six months ahead",
        f"""
select {worded("subject")}, measure, source_system, {worded("period_kind")}, {worded("method")},
    {figures}
from marts.{SCORES}
order by subject, measure desc, source_system, period_kind desc, method, horizon_months
""",
        (
            *(Column("What"), Column("Measure"), Column("System"), Column("Period")),
            *(Column("Method"), *columns),
        ),
        is_whole_list=True,
    )
    return side_by_side, all_horizons
