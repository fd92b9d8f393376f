"""Whether reps work on the same objectives, against chance."""

from assets.reports.content import Column, Headline, NativeChart, Part, Section, words
from assets.reports.freshness import AS_OF
from assets.reports.monthly import counted, labelled, missing
from assets.reports.objective.terms import NO_OBJECTIVES
from assets.reports.published import Published
from assets.reports.review.found import Found, look
from assets.reports.signals import Metric, chart, judge, specified

OVERLAP = "mart_objective_overlap_monthly"
CORRECTED = Metric("objective_overlap_corrected")
COMMON = f"""
select objective_month as period, chance_corrected_overlap as value
from marts.{OVERLAP} where last_day(objective_month) <= {AS_OF}
"""


def section(marts: Published) -> Found:
    key, title = "overlap", "One strategy, or one per rep"
    question = "Do reps work on the same objectives?"
    used = (OVERLAP,)
    common = judge(marts, COMMON, "value", "month", "rate", CORRECTED)
    if common is None:
        there = counted(marts, f"select count(*) from marts.{OVERLAP}")
        why = (
            "No two reps worked on an objective in a month that is over, so there is nothing to"
            " compare. Evidence comes with activities, order_lines and objective_results."
        )
        return missing(key, title, question, used, why if there else NO_OBJECTIVES)
    month = common.period
    found = marts.numbers(
        f"""
select mean_jaccard, expected_jaccard, chance_corrected_overlap, pair_count, rep_count,
    idle_rep_count
from marts.{OVERLAP} where objective_month = ?
""",
        {
            "mean_jaccard": "rate",
            "expected_jaccard": "rate",
            "chance_corrected_overlap": "rate",
            "pair_count": "count",
            "rep_count": "count",
            "idle_rep_count": "count",
        },
        month.value,
    )
    finding = words(
        "Of what two reps worked on in {}, {} was common to both, in the mean of {} pairs; if each"
        " had picked as many of their objectives at random it would have been {}. That is {} of the"
        " way from chance to all working on the same.",
        month,
        found["mean_jaccard"],
        found["pair_count"],
        found["expected_jaccard"],
        found["chance_corrected_overlap"],
    )
    if found["idle_rep_count"].value:
        finding += words(
            " {} of {} reps worked on none of theirs.", found["idle_rep_count"], found["rep_count"]
        )
    parts: list[Part] = [
        _overlap_chart(marts),
        chart(
            marts,
            "Overlap beyond chance, with its limits",
            words(
                "What reps have in common beyond chance, by month: none at 0 %, all at 100 %; {} in"
                " {}.",
                common.value,
                month,
            ),
            COMMON,
            "value",
            "month",
            Column("Beyond chance", "rate"),
            CORRECTED,
        ),
        marts.table(
            "Overlap, month by month",
            f"""
select objective_month, rep_count, idle_rep_count, pair_count, mean_jaccard, expected_jaccard,
    chance_corrected_overlap
from marts.{OVERLAP} where last_day(objective_month) <= {AS_OF} order by objective_month desc
""",
            (
                Column("Month", "month"),
                Column("Reps", "count"),
                Column("Worked on none", "count"),
                Column("Pairs", "count"),
                Column("In common", "rate"),
                Column("By chance", "rate"),
                Column("Beyond chance", "rate"),
            ),
            note=(
                (
                    "In common is the mean over pairs of shared ÷ together (Jaccard). Beyond chance"
                    " is (in common − by chance) ÷ (1 − by chance), and below 0 if reps have less"
                    " in common than chance."
                ),
            ),
        ),
    ]
    headline = Headline(
        title="Worked on in common",
        number=found["mean_jaccard"],
        context=words(
            "of what two reps worked on in {}; by chance {}. {} pairs of {} reps.",
            month,
            found["expected_jaccard"],
            found["pair_count"],
            found["rep_count"],
        ),
        verdict=common.verdict,
        why=("Judged by what lies beyond chance. ", *common.why),
        section=key,
        marts=used,
        case_count=found["pair_count"],
    )
    asks = [*look(common, "Overlap beyond chance", "high")]
    return Found(Section(key, title, question, finding, tuple(parts), used), headline, tuple(asks))


def _overlap_chart(marts: Published) -> Part:
    import altair as alt

    labels = {"mean_jaccard": "In common", "expected_jaccard": "By chance"}
    lines = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["measure", "overlap"])
        .mark_line(point=True)
        .encode(
            x=alt.X("objective_month:T", title=None),
            y=alt.Y("overlap:Q", title="In common", axis=alt.Axis(format=".0%")),
            color=labelled("measure", labels),
            tooltip=[
                alt.Tooltip("objective_month:T", title="Month", format="%b %Y"),
                alt.Tooltip("mean_jaccard:Q", title="In common", format=".1%"),
                alt.Tooltip("expected_jaccard:Q", title="By chance", format=".1%"),
            ],
        )
    )
    return marts.chart(
        "What two reps work on in common, and by chance",
        ("The mean share that two reps have in common, by month, and what chance would give.",),
        specified(lines),
        f"""
select objective_month, mean_jaccard, expected_jaccard
from marts.{OVERLAP} where last_day(objective_month) <= {AS_OF}
""",
        {
            "objective_month": Column("Month", "month"),
            "mean_jaccard": Column("In common", "rate"),
            "expected_jaccard": Column("By chance", "rate"),
        },
        native=NativeChart("line", "objective_month", tuple(labels)),
    )
