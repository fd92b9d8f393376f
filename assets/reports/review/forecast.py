"""What the quarter will bring, and between which bounds."""

from assets.reports.content import (
    Chart,
    Column,
    Headline,
    NativeChart,
    Number,
    Part,
    Query,
    Section,
    Words,
    words,
)
from assets.reports.published import (
    Published,
)
from assets.reports.review.found import (
    MOVED,
    Found,
    worded,
)
from assets.reports.signals import (
    specified,
)

#: the latest forecast of each system
LATEST_FORECASTS = """
select * from marts.mart_forecast_monthly
qualify forecast_date = max(forecast_date) over (partition by source_system)
"""
NO_TARGET = words(
    " No target stands beside it: the extract quotas brings one, with a quota per rep and month or"
    " fiscal quarter."
)
#: where a target lies to what is expected, and what that means
TARGETS = {
    "above": " The target is {}, {} more than expected, and lies above those bounds: fewer than one"
    " case in ten would reach it.",
    "more": " The target is {}, {} more than expected, and lies within those bounds: it can be"
    " reached, but is more likely missed.",
    "less": " The target is {}, {} less than expected, and lies within those bounds: it is more"
    " likely reached, but can be missed.",
    "below": " The target is {}, {} less than expected, and lies below those bounds: nine cases in"
    " ten would reach it.",
}


def section(marts: Published) -> Found:
    title, question = "Bookings forecast", "What will the quarter bring, and between which bounds?"
    used = ("mart_forecast_monthly", "mart_forecast_accuracy")
    if not marts.ask(Query("select 1 from marts.mart_forecast_monthly limit 1")):
        return Found(
            Section(
                "forecast",
                title,
                question,
                (),
                (),
                used,
                "No forecast is published: deliver opportunities with amount and"
                " expected_close_date.",
            )
        )
    quarter = f"""
select forecast.*, run_rate.expected_amount as run_rate_amount,
    case when run_rate.expected_amount is null or forecast.p10_amount is null then 'too little'
        when run_rate.expected_amount between forecast.p10_amount and forecast.p90_amount
            then 'noise'
        else 'signal'
    end as verdict,
    abs(forecast.target_amount - forecast.expected_amount) as target_gap_amount,
    case when forecast.target_amount is null or forecast.p10_amount is null then 'none'
        when forecast.target_amount > forecast.p90_amount then 'above'
        when forecast.target_amount < forecast.p10_amount then 'below'
        when forecast.target_amount > forecast.expected_amount then 'more'
        else 'less'
    end as target_place
from ({LATEST_FORECASTS}) as forecast
left join ({LATEST_FORECASTS}) as run_rate
    on forecast.source_system = run_rate.source_system
    and forecast.period_kind = run_rate.period_kind
    and forecast.period_start = run_rate.period_start
    and run_rate.method = 'run_rate'
where forecast.method = 'score' and forecast.period_kind = 'fiscal_quarter'
    and forecast.expected_amount is not null
order by forecast.period_start, forecast.expected_amount desc, forecast.source_system
limit 1
"""
    found = marts.each(
        quarter,
        {
            "source_system": "text",
            "period_start": "date",
            "period_end": "date",
            "forecast_date": "date",
            "expected_amount": "amount",
            "p10_amount": "amount",
            "p90_amount": "amount",
            "booked_amount": "amount",
            "open_deals_amount": "amount",
            "new_business_amount": "amount",
            "open_deal_count": "count",
            "run_rate_amount": "amount",
            "verdict": "text",
            "target_amount": "amount",
            "target_gap_amount": "amount",
            "target_place": "text",
        },
    )
    parts: list[Part] = []
    headline: Headline | None = None
    asks: tuple[tuple[int, Words], ...] = ()
    finding: Words = ("The open deals do not allow a forecast; the table says why.", *NO_TARGET)
    for row in found:
        place = str(row["target_place"].value)
        target = (
            words(TARGETS[place], row["target_amount"], row["target_gap_amount"])
            if place in TARGETS
            else NO_TARGET
        )
        finding = (
            *words(
                "From {} to {} bookings of {} are expected of {}, and between {} and {} in eight"
                " cases of ten: {} is booked, {} comes from {} open deals and {} from business not"
                " created yet.",
                *(
                    row[name]
                    for name in (
                        *("period_start", "period_end", "expected_amount", "source_system"),
                        *(
                            "p10_amount",
                            "p90_amount",
                            "booked_amount",
                            "open_deals_amount",
                            "open_deal_count",
                        ),
                        "new_business_amount",
                    )
                ),
            ),
            *target,
        )
        verdict = row["verdict"].value
        against = {
            "signal": "The last twelve months would bring {}, which lies outside that: the open"
            " deals say something else than the habit.",
            "noise": "The last twelve months would bring {}, which lies within that: no change is"
            " to be told from it.",
        }
        why: Words = (
            ("There is no interval or no run rate to hold it against.",)
            if verdict == "too little"
            else words(against[str(verdict)], row["run_rate_amount"])
        )
        headline = Headline(
            "Bookings forecast of the quarter",
            row["expected_amount"],
            words(
                "between {} and {} in eight cases of ten, from {} to {}",
                row["p10_amount"],
                row["p90_amount"],
                row["period_start"],
                row["period_end"],
            )
            + (
                words("; the target is {}", row["target_amount"])
                if place in TARGETS
                else words("; the extract quotas would bring a target")
            ),
            "signal" if verdict == "signal" else "noise" if verdict == "noise" else "too little",
            why,
            "forecast",
            ("mart_forecast_monthly",),
            row["open_deal_count"],
        )
        if verdict == "signal":
            asks = (
                (
                    MOVED,
                    words("The forecast of the quarter is {}. ", row["expected_amount"]) + why,
                ),
            )
        parts.append(_forecast_chart(marts, row))
    parts.append(
        marts.table(
            "Every method beside the other",
            f"""
select source_system, {worded("period_kind")}, period_start, {worded("method")}, status,
    expected_amount, target_amount, p10_amount, p90_amount, booked_amount, open_deals_amount,
    new_business_amount
from ({LATEST_FORECASTS})
order by source_system, period_kind, period_start, method
""",
            (
                Column("System"),
                Column("Period"),
                Column("From", "date"),
                Column("Method"),
                Column("Status"),
                Column("Expected", "amount"),
                Column("Target", "amount"),
                Column("One in ten below", "amount"),
                Column("One in ten above", "amount"),
                Column("Booked", "amount"),
                Column("From open deals", "amount"),
                Column("From new business", "amount"),
            ),
        )
    )
    accuracy = f"""
select source_system, {worded("method")}, {worded("period_kind")}, horizon_months,
    forecast_count, bias, wape, within_80_rate_numerator, within_80_rate_denominator,
    within_80_rate,
    coalesce(bias_suppressed_reason, within_80_rate_suppressed_reason) as suppressed_reason
from marts.mart_forecast_accuracy
order by all
"""
    if marts.ask(Query(f"select 1 from ({accuracy}) limit 1")):
        parts.append(
            marts.table(
                "How earlier forecasts came out",
                accuracy,
                (
                    Column("System"),
                    Column("Method"),
                    Column("Period"),
                    Column("Months ahead", "count"),
                    Column("Forecasts", "count"),
                    Column("Bias", "rate"),
                    Column("Mean miss (WAPE)", "rate"),
                    Column("Inside the eight in ten", "count"),
                    Column("With an interval", "count"),
                    Column("Share inside", "rate"),
                    Column("Why no figure"),
                ),
            )
        )
    else:
        parts.append(
            words(
                "How good these forecasts are cannot be told yet: none that was frozen in an"
                " earlier run has come due."
            )
        )
    return Found(Section("forecast", title, question, finding, tuple(parts), used), headline, asks)


def _forecast_chart(marts: Published, row: dict[str, Number]) -> Chart:
    import altair as alt

    rows = alt.NamedData("rows")
    x = alt.X("yearmonth(period_start):T", title=None)

    def band(low: str, high: str, opacity: float) -> alt.Chart:
        return (
            alt.Chart(rows)
            .mark_area(opacity=opacity)
            .encode(x=x, y=alt.Y(f"{low}:Q", title="Bookings", axis=alt.Axis(format="~s")), y2=high)
        )

    picture = alt.layer(
        band("p10_amount", "p90_amount", 0.2),
        band("p25_amount", "p75_amount", 0.35),
        alt.Chart(rows)
        .mark_line(point=True)
        .encode(
            x=x,
            y="expected_amount:Q",
            tooltip=[
                alt.Tooltip("period_start:T", title="Month", format="%b %Y"),
                alt.Tooltip("expected_amount:Q", title="Expected", format=",.0f"),
                alt.Tooltip("p10_amount:Q", title="One in ten below", format=",.0f"),
                alt.Tooltip("p90_amount:Q", title="One in ten above", format=",.0f"),
            ],
        ),
    )
    return marts.chart(
        "Expected bookings by month",
        words(
            "Expected bookings of {} by month, with the bounds of five and eight cases of ten.",
            row["source_system"],
        ),
        specified(picture),
        f"select * from ({LATEST_FORECASTS}) where source_system = ? and method = 'score'"
        " and period_kind = 'month' and expected_amount is not null",
        {
            "period_start": Column("Month", "month"),
            "expected_amount": Column("Expected", "amount"),
            "p10_amount": Column("One in ten below", "amount"),
            "p25_amount": Column("One in four below", "amount"),
            "p75_amount": Column("One in four above", "amount"),
            "p90_amount": Column("One in ten above", "amount"),
        },
        row["source_system"].value,
        native=NativeChart("line", "period_start", ("p10_amount", "expected_amount", "p90_amount")),
    )
