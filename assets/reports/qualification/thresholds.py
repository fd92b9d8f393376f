"""Whether scores bunch just above a limit."""

from assets.reports.content import Column, NativeChart, Part, Section, words
from assets.reports.monthly import counted, missing
from assets.reports.published import Published
from assets.reports.review.found import WAITING, Found
from assets.reports.signals import specified

BUNCHING = "mart_score_bunching"
SCORES = "fct_qualification_scores"
LANDMARK = "case landmark when 'stage_2_entry' then 'entry to stage 2' else 'first complete' end"


def section(marts: Published) -> Found:
    key, title = "thresholds", "Scores made to fit"
    question = "Do more scores lie just above a limit than a smooth curve has?"
    used = (BUNCHING, SCORES)
    if not counted(marts, f"select count(*) from marts.{BUNCHING}"):
        return missing(
            key,
            title,
            question,
            used,
            "No deal is scored: deliver qualification_answers, one row per deal, attribute and"
            " rater, with assessed_at.",
        )
    asked = marts.numbers(
        f"""
select count(step_ratio) as measured_count, count(*) filter (is_bunched) as bunched_count
from marts.{BUNCHING}
""",
        {"measured_count": "count", "bunched_count": "count"},
    )
    bunched = marts.each(
        f"""
select pipeline, threshold_score, {LANDMARK} as landmark, threshold_kind, step_ratio,
    step_ratio_lower, step_ratio_upper, below_count, above_count
from marts.{BUNCHING} where is_bunched
order by source_system, pipeline, landmark, threshold_score
""",
        {
            "pipeline": "text",
            "threshold_score": "count",
            "landmark": "text",
            "threshold_kind": "text",
            "step_ratio": "number",
            "step_ratio_lower": "number",
            "step_ratio_upper": "number",
            "below_count": "count",
            "above_count": "count",
        },
    )
    finding = words(
        "Of {} limits with enough scores around them, {} are bunched. ",
        asked["measured_count"],
        asked["bunched_count"],
    )
    for row in bunched:
        finding += words(
            "At {} ({}, pipeline {}, {}) {} scores lie just above and {} just below: {} times as"
            " many as a smooth curve has, between {} and {}. ",
            row["threshold_score"],
            row["threshold_kind"],
            row["pipeline"],
            row["landmark"],
            row["above_count"],
            row["below_count"],
            row["step_ratio"],
            row["step_ratio_lower"],
            row["step_ratio_upper"],
        )
    if not asked["measured_count"].value:
        finding += ("More scored deals will tell.",)
    elif bunched:
        finding += (
            "Answers are lifted until a deal gets over: ask what passing is worth to whom.",
        )
    else:
        finding += ("Nobody seems to lift answers until a deal gets over.",)
    parts: list[Part] = [
        _chart(marts),
        marts.table(
            "Limit by limit",
            f"""
select source_system, pipeline, {LANDMARK} as landmark, threshold_score, threshold_kind,
    below_count, above_count, expected_below, expected_above, step_ratio, step_ratio_lower,
    step_ratio_upper, is_bunched, nullif(status, 'measured') as status
from marts.{BUNCHING} order by source_system, pipeline, landmark, threshold_score
""",
            (
                Column("System"),
                Column("Pipeline"),
                Column("Scored at"),
                Column("Limit", "score"),
                Column("Kind"),
                Column("Just below", "count"),
                Column("Just above", "count"),
                Column("Smooth, below", "number"),
                Column("Smooth, above", "number"),
                Column("Above ÷ below, against smooth", "number"),
                Column("At least", "number"),
                Column("At most", "number"),
                Column("Bunched", "flag"),
                Column("No figure because"),
            ),
            note=(
                (
                    "Just above and below: three points each. The smooth curve is fitted to the"
                    " twenty points on both sides, and a limit counts as bunched where chance does"
                    " not explain it, all limits together. Scores of few questions stand on a"
                    " coarse ladder and cannot tell. How complete a score is has no row: it moves"
                    " in steps as large as a question's weight."
                ),
            ),
        ),
    ]
    asks = [
        (
            WAITING,
            words(
                "Scores bunch just above {} ({}): look at how these deals were answered before the"
                " limit decides anything.",
                row["threshold_score"],
                row["threshold_kind"],
            ),
        )
        for row in bunched
    ]
    return Found(Section(key, title, question, finding, tuple(parts), used), look=tuple(asks))


def _chart(marts: Published) -> Part:
    import altair as alt

    bars = (
        alt.Chart(alt.NamedData("rows"))
        .mark_bar(size=4)
        .encode(
            x=alt.X("score:Q", title="Score when first complete", scale=alt.Scale(domain=[0, 100])),
            y=alt.Y("deal_count:Q", title="Deals"),
            opacity=alt.condition("datum.is_bunched == 'yes'", alt.value(1), alt.value(0.55)),
            tooltip=[
                alt.Tooltip("score:Q", title="From"),
                alt.Tooltip("deal_count:Q", title="Deals"),
            ],
        )
    )
    return marts.chart(
        "Scores, point by point",
        ("How many deals have which score when it is first complete, point by point.",),
        specified(bars),
        f"""
select score, count(*) as deal_count,
    case when bool_or(bunched.threshold_score is not null) then 'yes' else 'no' end as is_bunched
from (
    select source_system, pipeline, landmark, least(floor(score), 99)::bigint as score
    from marts.{SCORES} where landmark = 'first_complete' and score is not null
) as deals
left join (select * from marts.{BUNCHING} where is_bunched) as bunched
    on deals.source_system = bunched.source_system and deals.pipeline = bunched.pipeline
    and deals.landmark = bunched.landmark
    and deals.score between bunched.threshold_score and bunched.threshold_score + 2
group by score order by score
""",
        {
            "score": Column("From", "count"),
            "deal_count": Column("Deals", "count"),
            "is_bunched": Column("Just above a bunched limit"),
        },
        native=NativeChart("column", "score", ("deal_count",)),
        note=("Dark: just above a limit that is bunched.",),
    )
