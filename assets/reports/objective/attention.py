"""How many of them get attention, and whether more of them get more."""

from assets.reports.content import (
    Column,
    Headline,
    NativeChart,
    Number,
    Part,
    Section,
    Unit,
    Value,
    Words,
    words,
)
from assets.reports.freshness import AS_OF
from assets.reports.monthly import counted, labelled, missing, rate, reason, share_of
from assets.reports.objective.terms import LOAD, NO_MONTH, NO_OBJECTIVES
from assets.reports.published import Published
from assets.reports.review.found import Found, look
from assets.reports.signals import MIN_CASES, Metric, chart, judge, specified

PERIODS = "fct_rep_objective_periods"
IGNORED_RATE = Metric("ignored_objective_rate")
IGNORED = f"""
select objective_month as period, sum(ignored_rate_numerator) as numerator,
    sum(ignored_rate_denominator) as denominator
from marts.{LOAD} where last_day(objective_month) <= {AS_OF} group by objective_month
"""


def section(marts: Published) -> Found:
    key, title = "attention", "What gets attention"
    question = "How many of the objectives does a rep work on, and does more of them mean more?"
    used = (LOAD,)
    ignored = judge(marts, IGNORED, "rate", "month", "rate", IGNORED_RATE)
    if ignored is None:
        there = counted(marts, f"select count(*) from marts.{LOAD}")
        return missing(key, title, question, used, NO_MONTH if there else NO_OBJECTIVES)
    month = ignored.period
    part = share_of(marts, IGNORED, month)
    found = marts.numbers(
        f"""
select median(attended_objective_count)::double as attended,
    median(objective_count)::double as carried
from marts.{LOAD} where objective_month = ? and objective_count > 0
""",
        {"attended": "number", "carried": "number"},
        month.value,
    )
    money = _money(marts, f"from marts.{LOAD} where objective_month = ?", month.value)
    evidence = counted(
        marts,
        f"select count(*) from marts.{PERIODS}"
        " where activity_count > 0 or order_line_count > 0 or actual is not null",
    )
    finding: Words = (
        *words("In {}, ", month),
        *part.words,
        " of the objectives got no attention: half of the reps worked on ",
        *words("{} or more of {}. ", found["attended"], found["carried"]),
    )
    if money["whole"].value:
        finding += words(
            "Of {} bonus money on {} objectives, {} lay on {} that were ignored",
            money["whole"],
            money["bonus_count"],
            money["ignored"],
            money["ignored_count"],
        )
        finding += words(" ({}).", money["rate"]) if money["rate"].value is not None else (".",)
    parts: list[Part] = [
        (
            (
                "Attention is three pieces of evidence in the month (activities that name the"
                " objective, order lines of its product) or a tenth of its target. Work that leaves"
                " none of these is not seen."
            ),
        )
    ]
    if not evidence:
        parts.append(
            (
                (
                    "Nothing that could be evidence is delivered, so all count as ignored. The"
                    " column objective_id of the extract activities, order_lines with rep_id and"
                    " product_id, or objective_results bring it."
                ),
            )
        )
    parts += [
        _attended_chart(marts, month),
        chart(
            marts,
            "Ignored objectives, with their limits",
            words(
                "The share of objectives without attention by month; {} in {}.",
                ignored.value,
                month,
            ),
            IGNORED,
            "rate",
            "month",
            Column("Ignored", "rate"),
            IGNORED_RATE,
        ),
        marts.table(
            "What gets attention, by how many objectives a rep carries",
            f"""
select objective_count, count(*) as rep_month_count,
    sum(attended_objective_count)::double / count(*) as attended_mean,
    sum(ignored_rate_numerator) as ignored_count, sum(ignored_rate_denominator) as whole_count,
    {rate("sum(ignored_rate_numerator)", "sum(ignored_rate_denominator)")} as ignored_rate,
    {reason("sum(ignored_rate_denominator)")} as suppressed_reason
from marts.{LOAD}
where objective_count > 0 and last_day(objective_month) <= {AS_OF}
group by objective_count order by objective_count
""",
            (
                Column("Objectives carried", "count"),
                Column("Months of reps", "count"),
                Column("Worked on, mean", "number"),
                Column("Ignored", "count"),
                Column("Of", "count"),
                Column("Ignored, share", "rate"),
                Column("No share because"),
            ),
            note=(
                (
                    "All whole months. If the number worked on stays while the number carried"
                    " rises, the next objective brings no more attention."
                ),
            ),
        ),
        marts.table(
            "Bonus money on ignored objectives, month by month",
            f"""
select objective_month, sum(bonus_objective_count) as bonus_count,
    sum(ignored_bonus_objective_count) as ignored_count,
    sum(ignored_bonus_rate_denominator) as bonus_amount,
    sum(ignored_bonus_rate_numerator) as ignored_amount,
    case when sum(bonus_objective_count) >= {MIN_CASES}
        then sum(ignored_bonus_rate_numerator)::double
            / sum(ignored_bonus_rate_denominator)::double
    end as ignored_bonus_rate,
    {reason("sum(bonus_objective_count)")} as suppressed_reason
from marts.{LOAD} where last_day(objective_month) <= {AS_OF}
group by objective_month order by objective_month desc
""",
            (
                Column("Month", "month"),
                Column("Objectives with a bonus", "count"),
                Column("Of these ignored", "count"),
                Column("Bonus money", "amount"),
                Column("Of it on ignored ones", "amount"),
                Column("Share of the money", "rate"),
                Column("No share because"),
            ),
            note=(
                (
                    "The money that lies on the objectives of a month, whether or not it is paid:"
                    " one that is in force for a year stands in twelve months, so months do not add"
                    " up."
                ),
            ),
        ),
        marts.table(
            "How many reps work on how many objectives",
            f"""
select attended_objective_count, count(*) as rep_count
from marts.{LOAD} where objective_month = ? and objective_count > 0
group by attended_objective_count order by attended_objective_count
""",
            (Column("Objectives worked on", "count"), Column("Reps", "count")),
            month.value,
        ),
    ]
    headline = Headline(
        title="Objectives without attention",
        number=part.rate,
        context=words(
            "{} of {} objectives of reps in {}; half of the reps worked on {} or more.",
            part.numerator,
            part.denominator,
            month,
            found["attended"],
        ),
        verdict=ignored.verdict,
        why=ignored.why,
        section=key,
        marts=used,
        case_count=part.denominator,
    )
    asks = [*look(ignored, "Objectives without attention", "low")]
    return Found(Section(key, title, question, finding, tuple(parts), used), headline, tuple(asks))


def _money(marts: Published, source: str, *parameters: Value) -> dict[str, Number]:
    """Bonus money, how much of it lay on ignored objectives, and the share."""
    ignored, whole = "sum(ignored_bonus_rate_numerator)", "sum(ignored_bonus_rate_denominator)"
    units: dict[str, Unit] = {
        "ignored": "amount",
        "whole": "amount",
        "rate": "rate",
        "bonus_count": "count",
        "ignored_count": "count",
    }
    return marts.numbers(
        f"""
select {ignored} as ignored, {whole} as whole,
    case when sum(ignored_rate_denominator) >= {MIN_CASES} and {whole} > 0
        then {ignored}::double / {whole}::double end as rate,
    sum(bonus_objective_count) as bonus_count, sum(ignored_bonus_objective_count) as ignored_count
{source}
""",
        units,
        *parameters,
    )


def _attended_chart(marts: Published, month: Number) -> Part:
    import altair as alt

    labels = {"carried": "Carried", "attended": "Worked on"}
    lines = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["measure", "objectives"])
        .mark_line(point=True)
        .encode(
            x=alt.X("objective_month:T", title=None),
            y=alt.Y("objectives:Q", title="Objectives per rep"),
            color=labelled("measure", labels),
            tooltip=[
                alt.Tooltip("objective_month:T", title="Month", format="%b %Y"),
                alt.Tooltip("carried:Q", title="Carried", format=".1f"),
                alt.Tooltip("attended:Q", title="Worked on", format=".1f"),
            ],
        )
    )
    return marts.chart(
        "Objectives carried and worked on",
        words("Objectives per rep, carried and worked on, month by month up to {}.", month),
        specified(lines),
        f"""
select objective_month, sum(objective_count)::double / count(*) as carried,
    sum(attended_objective_count)::double / count(*) as attended
from marts.{LOAD} where objective_count > 0 and last_day(objective_month) <= {AS_OF}
group by objective_month
""",
        {
            "objective_month": Column("Month", "month"),
            "carried": Column("Carried, mean", "number"),
            "attended": Column("Worked on, mean", "number"),
        },
        native=NativeChart("line", "objective_month", tuple(labels)),
    )
