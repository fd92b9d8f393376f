"""What is reached of an objective, and what one more of them goes with."""

from assets.reports.content import Column, Headline, NativeChart, Part, Section, Words, words
from assets.reports.freshness import AS_OF
from assets.reports.monthly import counted, missing, rate, reason
from assets.reports.objective.terms import LOAD, NO_OBJECTIVES
from assets.reports.published import Published
from assets.reports.review.found import WORSE, Found, look
from assets.reports.signals import MIN_CASES, chart, judge, specified

EFFECTS = "mart_objective_load_effects"
#: months of reps with results of objectives that counted all month
REACHED = f"""
select * from marts.{LOAD}
where last_day(objective_month) <= {AS_OF} and attainment_rate_denominator > 0
"""
ATTAINED = f"""
select objective_month as period,
    sum(attainment_rate_numerator order by rep_id) / sum(attainment_rate_denominator) as value
from ({REACHED}) group by objective_month having sum(attainment_rate_denominator) >= {MIN_CASES}
"""
#: one more objective, in hundredths of an objective
TOLD = f"""
select *, 100 * effect as points, 100 * effect_lower as least_points,
    100 * effect_upper as most_points
from marts.{EFFECTS}
"""


def section(marts: Published) -> Found:
    key, title = "attainment", "What one more objective goes with"
    question = (
        "Is less reached of each objective when a rep carries more, and is more reached in all?"
    )
    used = (LOAD, EFFECTS)
    attained = judge(marts, ATTAINED, "value", "month", "rate")
    if attained is None:
        there = counted(marts, f"select count(*) from marts.{LOAD}")
        why = (
            "No month that is over has results of objectives. The extract objective_results brings"
            " what was reached, the column target of rep_objectives what was to be."
        )
        return missing(key, title, question, used, why if there else NO_OBJECTIVES)
    month = attained.period
    cases = marts.number(
        f"select sum(attainment_rate_denominator) from ({REACHED}) where objective_month = ?",
        "count",
        month.value,
    )
    finding = words(
        "In {} reps reached {} of the target of an objective, in the mean of {}. ",
        month,
        attained.value,
        cases,
    )
    asks = [*look(attained, "Reached of an objective", "high")]
    systems = marts.each(
        f"select distinct source_system from marts.{EFFECTS} order by source_system",
        {"source_system": "text"},
    )
    for system in systems:
        said, is_less = _said(marts, system["source_system"].value, len(systems) > 1)
        finding += said
        if is_less:
            asks.append(
                (
                    WORSE,
                    words(
                        "Of each objective less is reached the more of them a rep carries: agree"
                        " which ones stay before more come."
                    ),
                )
            )
    parts: list[Part] = [
        (
            (
                "Attained is what was reached, divided by the target, and no more than all of it:"
                " what goes beyond does not make up for another objective that was missed. Only"
                " objectives that counted on every day of the month speak, and only with a result."
                " That less goes with more does not prove that it comes from it: nobody drew by lot"
                " who carries how many."
            ),
        ),
        _chart(marts),
        marts.table(
            "What is reached, by how many objectives a rep carries",
            f"""
select round(mean_active_objectives)::bigint as carried, count(*) as rep_month_count,
    sum(attainment_rate_denominator) as objective_count,
    {
                rate(
                    "sum(attainment_rate_numerator order by rep_id, objective_month)",
                    "sum(attainment_rate_denominator)",
                )
            } as attainment_rate,
    case when count(*) >= {MIN_CASES}
        then sum(attainment_rate_numerator order by rep_id, objective_month) / count(*)
    end as in_all,
    {reason("least(count(*), sum(attainment_rate_denominator))")} as suppressed_reason
from ({REACHED}) group by carried order by carried
""",
            (
                Column("Objectives carried", "count"),
                Column("Months of reps", "count"),
                Column("Objectives with a result", "count"),
                Column("Attained of each", "rate"),
                Column("Attained in all, objectives", "number"),
                Column("No figure because"),
            ),
            note=("All months that are over; the number carried is the mean of the rep's days.",),
        ),
        marts.table(
            "One objective more, with its limits",
            f"""
select source_system, outcome, comparison, points, least_points, most_points, is_shown,
    rep_count, rep_month_count, objective_period_count, quarter_count, first_objective_month,
    last_objective_month, nullif(status, 'measured') as status
from ({TOLD}) order by source_system, outcome desc, comparison desc
""",
            (
                Column("System"),
                Column("What is attained"),
                Column("Compared"),
                Column("With one more", "points"),
                Column("At least", "points"),
                Column("At most", "points"),
                Column("Shown", "flag"),
                Column("Reps", "count"),
                Column("Months of reps", "count"),
                Column("Objectives × months", "count"),
                Column("Quarters", "count"),
                Column("From", "month"),
                Column("To", "month"),
                Column("No figure because"),
            ),
            note=(
                (
                    "A hundred points are one objective wholly reached. The same rep over time: a"
                    " rep's months against the rep's own mean; a season or a market that moved"
                    " meanwhile is in it. The same month across reps: beside that against the"
                    " month's mean, so that it speaks only where reps carry different numbers."
                    " Limits hold in 95 of 100 cases; shown is what is told from chance, all rows"
                    " together."
                ),
            ),
        ),
        chart(
            marts,
            "Attained of an objective, with its limits of chance",
            words("The mean share reached of a target, by month; {} in {}.", attained.value, month),
            ATTAINED,
            "value",
            "month",
            Column("Attained", "rate"),
        ),
    ]
    headline = Headline(
        title="Attained of an objective",
        number=attained.value,
        context=words("of its target, in the mean of {} objectives of reps in {}.", cases, month),
        verdict=attained.verdict,
        why=attained.why,
        section=key,
        marts=used,
        case_count=cases,
    )
    return Found(Section(key, title, question, finding, tuple(parts), used), headline, tuple(asks))


def _said(marts: Published, system: object, is_named: bool) -> tuple[Words, bool]:
    """What a system's months say of one objective more, and whether less of each is shown."""
    each, across, in_all = (
        marts.numbers(
            f"""
select any_value(source_system) as source_system, any_value(status) as status,
    any_value(points) as points, any_value(least_points) as least_points,
    any_value(most_points) as most_points,
    coalesce(any_value(is_shown), false) as is_shown, any_value(rep_count) as rep_count,
    any_value(rep_month_count) as rep_month_count
from ({TOLD}) where source_system = ? and outcome = ? and comparison = ?
""",
            {
                "source_system": "text",
                "status": "text",
                **dict.fromkeys(("points", "least_points", "most_points"), "points"),
                "is_shown": "flag",
                "rep_count": "count",
                "rep_month_count": "count",
            },
            str(system),
            outcome,
            comparison,
        )
        for outcome, comparison in (
            ("attainment per objective", "same rep over time"),
            ("attainment per objective", "same month across reps"),
            ("attainment in all", "same rep over time"),
        )
    )
    said: Words = words("{}: ", each["source_system"]) if is_named else ()
    if each["points"].value is None:
        said += words(
            "What one more goes with cannot be told: {} ({} reps, {} months of theirs). ",
            each["status"],
            each["rep_count"],
            each["rep_month_count"],
        )
        return said, False
    said += words(
        "In months in which a rep carried one more than in others, the share reached of each"
        " differed by {}, between {} and {} in 95 of 100 cases, over {} months of {} reps",
        each["points"],
        each["least_points"],
        each["most_points"],
        each["rep_month_count"],
        each["rep_count"],
    )
    said += (". ",) if each["is_shown"].value else (": no more than chance may give. ",)
    said += words(
        "All of them together, what was reached differed by {} of one objective, between {} and"
        " {}. ",
        in_all["points"],
        in_all["least_points"],
        in_all["most_points"],
    )
    if across["is_shown"].value:
        said += words(
            "It holds within a month as well: of a rep with one more than colleagues then, the"
            " share reached differed by {}, between {} and {}.",
            across["points"],
            across["least_points"],
            across["most_points"],
        )
    else:
        said += words(
            "Reps who carried more than colleagues in the same month tell nothing either way, so"
            " what else moved over time may be behind it."
        )
    is_less = bool(each["is_shown"].value) and float(str(each["points"].value)) < 0
    return said, is_less


def _chart(marts: Published) -> Part:
    import altair as alt

    data = alt.Chart(alt.NamedData("rows"))
    x = alt.X("carried:Q", title="Objectives carried", axis=alt.Axis(tickMinStep=1))
    points = data.mark_line(point=True).encode(
        x=x,
        y=alt.Y("attainment_rate:Q", title="Attained of each", axis=alt.Axis(format=".0%")),
        tooltip=[
            alt.Tooltip("carried:Q", title="Objectives carried"),
            alt.Tooltip("attainment_rate:Q", title="Attained of each", format=".1%"),
            alt.Tooltip("rep_month_count:Q", title="Months of reps"),
        ],
    )
    return marts.chart(
        "Attained of each objective, by how many are carried",
        ("The mean share reached of a target, by how many objectives a rep carried that month.",),
        specified(points),
        f"""
select round(mean_active_objectives)::bigint as carried, count(*) as rep_month_count,
    sum(attainment_rate_numerator order by rep_id, objective_month)
        / sum(attainment_rate_denominator) as attainment_rate
from ({REACHED}) group by carried having count(*) >= {MIN_CASES} order by carried
""",
        {
            "carried": Column("Objectives carried", "count"),
            "rep_month_count": Column("Months of reps", "count"),
            "attainment_rate": Column("Attained of each", "rate"),
        },
        native=NativeChart("line", "carried", ("attainment_rate",)),
    )
