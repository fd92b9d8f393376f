"""Qualification, year to date: every deal of the fiscal year with its score and what became of it.

Belongs here: what this report asks and says. Does not belong here: where a tipping point lies and
what an answer is worth (the marts), how it looks (the renderings).

A deal is of the year if it was open on any day of it, disqualified, merged and deleted ones
included. The score that is held against the outcome is the one at its landmark, once first
complete, which cannot know the outcome; today's score stands beside it for open deals. What depends
on a scorecard is told of the pipeline with the most evidence, by name; counts of deals are pooled.
"""

from assets.reports.content import (
    Chart,
    Column,
    Headline,
    NativeChart,
    Number,
    Part,
    Query,
    Report,
    Section,
    Verdict,
    Words,
    words,
)
from assets.reports.freshness import AS_OF, stale
from assets.reports.published import Published
from assets.reports.qualification import raters, revisions, thresholds
from assets.reports.review.found import FEW
from assets.reports.signals import METHOD, MIN_CASES, Metric, bounds, chart, judge, specified
from assets.reports.tipping_point import Landmark, point, tipping_point_table, told

KEY = "qualification_year_to_date"
TITLE = "Qualification, year to date"

LANDMARK: Landmark = "first_complete"
#: points of a bin of the win curve
BIN = 5
NO_ANSWERS = (
    "No deal is scored: deliver qualification_answers, one row per deal, attribute and rater, with"
    " assessed_at."
)

#: deals of the year; {year_start} is its first day
DEALS = """
select * from marts.fct_opportunities
where (created_date is null or created_date <= {as_of})
    and (outcome = 'open' or coalesce(closed_date, removed_date) >= date '{year_start}')
"""
#: the won and lost deals of the year with their score at the landmark, of one pipeline
EVIDENCE = """
select score.* from marts.fct_qualification_scores as score
where score.landmark = 'first_complete' and score.is_resolved_evidence
    and score.closed_date >= date '{year_start}'
    and (score.source_system, score.pipeline) in (
        select (source_system, pipeline) from marts.mart_tipping_points
        where landmark = 'first_complete'
        order by win_rate_denominator desc, source_system, pipeline
        limit 1
    )
"""
SCORED_ON_TIME = Metric("scored_on_time_rate")
ON_TIME = f"""
select event_month as period, sum(scored_on_time_rate_numerator) as numerator,
    sum(scored_on_time_rate_denominator) as denominator
from marts.mart_qualification_monthly
where last_day(event_month) <= {AS_OF}
group by event_month
"""
EDITED = f"""
select event_month as period, sum(edited_after_outcome_rate_numerator) as numerator,
    sum(edited_after_outcome_rate_denominator) as denominator
from marts.mart_qualification_monthly
where last_day(event_month) <= {AS_OF}
group by event_month
"""


def report(marts: Published) -> Report:
    """The year to date as of the published day.

    What to look at first: open deals above the upper tipping point, open deals below the lower one,
    open deals without a complete score, questions that hardly anybody answers, then signals, and
    what makes scores differ that should not.
    """
    point_section, point_headlines = _tipping_points(marts)
    curve_section, curve_headlines = _curve(marts)
    worth_section, worth_headlines = _attributes(marts)
    coverage_section, coverage_headlines = _coverage(marts)
    found = tuple(each.section(marts) for each in (revisions, raters, thresholds))
    return Report(
        key=KEY,
        title=TITLE,
        subtitle="Every deal of the fiscal year, its score, and what became of it",
        info=marts.info,
        headlines=(
            *(*point_headlines, *curve_headlines, *worth_headlines, *coverage_headlines),
            *(each.headline for each in found if each.headline),
        ),
        look_first=(
            *_look_first(marts, coverage_headlines),
            *(said for each in found for _, said in each.look),
        ),
        sections=(
            point_section,
            curve_section,
            worth_section,
            coverage_section,
            *(each.section for each in found),
            _deals(marts),
            METHOD,
        ),
        stale=stale(marts),
    )


def _deals_sql(marts: Published) -> str:
    return DEALS.format(as_of=AS_OF, year_start=marts.info.fiscal_year_start)


def _look_first(marts: Published, coverage: tuple[Headline, ...]) -> tuple[Words, ...]:
    by_side = {
        side: marts.numbers(
            f"""
select count(*) as deal_count, sum(score.amount_base) as amount
from marts.fct_opportunity_scores as score
inner join marts.mart_tipping_points as point using (source_system, pipeline)
where point.landmark = '{LANDMARK}' and point.side = '{side}'
    and score.hand_score {compared} point.tipping_point_score
""",
            {"deal_count": "count", "amount": "amount"},
        )
        for side, compared in (("upper", ">="), ("lower", "<"))
    }
    unscored = marts.numbers(
        """
select count(*) as deal_count, sum(amount_base) as amount
from marts.fct_qualification_scores
where landmark = 'as_of' and not is_complete
""",
        {"deal_count": "count", "amount": "amount"},
    )
    texts = (
        "Open deals from the upper tipping point on: {}, worth {}. Let nothing of ours delay them.",
        "Open deals below the lower tipping point: {}, worth {}. Lift them, or let them go.",
        "Open deals without a complete score: {}, worth {}. Ask the rest, of the largest first.",
    )
    said: list[Words] = [
        words(text, *figures.values())
        for text, figures in zip(texts, (by_side["upper"], by_side["lower"], unscored), strict=True)
        if figures["deal_count"].value
    ]
    said += [
        words(
            "Hardly asked: “{}” has an answer in {} of {} deals. Ask it, or take it off the"
            " scorecard.",
            *row.values(),
        )
        for row in marts.each(
            """
select question, answered_rate_numerator, answered_rate_denominator
from marts.mart_qualification_attributes
where answered_rate < 0.5
order by answered_rate, source_system, scorecard_version, attribute_id
""",
            {
                "question": "text",
                "answered_rate_numerator": "count",
                "answered_rate_denominator": "count",
            },
        )
    ]
    said += [
        (f"{headline.title}: ", headline.number, ". ", *headline.why)
        for headline in coverage
        if headline.verdict == "signal"
    ]
    return tuple(said)


# --- tipping points ------------------------------------------------------------------------------


def _tipping_points(marts: Published) -> tuple[Section, tuple[Headline, ...]]:
    lower, upper = point(marts, LANDMARK, "lower"), point(marts, LANDMARK, "upper")
    title = "Tipping points"
    question = "From which score on is a deal nearly safe, and below which does work not pay?"
    used = ("mart_tipping_points", "fct_qualification_scores")
    if lower is None or upper is None:
        return Section("tipping_points", title, question, (), (), used, NO_ANSWERS), ()
    return (
        Section(
            "tipping_points",
            title,
            question,
            (*told(upper, LANDMARK, "upper"), " ", *told(lower, LANDMARK, "lower")),
            (tipping_point_table(marts, LANDMARK),),
            used,
        ),
        (_point_headline(upper, "Upper"), _point_headline(lower, "Lower")),
    )


def _point_headline(figures: dict[str, Number], side: str) -> Headline:
    status = figures["status"].value
    is_found = status == "found"
    counts = words(
        "{} of {} deals from {} on closed as won, at least {} with 95 % confidence",
        figures["above_win_rate_numerator"],
        figures["above_win_rate_denominator"],
        figures["cut_score"],
        figures["above_win_rate_lower_bound"],
    )
    verdict: Verdict
    if is_found and figures["corrected_status"].value != "not shown":
        verdict, why = "signal", words("It holds although it was searched for.")
        if figures["corrected_status"].value == "holds at another score":
            why = words(
                "To be safe against having been searched for, take {}.",
                figures["corrected_tipping_point_score"],
            )
    elif is_found:
        verdict, why = (
            "too little",
            words("It may owe itself to the search; more deals can show that it does not."),
        )
    elif status == "no separation":
        verdict, why = "noise", words("Deals on both sides of it are won alike.")
    elif status == "no evidence":
        verdict, why = "too little", words("No scored deal is won or lost yet.")
    else:
        verdict, why = (
            "too little",
            words("At least {} more deals are needed to tell.", figures["more_deals_needed"]),
        )
    has_counts = figures["above_win_rate_denominator"].value
    return Headline(
        f"{side} tipping point" if is_found else f"No {side.lower()} tipping point yet",
        figures["tipping_point_score"] if is_found else figures["more_deals_needed"],
        counts if is_found else (("deals missing; ", *counts) if has_counts else ()),
        verdict,
        why,
        "tipping_points",
        ("mart_tipping_points",),
        figures["win_rate_denominator"],
    )


# --- win curve -----------------------------------------------------------------------------------


def _curve(marts: Published) -> tuple[Section, tuple[Headline, ...]]:
    import altair as alt

    title = "Win curve of the year"
    question = "Are deals with a better score won more often?"
    used = ("fct_qualification_scores", "mart_tipping_points")
    evidence = EVIDENCE.format(year_start=marts.info.fiscal_year_start)
    total = marts.numbers(
        f"""
select count(*) as decided_count, count(*) filter (is_won) as won_count,
    any_value(source_system) as source_system, any_value(pipeline) as pipeline
from ({evidence})
""",
        {
            "pipeline": "text",
            "source_system": "text",
            "won_count": "count",
            "decided_count": "count",
        },
    )
    if not total["decided_count"].value:
        return (
            Section(
                "win_curve",
                title,
                question,
                (),
                (),
                used,
                "No deal that was scored before its close was won or lost in the fiscal year:"
                " deliver qualification_answers with assessed_at, and opportunities with"
                " closed_at.",
            ),
            (),
        )
    low, high = bounds("won_count", "decided_count")
    curve = f"""
select *, case when decided_count >= {MIN_CASES} then won_count / decided_count end as win_rate,
    case when decided_count >= {MIN_CASES} then {low} end as lower_bound,
    case when decided_count >= {MIN_CASES} then {high} end as upper_bound,
    case when decided_count < {MIN_CASES} then '{FEW}' end as suppressed_reason
from (
    select least(floor(score / {BIN}) * {BIN}, 100 - {BIN})::bigint as from_score,
        count(*) filter (is_won) as won_count, count(*) as decided_count
    from ({evidence})
    group by from_score
)
"""
    x = alt.X("from_score:Q", title="Score, from", scale=alt.Scale(domain=[0, 100]))
    rows = alt.NamedData("rows")
    percent = alt.Axis(format=".0%")
    picture = alt.layer(
        alt.Chart(rows)
        .mark_area(opacity=0.25)
        .encode(
            x=x,
            y=alt.Y("lower_bound:Q", title="Win rate", axis=percent),
            y2="upper_bound:Q",
        ),
        alt.Chart(rows)
        .mark_line(point=True)
        .encode(
            x=x,
            y=alt.Y("win_rate:Q", title="Win rate", axis=percent),
            tooltip=[
                alt.Tooltip("from_score:Q", title="Score, from"),
                alt.Tooltip("won_count:Q", title="Won"),
                alt.Tooltip("decided_count:Q", title="Won or lost"),
                alt.Tooltip("win_rate:Q", title="Win rate", format=".1%"),
                alt.Tooltip("lower_bound:Q", title="At least", format=".1%"),
                alt.Tooltip("upper_bound:Q", title="At most", format=".1%"),
            ],
        ),
    ).transform_filter("isValid(datum.win_rate)")
    columns = {
        "from_score": Column("Score, from", "score"),
        "won_count": Column("Won", "count"),
        "decided_count": Column("Won or lost", "count"),
        "win_rate": Column("Win rate", "rate"),
        "lower_bound": Column("At least", "rate"),
        "upper_bound": Column("At most", "rate"),
        "suppressed_reason": Column("Why no rate"),
    }
    finding, headlines = _above_and_below(marts, evidence)
    return (
        Section(
            "win_curve",
            title,
            question,
            words(
                "Of pipeline {} of {}, {} of {} deals that were won or lost in the fiscal year and"
                " had been scored before were won.",
                *total.values(),
            )
            + finding,
            (
                marts.chart(
                    "Win rate by score",
                    words(
                        "Win rate by score, in steps, with the bounds between which it lies; {}"
                        " deals.",
                        total["decided_count"],
                    ),
                    specified(picture),
                    curve,
                    columns,
                    native=NativeChart(
                        "line", "from_score", ("win_rate", *("lower_bound", "upper_bound"))
                    ),
                    note=words(
                        "Each point is a step of the score; the band runs from what the rate is at"
                        " least to what it is at most, each with 95 % confidence (Wilson)."
                    ),
                ),
                marts.table(
                    "Win rate by score",
                    f"select {', '.join(columns)} from ({curve}) order by from_score",
                    tuple(columns.values()),
                ),
            ),
            used,
        ),
        headlines,
    )


def _above_and_below(marts: Published, evidence: str) -> tuple[Words, tuple[Headline, ...]]:
    """The deals of the year on both sides of the lower tipping point, if there is one."""
    above_low, above_high = bounds("above_won_count", "above_count")
    below_low, below_high = bounds("below_won_count", "below_count")
    found = marts.each(
        f"""
select *,
    case when above_count >= {MIN_CASES} then above_won_count / above_count end as above_rate,
    case when below_count >= {MIN_CASES} then below_won_count / below_count end as below_rate,
    {above_low} as above_low_bound, {above_high} as above_high_bound,
    {below_low} as below_low_bound, {below_high} as below_high_bound
from (
    select any_value(tipping_point_score) as tipping_point_score,
        count(*) filter (score >= tipping_point_score) as above_count,
        count(*) filter (score >= tipping_point_score and is_won) as above_won_count,
        count(*) filter (score < tipping_point_score) as below_count,
        count(*) filter (score < tipping_point_score and is_won) as below_won_count
    from ({evidence}) as evidence
    inner join (
        select source_system, pipeline, tipping_point_score from marts.mart_tipping_points
        where landmark = '{LANDMARK}' and side = 'lower' and status = 'found'
    ) as point using (source_system, pipeline)
)
where tipping_point_score is not null
""",
        {
            "tipping_point_score": "score",
            "above_won_count": "count",
            "above_count": "count",
            "above_low_bound": "rate",
            "below_won_count": "count",
            "below_count": "count",
            "below_high_bound": "rate",
            "above_rate": "rate",
            "below_rate": "rate",
        },
    )
    if not found:
        return (), ()
    [row] = found
    finding = words(
        " From the lower tipping point {} on it was {} of {}, at least {}; below it {} of {}, at"
        " most {} (95 % confidence each).",
        *(row[name] for name in list(row)[:7]),
    )
    above, below = row["above_low_bound"].value, row["below_high_bound"].value
    verdict: Verdict = "noise"
    if row["above_rate"].value is None or row["below_rate"].value is None:
        verdict, why = "too little", words("On one side are too few deals of this year.")
    elif isinstance(above, float) and isinstance(below, float) and above > below:
        verdict, why = (
            "signal",
            words(
                "At least {} from it on and at most {} below it: the bounds do not meet.",
                row["above_low_bound"],
                row["below_high_bound"],
            ),
        )
    else:
        why = words(
            "At least {} from it on, at most {} below it: the two may be alike.",
            row["above_low_bound"],
            row["below_high_bound"],
        )
    return finding, (
        Headline(
            "Won this year, from the lower tipping point on",
            row["above_rate"],
            words(
                "{} of {} decided deals; below it {} of {}",
                *(
                    row[name]
                    for name in (
                        *("above_won_count", "above_count"),
                        *("below_won_count", "below_count"),
                    )
                ),
            ),
            verdict,
            why,
            "win_curve",
            ("fct_qualification_scores", "mart_tipping_points"),
            row["above_count"],
        ),
    )


# --- attributes ----------------------------------------------------------------------------------


def _attributes(marts: Published) -> tuple[Section, tuple[Headline, ...]]:
    title, question = "What each question is worth", "Which answers tell won deals from lost ones?"
    used = ("mart_qualification_attributes",)
    # the scorecard with the most evidence
    card = """
select * from marts.mart_qualification_attributes
where (source_system, scorecard_version) in (
    select (source_system, scorecard_version) from marts.mart_qualification_attributes
    order by win_rate_denominator desc, source_system, scorecard_version desc
    limit 1
)
"""
    if not marts.ask(Query(f"select 1 from ({card}) limit 1")):
        return Section("attributes", title, question, (), (), used, NO_ANSWERS), ()
    total = marts.numbers(
        f"""
select any_value(source_system) as source_system,
    any_value(scorecard_version) as scorecard_version, any_value(status) as status,
    count(*) as attribute_count, count(*) filter (is_worth_shown) as shown_count,
    any_value(win_rate_numerator) as won_count, any_value(win_rate_denominator) as decided_count
from ({card})
""",
        {
            "source_system": "text",
            "scorecard_version": "text",
            "status": "text",
            "attribute_count": "count",
            "shown_count": "count",
            "won_count": "count",
            "decided_count": "count",
        },
    )
    best = marts.each(
        f"""
select question, worth_points, worth_low_points, worth_high_points from ({card})
where is_worth_shown order by worth_points desc, attribute_id limit 1
""",
        {
            "question": "text",
            "worth_points": "points",
            "worth_low_points": "points",
            "worth_high_points": "points",
        },
    )
    finding = words(
        "Scorecard {} of {}: of {} questions {} are shown to be worth something, on {} deals of"
        " which {} were won.",
        *(
            total[name]
            for name in (
                *("scorecard_version", "source_system", "attribute_count", "shown_count"),
                *("decided_count", "won_count"),
            )
        ),
    )
    for row in best:
        finding += words(
            " Most is told by “{}”: with the better of two usual answers the win rate is {} higher,"
            " between {} and {}.",
            *row.values(),
        )
    status = total["status"].value
    verdict: Verdict = "too little"
    if status != "fitted":
        finding += words(" The weights cannot be judged: {}.", total["status"])
        verdict = "noise" if status == "no effect shown" else "too little"
        why = words("The weights cannot be judged: {}.", total["status"])
    elif total["shown_count"].value:
        verdict = "signal"
        why = words("The intervals of these lie above nothing, by samples of whole accounts.")
    else:
        verdict, why = "noise", words("No interval lies above nothing.")
    parts: list[Part] = [
        _worth_chart(marts, card),
        marts.table(
            "Question by question",
            """
select source_system, scorecard_version, question, attribute_status, hand_weight, proposed_weight,
    worth_points, worth_low_points, worth_high_points, is_worth_shown, answered_rate,
    coalesce(proposed_weight_suppressed_reason, answered_rate_suppressed_reason)
from marts.mart_qualification_attributes
order by source_system, scorecard_version, worth_points desc nulls last, attribute_id
""",
            (
                Column("System"),
                Column("Scorecard"),
                Column("Question"),
                Column("Status"),
                Column("Weight by hand", "score"),
                Column("Weight by outcomes", "score"),
                Column("Worth", "points"),
                Column("At least", "points"),
                Column("At most", "points"),
                Column("Shown", "flag"),
                Column("Answered", "rate"),
                Column("Why no figure"),
            ),
            note=words(
                "Worth: by how many points more often deals are won with the better of two usual"
                " answers, all other answers as they are. Better answers are seen on better deals;"
                " whether they make them better, no figure can say. The weights by outcomes are a"
                " proposal: no score changes until somebody edits the scorecard."
            ),
        ),
    ]
    return (
        Section("attributes", title, question, finding, tuple(parts), used),
        (
            Headline(
                "Questions that tell won from lost",
                total["shown_count"],
                words("of {} on the scorecard", total["attribute_count"]),
                verdict,
                why,
                "attributes",
                used,
                total["decided_count"],
            ),
        ),
    )


def _worth_chart(marts: Published, card: str) -> Chart:
    import altair as alt

    rows = alt.NamedData("rows")
    y = alt.Y(
        "question:N", sort=alt.EncodingSortField("worth_points", order="descending"), title=None
    )
    picture = alt.layer(
        alt.Chart(rows)
        .mark_rule()
        .encode(
            y=y, x=alt.X("worth_low_points:Q", title="Points of win rate"), x2="worth_high_points"
        ),
        alt.Chart(rows)
        .mark_point(filled=True)
        .encode(
            y=y,
            x="worth_points:Q",
            tooltip=[
                alt.Tooltip("question:N", title="Question"),
                alt.Tooltip("worth_points:Q", title="Worth", format="+.1f"),
                alt.Tooltip("worth_low_points:Q", title="At least", format="+.1f"),
                alt.Tooltip("worth_high_points:Q", title="At most", format="+.1f"),
            ],
        ),
    )
    return marts.chart(
        "Worth of each question",
        ("For each question, by how many points a better answer goes with more wins.",),
        specified(picture),
        f"select * from ({card}) where worth_points is not null",
        {
            "question": Column("Question"),
            "worth_points": Column("Worth", "points"),
            "worth_low_points": Column("At least", "points"),
            "worth_high_points": Column("At most", "points"),
        },
        native=NativeChart("bar", "question", ("worth_points",)),
    )


# --- coverage ------------------------------------------------------------------------------------


def _coverage(marts: Published) -> tuple[Section, tuple[Headline, ...]]:
    title, question = (
        "Is the scorecard used",
        "Are deals scored when it is due, and left alone after?",
    )
    used = ("mart_qualification_monthly", "fct_qualification_scores", "fct_opportunities")
    if not marts.ask(Query("select 1 from marts.mart_qualification_monthly limit 1")):
        return Section("coverage", title, question, (), (), used, NO_ANSWERS), ()
    year_start = marts.info.fiscal_year_start
    months = f"""
select event_month, sum(scored_on_time_rate_numerator) as on_time_count,
    sum(ever_scored_rate_numerator) as ever_count,
    sum(scored_on_time_rate_denominator) as due_count,
    sum(edited_after_outcome_rate_numerator) as edited_count,
    sum(edited_after_outcome_rate_denominator) as closed_count
from marts.mart_qualification_monthly
where event_month >= date '{year_start}'
group by event_month
"""
    total = marts.numbers(
        f"""
select coalesce(sum(due_count), 0) as due_count, coalesce(sum(on_time_count), 0) as on_time_count,
    coalesce(sum(ever_count), 0) as ever_count, coalesce(sum(closed_count), 0) as closed_count,
    coalesce(sum(edited_count), 0) as edited_count
from ({months})
""",
        {
            "due_count": "count",
            "on_time_count": "count",
            "ever_count": "count",
            "closed_count": "count",
            "edited_count": "count",
        },
    )
    deals = marts.numbers(
        f"""
select count(*) as deal_count, count(score.opportunity_id) as scored_count
from ({_deals_sql(marts)}) as deal
left join (
    select opportunity_id from marts.fct_qualification_scores where landmark = '{LANDMARK}'
) as score using (opportunity_id)
""",
        {"deal_count": "count", "scored_count": "count"},
    )
    finding = words(
        "Of {} deals that entered stage 2 since the fiscal year began, {} were scored completely by"
        " then, {} at any time. Of {} that closed, {} had answers changed after the outcome; those"
        " count in nothing here. Of all {} deals of the year {} have a complete score.",
        *total.values(),
        *deals.values(),
    )
    on_time = judge(marts, ON_TIME, "rate", "month", "rate", SCORED_ON_TIME)
    edited = judge(marts, EDITED, "rate", "month", "rate")
    parts: list[Part] = []
    headlines: list[Headline] = []
    for judged, series, metric, name, context in (
        (
            *(on_time, ON_TIME, SCORED_ON_TIME),
            *("Scored on time", "{} of {} deals that entered stage 2 in {}"),
        ),
        (
            *(edited, EDITED, None),
            *("Answers changed after the outcome", "{} of {} deals that closed in {}"),
        ),
    ):
        if judged is None:
            continue
        headlines.append(
            Headline(
                name,
                judged.value,
                words(context, judged.numerator, judged.case_count, judged.period),
                judged.verdict,
                judged.why,
                "coverage",
                ("mart_qualification_monthly",),
                judged.case_count,
            )
        )
        parts.append(
            chart(
                marts,
                f"{name}, by month",
                words(f"{name}, month by month; {{}} in {{}}.", judged.value, judged.period),
                series,
                "rate",
                "month",
                Column(name, "rate"),
                metric,
            )
        )
    parts.append(
        marts.table(
            "Month by month",
            f"""
select event_month, due_count, on_time_count,
    case when due_count >= {MIN_CASES} then on_time_count / due_count end, ever_count,
    closed_count, edited_count,
    case when closed_count >= {MIN_CASES} then edited_count / closed_count end,
    case when least(due_count, closed_count) < {MIN_CASES} then '{FEW}' end
from ({months})
order by event_month
""",
            (
                Column("Month", "month"),
                Column("Entered stage 2", "count"),
                Column("Scored by then", "count"),
                Column("Scored by then", "rate"),
                Column("Scored at any time", "count"),
                Column("Closed", "count"),
                Column("Changed after the outcome", "count"),
                Column("Changed after the outcome", "rate"),
                Column("Why no rate"),
            ),
        )
    )
    return (
        Section("coverage", title, question, finding, tuple(parts), used),
        tuple(headlines),
    )


# --- the whole list ------------------------------------------------------------------------------


def _deals(marts: Published) -> Section:
    title, question = (
        "Every deal of the year",
        "What became of each deal, and what did its score say?",
    )
    used = (
        *("fct_opportunities", "fct_qualification_scores", "fct_opportunity_scores"),
        "dim_accounts",
    )
    deals = _deals_sql(marts)
    total = marts.numbers(
        f"""
select count(*) as deal_count, count(*) filter (outcome = 'won') as won_count,
    count(*) filter (outcome = 'lost') as lost_count,
    count(*) filter (outcome = 'disqualified') as disqualified_count,
    count(*) filter (outcome in ('duplicate', 'merged', 'deleted')) as dropped_count,
    count(*) filter (outcome = 'open') as open_count
from ({deals})
""",
        {
            "deal_count": "count",
            "won_count": "count",
            "lost_count": "count",
            "disqualified_count": "count",
            "dropped_count": "count",
            "open_count": "count",
        },
    )
    undated = marts.number(
        """
select count(*) from marts.fct_opportunities
where outcome <> 'open' and closed_date is null and removed_date is null
""",
        "count",
    )
    left_out = (
        words(" {} more ended on a day that the source does not say and are left out.", undated)
        if undated.value
        else ()
    )
    if not total["deal_count"].value:
        return Section(
            "deals",
            title,
            question,
            left_out,
            (),
            used,
            "No deal was open in the fiscal year: deliver opportunities with created_at and"
            " closed_at.",
        )
    return Section(
        "deals",
        title,
        question,
        words(
            "{} deals were open on some day of the fiscal year: {} are won, {} lost, {}"
            " disqualified, {} were duplicates, merged or deleted, {} are open.",
            *total.values(),
        )
        + left_out,
        (
            marts.table(
                "Deals of the fiscal year",
                f"""
select deal.opportunity_id, account.account_name, deal.segment, deal.source_system, deal.pipeline,
    deal.stage, deal.outcome, deal.amount_base, first_complete.score, today.hand_score,
    today.win_probability, deal.created_date, coalesce(deal.closed_date, deal.removed_date)
from ({deals}) as deal
left join marts.dim_accounts as account using (account_id)
left join (
    select opportunity_id, score from marts.fct_qualification_scores
    where landmark = '{LANDMARK}'
) as first_complete using (opportunity_id)
left join marts.fct_opportunity_scores as today using (opportunity_id)
order by first_complete.score desc nulls last, deal.amount_base desc nulls last,
    deal.opportunity_id
""",
                (
                    Column("Deal"),
                    Column("Account"),
                    Column("Segment"),
                    Column("System"),
                    Column("Pipeline"),
                    Column("Stage"),
                    Column("Outcome"),
                    Column("Amount", "amount"),
                    Column("Score once complete", "score"),
                    Column("Score today", "score"),
                    Column("Win probability", "rate"),
                    Column("Created", "date"),
                    Column("Ended", "date"),
                ),
                note=words(
                    "Best score first; deals that were never scored completely come last. A score"
                    " that is not complete is no low score: it is none."
                ),
                is_whole_list=True,
            ),
        ),
        used,
    )
