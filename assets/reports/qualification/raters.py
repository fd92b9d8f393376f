"""Whether a score means the same whoever gives it; no rater is named."""

from assets.reports.content import (
    Chart,
    Column,
    Headline,
    NativeChart,
    Number,
    Part,
    Section,
    words,
)
from assets.reports.monthly import missing
from assets.reports.published import Published
from assets.reports.review.found import WAITING, Found
from assets.reports.signals import specified

AGREEMENT = "mart_rater_agreement"
SEVERITY = "mart_rater_severity"
#: for what a question reads like
QUESTIONS = "mart_qualification_attributes"
BASES = {"same deals": "on the same deals", "case mix": "against the case mix"}
#: what is compared, a row per system and basis
GROUPS = f"""
select source_system, basis, count(*) as rater_count, sum(score_count)::bigint as score_count,
    count(*) filter (cause = 'special') as special_count,
    count(*) filter (is_outside_95) as outside_count,
    min(shrunken_points) as strictest, max(shrunken_points) as most_lenient,
    any_value(spread_between_points) as spread_between,
    any_value(dispersion_ratio) as dispersion_ratio
from marts.{SEVERITY} where cause is not null
group by source_system, basis
"""


def section(marts: Published) -> Found:
    key, title = "raters", "Who scores"
    question = "Does a score mean the same, whoever gives it?"
    used = (AGREEMENT, SEVERITY, QUESTIONS)
    agreed = marts.numbers(
        f"""
select count(*) as question_count, count(*) filter (verdict = 'good') as good_count,
    count(*) filter (verdict = 'acceptable') as acceptable_count,
    count(*) filter (verdict = 'too low') as low_count,
    coalesce(max(opportunity_count), 0) as deal_count
from marts.{AGREEMENT} where not is_overall and alpha is not null
""",
        dict.fromkeys(
            ("question_count", "good_count", "acceptable_count", "low_count", "deal_count"), "count"
        ),
    )
    groups = marts.each(
        f"{GROUPS} order by source_system, basis desc",
        {
            "source_system": "text",
            "basis": "text",
            "rater_count": "count",
            "score_count": "count",
            "special_count": "count",
            "outside_count": "count",
            "strictest": "points",
            "most_lenient": "points",
        },
    )
    if not groups and not agreed["question_count"].value:
        why = (
            "No two people have scored: deliver qualification_answers with assessed_by, and have"
            " some deals scored by two, each without seeing the other's answers."
        )
        return missing(key, title, question, used, why)
    finding = words("")
    if agreed["question_count"].value:
        finding += words(
            "Of {} questions that two people or more answered about the same deals (up to {} of"
            " them), {} are answered alike well, {} well enough, {} too differently to mean the"
            " same. ",
            agreed["question_count"],
            agreed["deal_count"],
            agreed["good_count"],
            agreed["acceptable_count"],
            agreed["low_count"],
        )
    asks = []
    headline = None
    # one system needs no name
    is_one = len({group["source_system"].value for group in groups}) == 1
    for group in groups:
        basis = BASES[str(group["basis"].value)]
        system = "" if is_one else f" ({group['source_system'].value})"
        finding += words(
            f"{basis[0].upper()}{basis[1:]}{system}, of {{}} people with {{}} scores {{}} score"
            " stricter or more leniently than chance explains; what is to be believed reaches from"
            " {} to {}. ",
            group["rater_count"],
            group["score_count"],
            group["special_count"],
            group["strictest"],
            group["most_lenient"],
        )
        is_signal = bool(group["special_count"].value)
        if headline is None:
            headline = Headline(
                title="People whose scores stand out",
                number=group["special_count"],
                context=words(
                    f"of {{}} who score, {basis}; from {{}} to {{}}, shrunken.",
                    group["rater_count"],
                    group["strictest"],
                    group["most_lenient"],
                ),
                verdict="signal" if is_signal else "noise",
                why=words("By limits that chance alone leaves in 998 of 1,000.")
                if is_signal
                else words("None lies outside of the limits that chance leaves in 998 of 1,000."),
                section=key,
                marts=(SEVERITY,),
                case_count=group["score_count"],
            )
            if is_signal:
                asks.append(
                    (
                        WAITING,
                        words(
                            f"Scores differ by who gives them ({{}} of {{}} people, {basis}): score"
                            " some deals together before limits are set on scores.",
                            group["special_count"],
                            group["rater_count"],
                        ),
                    )
                )
    parts: list[Part] = [_chart(marts, group) for group in groups]
    parts += [
        marts.table(
            "How far scores differ by who gives them",
            f"""
select source_system, case basis when 'case mix' then 'the case mix' else 'others on the same deals'
    end as basis, rater_count, score_count, outside_count, special_count, strictest, most_lenient,
    spread_between, dispersion_ratio
from ({GROUPS}) order by source_system, basis desc
""",
            (
                Column("System"),
                Column("Held against"),
                Column("People", "count"),
                Column("Scores", "count"),
                Column("Outside 95 %", "count"),
                Column("Outside 99.8 %", "count"),
                Column("Strictest, shrunken", "points"),
                Column("Most lenient, shrunken", "points"),
                Column("Spread beyond chance", "number"),
                Column("Dispersion", "number"),
            ),
            note=(
                (
                    "First answers only, given before the outcome was known. Against the case mix a"
                    " person is held against what deals of that pipeline, segment, industry,"
                    " region, product family, lead source, type and quarter get of all; on the same"
                    " deals against the others who scored them, which is surer. Of twenty people"
                    " one is outside of the 95 % limits by chance. Dispersion 1 is chance alone."
                ),
            ),
        ),
        marts.table(
            "How far people agree, question by question",
            f"""
select agreement.source_system, coalesce(question.question, agreement.attribute_id) as question,
    alpha, verdict, unit_count, opportunity_count, rater_count, alpha_suppressed_reason
from marts.{AGREEMENT} as agreement
left join (
    select source_system, attribute_id, arg_max(question, scorecard_version) as question
    from marts.{QUESTIONS} group by source_system, attribute_id
) as question using (source_system, attribute_id)
order by agreement.source_system, is_overall, attribute_id
""",
            (
                Column("System"),
                Column("Question"),
                Column("α", "number"),
                Column("Agreement"),
                Column("Deals × questions", "count"),
                Column("Deals", "count"),
                Column("People", "count"),
                Column("No α because"),
            ),
            note=(
                (
                    "Krippendorff's α on the latest answer of each, for answers in an order: 1 is"
                    " full agreement, 0 as by chance; from .667 acceptable, from .8 good. A"
                    " question below that means different things to different people: mend its"
                    " words. Overall is flattered by questions that differ from each other."
                ),
            ),
        ),
    ]
    return Found(Section(key, title, question, finding, tuple(parts), used), headline, tuple(asks))


def _chart(marts: Published, group: dict[str, Number]) -> Chart:
    import altair as alt

    system, basis = str(group["source_system"].value), str(group["basis"].value)
    data = alt.Chart(alt.NamedData("rows"))
    x = alt.X("score_count:Q", title="Deals scored")
    limits = [
        data.mark_line(strokeDash=dash, opacity=0.6, interpolate="monotone").encode(
            x=x, y=alt.Y(f"{field}:Q", title="Points above what is expected")
        )
        for field, dash in (
            ("lower_limit_95_points", [2, 4]),
            ("upper_limit_95_points", [2, 4]),
            ("lower_limit_998_points", [6, 4]),
            ("upper_limit_998_points", [6, 4]),
        )
    ]
    points = data.mark_point(filled=True, size=60).encode(
        x=x,
        y=alt.Y("difference_points:Q"),
        shape=alt.condition("datum.cause == 'special'", alt.value("diamond"), alt.value("circle")),
        tooltip=[
            alt.Tooltip("score_count:Q", title="Deals scored"),
            alt.Tooltip("difference_points:Q", title="As seen", format="+.1f"),
            alt.Tooltip("shrunken_points:Q", title="Shrunken", format="+.1f"),
            alt.Tooltip("cause:N", title="Cause"),
        ],
    )
    return marts.chart(
        f"Strict and lenient, {BASES[basis]}" + ("" if system == "standard" else f", {system}"),
        words(
            f"Points by which {{}} people score above or below others, {BASES[basis]}, by how many"
            " deals they scored: {} outside of the 99.8 % limits.",
            group["rater_count"],
            group["special_count"],
        ),
        specified(alt.layer(*limits, points)),
        f"""
select score_count, difference_points, shrunken_points, lower_limit_95_points,
    upper_limit_95_points, lower_limit_998_points, upper_limit_998_points, cause
from marts.{SEVERITY}
where source_system = ? and basis = ? and cause is not null and difference_points is not null
order by score_count, difference_points
""",
        {
            "score_count": Column("Deals scored", "count"),
            "difference_points": Column("As seen", "points"),
            "shrunken_points": Column("Shrunken", "points"),
            "lower_limit_95_points": Column("Lower 95 %", "points"),
            "upper_limit_95_points": Column("Upper 95 %", "points"),
            "lower_limit_998_points": Column("Lower 99.8 %", "points"),
            "upper_limit_998_points": Column("Upper 99.8 %", "points"),
            "cause": Column("Cause"),
        },
        system,
        basis,
        native=NativeChart("scatter", "score_count", ("difference_points",)),
        note=(
            "A point is a person, who is not named. Dashed: the limits; diamonds: special causes.",
        ),
    )
