"""Signal or noise: the last period of a series against the limits that its own past gives.

Belongs here: the method, as SQL over any series of the marts, so that limits are figures that can
be asked again like all others; its words; its picture. Does not belong here: which series a report
tells, and whether more is better.

The method is the process behaviour chart of METRICS.md §12:

- *Values* (XmR): centre = mean of the baseline, limits = centre ± 2.66 × mean moving range.
  Source: W. A. Shewhart's idea in D. J. Wheeler, "Understanding Variation" (1993).
- *Rates* (k of n): centre = Σk ÷ Σn, never a mean of rates. Each period is told in standard errors
  of its own n, the mean moving range of those is the spread, and the limits of a period are centre
  ± 2.66 × spread × its standard error. With equal n this is XmR, without more variation than chance
  it is the p-chart. The spread is never taken for smaller than chance alone makes it.
  Source: D. B. Laney, "Improved control charts for attributes", Quality Engineering 14 (2002), p′.
- *Signals*: the last period lies outside its limits; or it ends a run of eight on one side of the
  centre; or it and two more of the last four lie nearer the same limit than the centre.
- *Baseline*: the limits stand still. They rest on the last periods before the fiscal year of the
  judged one (18 months, 26 weeks at most), so they move once a year; with fewer than 15 of those,
  on the first 15 periods that there are. Below 15 they are provisional, below 6 there are none.
- *Too little*: fewer than 6 periods before the judged one, a baseline that never varies, or a rate
  of so few cases that fewer than 5 of either kind would be expected.

A steady process gives a false signal by one of the three rules in some 3 of 100 periods (simulated,
normal; 5 to 8 of 100 with provisional limits). Of seven figures on a screen one does so on every
fifth screen. So a signal says "look", and never why.
"""

from dataclasses import dataclass
from typing import Any, Literal

from assets.reports.content import (
    VERDICT_WORDS,
    Chart,
    Column,
    NativeChart,
    Number,
    Section,
    Unit,
    Verdict,
    Words,
    words,
)
from assets.reports.published import Published

#: the floor below which a rate is not shown (METRICS.md §0)
MIN_CASES = 5
#: periods of a baseline: fewest for limits, fewest for limits that are not provisional
FEWEST, ENOUGH = 6, 15
#: and the most, by the length of a period
MOST = {"month": 18, "week": 26}
#: where registered metrics are judged, by baselines that stay
BEHAVIOUR = "mart_process_behaviour"
#: of the mean moving range, so that limits stand three standard deviations off; and what the mean
#: moving range is in standard deviations
WIDTH, CHANCE = 2.66, 1.128
#: the 95th percentile of the normal distribution
Z = 1.644854

Period = Literal["month", "week"]
Kind = Literal["rate", "value"]


@dataclass(frozen=True)
class Metric:
    """A registered metric whose series is judged in BEHAVIOUR; `subject` where it has several."""

    name: str
    subject: str | None = None


METHOD = Section(
    "method",
    "How signal is told from noise",
    "When does a figure mean anything?",
    words(
        "Each figure is held against limits that its own past gives: a process behaviour chart, for"
        " rates in Laney's form, which knows how many cases stand behind each period. A signal is"
        " a period outside the limits, the end of a run of eight on one side of the centre, or the"
        " last of three in four that lie nearer a limit than the centre. All else is no more than"
        " chance: there is no single cause to look for. The limits rest on the periods before the"
        " fiscal year and stand still within it; only whole months and weeks are judged. By chance"
        " alone even a steady process gives a signal now and then, so a signal asks for a look and"
        " is no answer."
    ),
    (),
    (),
)
#: the verdict in words, for a table; {reason} is the column of `limits`
VERDICT_SQL = f"""case {{reason}}
        when 'few periods' then '{VERDICT_WORDS["too little"]}: few earlier periods'
        when 'few cases' then '{VERDICT_WORDS["too little"]}: few cases'
        when 'outside' then '{VERDICT_WORDS["signal"]}: outside the limits'
        when 'three of four' then '{VERDICT_WORDS["signal"]}: three of four near a limit'
        when 'run of eight' then '{VERDICT_WORDS["signal"]}: eight on one side'
        when 'within' then '{VERDICT_WORDS["noise"]}'
    end"""


def limits(series: str, kind: Kind, period: Period, start_month: int, key: str = "'all'") -> str:
    """SQL: every period of the series with its limits, and what it would have been told as.

    Args:
        series: SQL with `period` (its first day) and `numerator`, `denominator` (rate) or `value`,
            in whole periods only; a period without cases may be left out.
        start_month: the fiscal year's first month.
        key: an expression over the series that tells several apart; each is judged by itself.

    Columns: key, period, numerator, case_count, value, centre, lower_limit, upper_limit,
    is_baseline, baseline_count, baseline_start, baseline_end, is_last, reason; a row per key and
    period. `reason` speaks of the period as if it were the last; no limits without a baseline.
    """
    if kind == "rate":
        told = (
            "numerator, denominator as case_count,"
            " numerator::double / nullif(denominator, 0)::double as value"
        )
        centre = (
            "sum(numerator) filter (is_baseline) over by_key"
            " / (sum(case_count) filter (is_baseline) over by_key)::double"
        )
        error = "sqrt(greatest(centre * (1 - centre), 0) / case_count)"
        spread, most = f"greatest(mean_range, {CHANCE})", "1.0"
        few = f"case_count * least(centre, 1 - centre) < {MIN_CASES}"
    else:
        told = "null::bigint as numerator, null::bigint as case_count, value::double as value"
        centre = "avg(value) filter (is_baseline) over by_key"
        error = "1.0"
        spread, most = "mean_range", "null::double"
        few = "coalesce(spread, 0) = 0"
    return f"""
with told as (
    select {key} as key, period::date as period, {told} from ({series})
), numbered as (
    select *,
        row_number() over (partition by key order by period) as place,
        max(period) over (partition by key) as last_period
    from told where value is not null
), locked as (
    select *,
        make_date(
            year(last_period) - (month(last_period) < {start_month})::int, {start_month}, 1
        ) as year_start
    from numbered
), counted as (
    select *,
        count(*) filter (period < year_start and period < last_period)
            over (partition by key) as earlier_count
    from locked
), based as (
    select *,
        period < last_period and case
            when earlier_count >= {ENOUGH}
                then place <= earlier_count and place > earlier_count - {MOST[period]}
            else place <= {ENOUGH}
        end as is_baseline
    from counted
), centred as (
    select *,
        count(*) filter (is_baseline) over by_key as baseline_count,
        min(period) filter (is_baseline) over by_key as baseline_start,
        max(period) filter (is_baseline) over by_key as baseline_end,
        {centre} as centre
    from based
    window by_key as (partition by key)
), scaled as (
    select *, {error} as error from centred
), ranged as (
    select *, (value - centre) / nullif(error, 0) as distance,
        case when is_baseline and lag(is_baseline) over by_period
            then abs((value - centre) / nullif(error, 0)
                - lag((value - centre) / nullif(error, 0)) over by_period)
        end as moving_range
    from scaled window by_period as (partition by key order by period)
), spread as (
    select *, avg(moving_range) over (partition by key) as mean_range from ranged
), reached as (
    select *, {spread} as spread, {WIDTH} * {spread} as reach from spread
), judged as (
    select *,
        distance > reach / 2 as is_high, distance < -reach / 2 as is_low,
        count(*) filter (distance > 0) over eight = 8
            or count(*) filter (distance < 0) over eight = 8 as is_run,
        count(*) filter (distance > reach / 2) over four >= 3 as is_often_high,
        count(*) filter (distance < -reach / 2) over four >= 3 as is_often_low
    from reached
    window eight as (partition by key order by period rows 7 preceding),
        four as (partition by key order by period rows 3 preceding)
)
select key, period, numerator, case_count, value, is_baseline, baseline_count, baseline_start,
    baseline_end, period = last_period as is_last,
    case when baseline_count >= {FEWEST} then centre end as centre,
    case when baseline_count >= {FEWEST}
        then greatest(centre - reach * error, 0)
    end as lower_limit,
    case when baseline_count >= {FEWEST}
        then least(centre + reach * error, coalesce({most}, centre + reach * error))
    end as upper_limit,
    case
        when baseline_count < {FEWEST} then 'few periods'
        when coalesce({few}, true) then 'few cases'
        when abs(distance) > reach then 'outside'
        when (is_high and is_often_high) or (is_low and is_often_low) then 'three of four'
        when is_run then 'run of eight'
        else 'within'
    end as reason
from judged
"""


def bounds(won: str, decided: str) -> tuple[str, str]:
    """SQL: the lower and the upper bound of a rate, each one-sided with 95 % confidence; NULL
    without a case.

    For curves and comparisons drawn in a report; where a mart has exact bounds, those are told.
    Source: E. B. Wilson, Journal of the American Statistical Association 22 (1927).
    """
    n = f"nullif({decided}, 0)::double"
    p = f"({won})::double / {n}"
    scale = f"(1 + {Z * Z} / {n})"
    middle = f"({p} + {Z * Z / 2} / {n}) / {scale}"
    half = f"{Z} * sqrt({p} * (1 - {p}) / {n} + {Z * Z / 4} / ({n} * {n})) / {scale}"
    # greatest and least pass over NULL
    return (
        f"case when {decided} > 0 then greatest({middle} - {half}, 0) end",
        f"case when {decided} > 0 then least({middle} + {half}, 1) end",
    )


@dataclass(frozen=True)
class Judged:
    """The last period of a series, and what is to be thought of it.

    `numerator` and `case_count` are None in a series of values. `is_above` its centre; None at it,
    and without one.
    """

    verdict: Verdict
    is_above: bool | None
    is_provisional: bool
    why: Words
    period: Number
    value: Number
    numerator: Number
    case_count: Number
    centre: Number
    lower_limit: Number
    upper_limit: Number
    baseline_count: Number
    baseline_start: Number
    baseline_end: Number

    @property
    def period_words(self) -> str:
        """What goes before the period in a sentence."""
        return "" if self.period.unit == "month" else "the week of "

    @property
    def is_signal(self) -> bool:
        return self.verdict == "signal"


VERDICTS: dict[str, Verdict] = {
    "few periods": "too little",
    "few cases": "too little",
    "outside": "signal",
    "three of four": "signal",
    "run of eight": "signal",
    "within": "noise",
}


def judged_series(
    marts: Published, series: str, kind: Kind, period: Period, metric: Metric | None
) -> str:
    """SQL: the series as `limits` gives it; as BEHAVIOUR has judged it, where it holds the same.

    The mart tells each source system and subject by itself and leaves out the first period, which
    is rarely whole: a sum over several of them is another series, and is judged here.
    """
    own = limits(series, kind, period, marts.info.fiscal_year_start_month)
    if metric is None:
        return own
    held = f"""
select * from marts.{BEHAVIOUR}
where metric = '{metric.name}' and dimension = 'all' and period_kind = '{period}'
    {f"and subject = '{metric.subject}'" if metric.subject else ""}
"""
    value = "numerator::double / nullif(denominator, 0)" if kind == "rate" else "value::double"
    is_same = f"""
with held as ({held}), told as (
    select period::date as period, {value} as told_value from ({series})
)
select (select count(distinct (source_system, subject)) from held) = 1 and count(*) = 0
from held full join told on held.period_start = told.period
where coalesce(held.period_start, told.period) >= (select min(period_start) from held)
    and abs(coalesce(held.value, 0) - coalesce(told_value, 0))
    > 1e-6 * greatest(abs(coalesce(told_value, 0)), 1)
"""
    if not marts.number(is_same, "flag").value:
        return own
    count = "{}::bigint" if kind == "rate" else "null::bigint"
    return f"""
select 'all' as key, period_start as period, {count.format("numerator")} as numerator,
    {count.format("denominator")} as case_count, value,
    period_start between baseline_start and baseline_end as is_baseline, baseline_count,
    baseline_start, baseline_end, is_latest as is_last, centre,
    greatest(lower_limit, 0) as lower_limit, upper_limit,
    case coalesce(untold_reason, signal_rule)
        when 'too few periods' then 'few periods'
        when 'too few cases' then 'few cases'
        when 'no variation' then 'few cases'
        when 'outside the limits' then 'outside'
        when 'three of four near a limit' then 'three of four'
        when 'eight on one side' then 'run of eight'
        else 'within'
    end as reason
from ({held})
"""


def judge(
    marts: Published,
    series: str,
    kind: Kind,
    period: Period,
    unit: Unit,
    metric: Metric | None = None,
) -> Judged | None:
    """The verdict on the last period of a series (see `judged_series`); None where it has none."""
    last = f"select * from ({judged_series(marts, series, kind, period, metric)}) where is_last"
    units: dict[str, Unit] = {
        "period": "month" if period == "month" else "date",
        "value": unit,
        "numerator": "count",
        "case_count": "count",
        "centre": unit,
        "lower_limit": unit,
        "upper_limit": unit,
        "baseline_count": "count",
        "baseline_start": "month" if period == "month" else "date",
        "baseline_end": "month" if period == "month" else "date",
        "reason": "text",
    }
    if not marts.number(f"select count(*) from ({last})", "count").value:
        return None
    found = marts.numbers(last, units)
    reason, value, centre = found["reason"].value, found["value"].value, found["centre"].value
    assert isinstance(reason, str)
    assert isinstance(value, int | float)
    is_above = None if not isinstance(centre, int | float) else value > centre
    count = found["baseline_count"].value
    assert isinstance(count, int)
    return Judged(
        verdict=VERDICTS[reason],
        is_above=None if value == centre else is_above,
        is_provisional=count < ENOUGH,
        why=_why(reason, bool(is_above), count < ENOUGH, period, found),
        **{
            name: found[name]
            for name in (
                *("period", "value", "numerator", "case_count"),
                *("centre", "lower_limit", "upper_limit"),
                *("baseline_count", "baseline_start", "baseline_end"),
            )
        },
    )


def _why(
    reason: str, is_above: bool, is_provisional: bool, period: Period, found: dict[str, Number]
) -> Words:
    side = "above" if is_above else "below"
    limit_words = words(
        f" the limits {{}} to {{}} that {{}} earlier {period}s give",
        found["lower_limit"],
        found["upper_limit"],
        found["baseline_count"],
    )
    match reason:
        case "few periods":
            return words(
                f"{{}} whole {period}s lie before it; limits need {FEWEST}.",
                found["baseline_count"],
            )
        case "few cases" if found["case_count"].value is not None:
            return words("{} cases are too few to tell a change from chance.", found["case_count"])
        case "few cases":
            return words(f"The earlier {period}s do not vary, so there is nothing to hold it to.")
        case "outside":
            told: Words = (f"It lies {side}", *limit_words, ".")
        case "three of four":
            told = (
                *words(
                    f"Three of the last four {period}s lie far {side} the centre of {{}}, though"
                    " within",
                    found["centre"],
                ),
                *limit_words,
                ".",
            )
        case "run of eight":
            told = (
                *words(
                    f"Eight {period}s in a row lie {side} the centre of {{}}: the level has"
                    " moved, though it is within",
                    found["centre"],
                ),
                *limit_words,
                ".",
            )
        case _:
            told = ("It lies within", *limit_words, ": the usual ups and downs.")
    return (*told, " The limits are provisional.") if is_provisional else told


def specified(picture: Any) -> dict[str, Any]:
    """The specification of an Altair chart over the rows of its query, without config."""
    spec: dict[str, Any] = picture.to_dict()
    spec.pop("config", None)
    return spec


def picture(
    column: Column, x: str, x_title: str, is_usual: str, verdict: tuple[str, str]
) -> dict[str, Any]:
    """The specification of a process behaviour chart, over rows with value, centre, lower_limit and
    upper_limit.

    Args:
        column: what the value is called, and its unit.
        x, x_title: the field of the period, and its name in the tooltip.
        is_usual: a Vega expression; what is not usual is a diamond.
        verdict: the field that says what there is to see, and its name in the tooltip.
    """
    import altair as alt

    percent = ".0%" if column.unit == "rate" else "~s"

    def line(field: str, **mark: Any) -> alt.Chart:
        return (
            alt.Chart(alt.NamedData("rows"))
            .mark_line(**mark)
            .encode(
                x=alt.X(f"{x}:T", title=None),
                y=alt.Y(f"{field}:Q", title=column.label, axis=alt.Axis(format=percent)),
            )
        )

    points = (
        alt.Chart(alt.NamedData("rows"))
        .mark_point(filled=True)
        .encode(
            x=alt.X(f"{x}:T", title=None),
            y=alt.Y("value:Q", title=column.label),
            shape=alt.condition(is_usual, alt.value("circle"), alt.value("diamond")),
            size=alt.condition(is_usual, alt.value(30), alt.value(140)),
            tooltip=[
                alt.Tooltip(f"{x}:T", title=x_title),
                alt.Tooltip("value:Q", title=column.label, format=percent),
                alt.Tooltip("lower_limit:Q", title="Lower limit", format=percent),
                alt.Tooltip("upper_limit:Q", title="Upper limit", format=percent),
                alt.Tooltip(f"{verdict[0]}:N", title=verdict[1]),
            ],
        )
    )
    return specified(
        alt.layer(
            line("lower_limit", strokeDash=[4, 4], opacity=0.6),
            line("upper_limit", strokeDash=[4, 4], opacity=0.6),
            line("centre", opacity=0.6),
            line("value"),
            points,
        )
    )


def chart(
    marts: Published,
    title: str,
    label: Words,
    series: str,
    kind: Kind,
    period: Period,
    column: Column,
    metric: Metric | None = None,
    most: int = 60,
) -> Chart:
    """The series with its centre and limits; the last `most` periods."""

    sql = f"""
select period, value, centre, lower_limit, upper_limit, reason
from (
    select *, row_number() over (order by period desc) as periods_back
    from ({judged_series(marts, series, kind, period, metric)})
)
where periods_back <= {most}
"""
    return marts.chart(
        title,
        label,
        picture(
            column,
            "period",
            period,
            "datum.reason == 'within' || datum.reason == 'few cases'"
            " || datum.reason == 'few periods'",
            ("reason", "Verdict"),
        ),
        sql,
        {
            "period": Column(period.capitalize(), "month" if period == "month" else "date"),
            "value": column,
            "centre": Column("Centre", column.unit),
            "lower_limit": Column("Lower limit", column.unit),
            "upper_limit": Column("Upper limit", column.unit),
            "reason": Column("Verdict"),
        },
        native=NativeChart("line", "period", ("value", "centre", "lower_limit", "upper_limit")),
        note=("Dashed: the limits; thin: the centre; diamonds: signals.",),
    )
