"""How well the dates of the models held on later lines."""

from assets.reports.content import (
    Column,
    Headline,
    NativeChart,
    Number,
    Part,
    Section,
    Value,
    Verdict,
    Words,
    words,
)
from assets.reports.monthly import labelled, missing
from assets.reports.published import Published
from assets.reports.review.found import WAITING, WORSE, Found, worded
from assets.reports.signals import FEWEST, specified

PERFORMANCE = "mart_score_performance"
#: Student's t of the fewest past fits that are judged, so that the interval is never too narrow
STUDENT_T = 2.57
#: how often a date of level p80 is to be kept
LEVELS = {"p50": 0.5, "p80": 0.8, "p95": 0.95}
#: SQL: a level as its reader knows it
SAID = "substr(method, 2) || ' in 100'"
#: how often the dates of the champions held on later lines, a row per day of a past fit and level
HELD = f"""
select score_name, slice_value::date as fitted_on, method, value as held, lower_bound, upper_bound,
    case_count
from marts.{PERFORMANCE}
where is_champion and not is_after_training and slice = 'fitted_on' and measure = 'coverage'
    and method in ('p50', 'p80', 'p95') and value is not null and case_count > 0
"""


def section(marts: Published) -> Found:
    key, title = "held", "How well these dates held"
    question = "Is 80 times in 100 really 80 times in 100?"
    used = (PERFORMANCE,)
    scores = marts.ask(
        marts.table(
            "",
            f"""
select score_name from ({HELD}) where method = 'p80' group by score_name
order by score_name like 'promise_quote%' desc, sum(case_count) desc, score_name
""",
            (Column("Score"),),
        ).query
    )
    if not scores:
        why = (
            "No model of lead times speaks, so none could be tried on later lines. It takes a year"
            " or so of order_lines with shipments, or of finished work_orders."
        )
        return missing(key, title, question, used, why)
    [score] = scores[0]
    level = LEVELS["p80"]
    # past fits, not lines, are the independent cases: what makes lines late makes many late at once
    told = f"""
with fit as (
    select * from ({HELD}) where score_name = ? and method = 'p80'
), pooled as (
    select sum(held * case_count) / sum(case_count) as held, sum(case_count) as case_count,
        count(*) as fit_count
    from fit
), spread as (
    select sqrt(sum(((fit.held - pooled.held) * fit.case_count) ** 2)) / any_value(
        pooled.case_count
    ) * sqrt(any_value(pooled.fit_count) / nullif(any_value(pooled.fit_count) - 1, 0)) as error
    from fit cross join pooled
)
select held, case_count, fit_count, greatest(held - {STUDENT_T} * error, 0) as low,
    least(held + {STUDENT_T} * error, 1) as high,
    (select min(held) from fit) as lowest, (select max(held) from fit) as highest,
    (select arg_max(held, fitted_on) from fit) as last_held,
    (select arg_max(case_count, fitted_on) from fit) as last_count,
    (select max(fitted_on) from fit) as last_fitted_on,
    (select arg_max(upper_bound, fitted_on) from fit) as last_upper
from pooled cross join spread
"""
    found = marts.numbers(
        told,
        {
            "held": "rate",
            "case_count": "count",
            "fit_count": "count",
            "low": "rate",
            "high": "rate",
            "lowest": "rate",
            "highest": "rate",
            "last_held": "rate",
            "last_count": "count",
            "last_fitted_on": "date",
            "last_upper": "rate",
        },
        score,
    )
    name = marts.number("select replace(?, '_', ' ')", "text", score)
    finding = words(
        "Tried with {} earlier models on the {} lines that came after them ({}), the dates of 80"
        " times in 100 held {} of the time. From model to model that went from {} to {}; with the"
        " last one, of {}, it was"
        " {} of {} lines.",
        found["fit_count"],
        found["case_count"],
        name,
        found["held"],
        found["lowest"],
        found["highest"],
        found["last_fitted_on"],
        found["last_held"],
        found["last_count"],
    )
    verdict, because = _kept_level(found, level)
    parts: list[Part] = [
        (
            (
                "Each earlier model knew only what was known on its day and was tried on the lines"
                " that came after it. Lines of one quarter are late together, so the verdict takes"
                " each model as one case."
            ),
        ),
        _held_chart(marts, score),
        marts.table(
            "How often the dates held, over all earlier models",
            f"""
select {worded("score_name")}, {SAID}, sum(held * case_count) / sum(case_count) as held,
    min(held) as lowest, max(held) as highest, sum(case_count) as case_count, count(*) as fit_count
from ({HELD}) group by score_name, method order by score_name, method
""",
            (
                Column("Score"),
                Column("Said"),
                Column("Held", "rate"),
                Column("Lowest model", "rate"),
                Column("Highest model", "rate"),
                Column("Lines", "count"),
                Column("Models", "count"),
            ),
        ),
        marts.table(
            "How often the dates held, by product family",
            f"""
select {worded("score_name")}, slice_value,
    max(case_count) filter (method = 'p80') as case_count,
    max(value) filter (method = 'p50') as p50, max(value) filter (method = 'p80') as p80,
    max(value) filter (method = 'p95') as p95
from marts.{PERFORMANCE}
where is_champion and not is_after_training and slice = 'group' and measure = 'coverage'
group by score_name, slice_value order by score_name, slice_value
""",
            (
                Column("Score"),
                Column("Family"),
                Column("Lines", "count"),
                Column("50 in 100 held", "rate"),
                Column("80 in 100 held", "rate"),
                Column("95 in 100 held", "rate"),
            ),
        ),
    ]
    headline = Headline(
        title="Dates of 80 in 100 that held",
        number=found["held"],
        context=words(
            "of {} lines, tried with {} earlier models; with the last of them {}.",
            found["case_count"],
            found["fit_count"],
            found["last_held"],
        ),
        verdict=verdict,
        why=because,
        section=key,
        marts=used,
        case_count=found["case_count"],
    )
    asks: list[tuple[int, Words]] = []
    if verdict == "signal":
        asks.append((WORSE, (*words("Dates of 80 in 100 held {}. ", found["held"]), *because)))
    upper = found["last_upper"].value
    if isinstance(upper, float) and upper < level:
        said = words(
            "With the last model that could be tried, of {}, dates of 80 in 100 held only {} of the"
            " time: where it matters promise the date of 95 in 100.",
            found["last_fitted_on"],
            found["last_held"],
        )
        asks.append((WAITING, said))
    return Found(Section(key, title, question, finding, tuple(parts), used), headline, tuple(asks))


def _kept_level(found: dict[str, Number], level: float) -> tuple[Verdict, Words]:
    """Whether the share held differs from what was said by more than fits differ anyway."""
    fits, low, high = (found[name].value for name in ("fit_count", "low", "high"))
    if not isinstance(fits, int) or fits < FEWEST:
        why = words(
            f"{{}} earlier models were tried; a verdict needs {FEWEST}.", found["fit_count"]
        )
        return "too little", why
    assert isinstance(low, float)
    assert isinstance(high, float)
    bounds = found["low"], found["high"]
    if low <= level <= high:
        why = words(
            "Models differ from one another anyway: it could be anything from {} to {}, and 80 in"
            " 100 lies between.",
            *bounds,
        )
        return "noise", why
    why = words("Even as models differ, it lies between {} and {}: 80 in 100 does not.", *bounds)
    return "signal", why


def _held_chart(marts: Published, score: Value) -> Part:
    import altair as alt

    labels = {level: f"{share:.0%}".replace("%", " in 100") for level, share in LEVELS.items()}
    base = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["level", "held"])
        .encode(x=alt.X("fitted_on:T", title="Day of the model"))
    )
    held = base.mark_line(point=True).encode(
        y=alt.Y("held:Q", title="Held", axis=alt.Axis(format=".0%")),
        color=labelled("level", labels, "Said"),
        tooltip=[
            alt.Tooltip("fitted_on:T", title="Day of the model", format="%Y-%m-%d"),
            alt.Tooltip("level:N", title="Said"),
            alt.Tooltip("held:Q", title="Held", format=".1%"),
            alt.Tooltip("case_count:Q", title="Lines", format=","),
        ],
    )
    said = (
        base.transform_calculate(said="{p50: 0.5, p80: 0.8, p95: 0.95}[datum.level]")
        .mark_line(strokeDash=[4, 4], opacity=0.6)
        .encode(y=alt.Y("said:Q", title="Held"), color=labelled("level", labels, "Said"))
    )
    return marts.chart(
        "How often the dates held, by day of the model",
        ("The share of later lines that kept the date, a line per level; dashed what was said.",),
        specified(alt.layer(said, held)),
        f"""
select fitted_on, max(held) filter (method = 'p50') as p50,
    max(held) filter (method = 'p80') as p80, max(held) filter (method = 'p95') as p95,
    max(case_count) as case_count
from ({HELD}) where score_name = ? group by fitted_on
""",
        {
            "fitted_on": Column("Day of the model", "date"),
            **{name: Column(label, "rate") for name, label in labels.items()},
            "case_count": Column("Lines", "count"),
        },
        score,
        native=NativeChart("line", "fitted_on", tuple(labels)),
        note=("Dashed: how often it was to be kept.",),
    )
