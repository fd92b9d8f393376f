"""How far functions see the work alike, and whether what was agreed is done."""

from assets.reports.content import Column, Headline, NativeChart, Part, Section, Table, Words, words
from assets.reports.monthly import missing, share
from assets.reports.published import Published
from assets.reports.review.found import Found
from assets.reports.signals import MIN_CASES, specified

WAVES = "mart_pulse_waves"
FUNCTIONS = "mart_pulse_functions"
QUESTIONS = "mart_pulse_questions"
REASONS = "mart_pulse_reasons"
ACTIONS = "mart_pulse_actions"


def section(marts: Published) -> Found:
    key, title = "pulse", "Alignment pulse"
    question = "How far do functions see the work between them alike, and what would close the gap?"
    used = (WAVES, FUNCTIONS, QUESTIONS, REASONS, ACTIONS)
    last = f"select * from marts.{WAVES} where told_function_count > 0 order by wave desc limit 1"
    if not marts.number(f"select count(*) from ({last})", "count").value:
        why = (
            "No wave has a function with five respondents or more. Waves come with the extracts"
            " pulse_responses and pulse_invitations."
        )
        return missing(key, title, question, used, why)
    found = marts.numbers(
        last,
        {
            "wave": "text",
            "mean_score": "score",
            "score_gap": "score",
            "lowest_function_name": "text",
            "highest_function_name": "text",
            "told_function_count": "count",
            "hidden_function_count": "count",
            "low_score_rate_denominator": "count",
        },
    )
    finding: Words = words(
        "In {}, functions give the work between them {} of 10 on average",
        found["wave"],
        found["mean_score"],
    )
    if found["score_gap"].value is not None:
        finding += words(
            "; from {} to {} it is a gap of {} points",
            found["highest_function_name"],
            found["lowest_function_name"],
            found["score_gap"],
        )
    finding += (". ",)
    if found["hidden_function_count"].value:
        finding += words(
            "Functions with fewer than five respondents, which are in no figure: {}. ",
            found["hidden_function_count"],
        )
    done = share(
        marts,
        "select action_in_time_rate_numerator as numerator,"
        f" action_in_time_rate_denominator as denominator from ({last})",
    )
    if done.denominator.value:
        finding += ("Of what was agreed, done within 30 days: ", *done.words, ".")
    wave = found["wave"].value
    parts: list[Part] = [
        _chart(marts),
        marts.table(
            "By function",
            f"""
select function_name, respondent_count, response_rate, mean_score, mean_score_change,
    low_score_rate, mean_score_suppressed_reason
from marts.{FUNCTIONS} where wave = ? order by function_name, source_system
""",
            (
                Column("Function"),
                Column("Respondents", "count"),
                Column("Response", "rate"),
                Column("Mean score", "score"),
                Column("Change", "score"),
                Column("6 or less", "rate"),
                Column("Not shown because"),
            ),
            wave,
        ),
        marts.table(
            "By question",
            f"""
select function_name, question_id, respondent_count, mean_score, mean_score_suppressed_reason
from marts.{QUESTIONS} where wave = ? order by question_id, function_name, source_system
""",
            (
                Column("Function"),
                Column("Question"),
                Column("Respondents", "count"),
                Column("Mean score", "score"),
                Column("Not shown because"),
            ),
            wave,
        ),
    ]
    reasons = marts.table(
        "What would close the gap",
        f"""
select gap_reason, respondent_count from marts.{REASONS}
where wave = ? order by respondent_count desc, gap_reason, source_system
""",
        (Column("Reason"), Column("Respondents", "count")),
        wave,
        note=("Reasons that five people or more gave.",),
    )
    if reasons.rows:
        parts.append(reasons)
    followed = _actions(marts)
    if followed.rows:
        parts.append(followed)
    headline = Headline(
        title="Alignment gap",
        number=found["score_gap"],
        context=words(
            "points of 10 between functions in {}; {} on average.",
            found["wave"],
            found["mean_score"],
        ),
        verdict="plain",
        why=words(
            "The mean of {} function means, so that a large function does not outvote a small one.",
            found["told_function_count"],
        ),
        section=key,
        marts=used,
        case_count=found["low_score_rate_denominator"],
    )
    return Found(Section(key, title, question, finding, tuple(parts), used), headline)


def _actions(marts: Published) -> Table:
    """What functions saw after the actions agreed for them."""
    told = f"count(*) >= {MIN_CASES}"
    return marts.table(
        "Actions, and how their functions saw it in the next wave",
        f"""
select case when is_done_by_next_wave then 'Done by then' else 'Not done by then' end as state,
    count(*) as actions, count(distinct function_name) as functions,
    case when {told} then avg(score_before order by action_id) end as score_before,
    case when {told} then avg(score_change order by action_id) end as score_change,
    case when {told} then avg(others_score_change order by action_id) end as others_score_change
from marts.{ACTIONS} where score_change is not null and others_count > 0
group by is_done_by_next_wave order by is_done_by_next_wave desc
""",
        (
            Column("Action"),
            Column("Actions", "count"),
            Column("Functions", "count"),
            Column("Mean score before", "score"),
            Column("Change", "score"),
            Column("Functions without an action", "score"),
        ),
        note=(
            (
                "Change of the mean score to the next wave, over all waves; not shown of fewer than"
                " five actions. Actions are agreed where scores are low, and what was low by chance"
                " rises by itself: read what is done beside what is not."
            ),
        ),
    )


def _chart(marts: Published) -> Part:
    import altair as alt

    lines = (
        alt.Chart(alt.NamedData("rows"))
        .mark_line(point=True)
        .encode(
            x=alt.X("wave:N", title=None),
            y=alt.Y("mean_score:Q", title="Mean score", scale=alt.Scale(domain=[0, 10])),
            color=alt.Color("function_name:N", title=None),
            tooltip=[
                alt.Tooltip("wave:N", title="Wave"),
                alt.Tooltip("function_name:N", title="Function"),
                alt.Tooltip("mean_score:Q", title="Mean score", format=".1f"),
                alt.Tooltip("respondent_count:Q", title="Respondents"),
            ],
        )
    )
    return marts.chart(
        "Mean score of each function, wave by wave",
        ("Mean score from 0 to 10 of each function with five respondents or more.",),
        specified(lines),
        f"""
select wave, function_name, mean_score, respondent_count
from marts.{FUNCTIONS} where mean_score is not null
""",
        {
            "wave": Column("Wave"),
            "function_name": Column("Function"),
            "mean_score": Column("Mean score", "score"),
            "respondent_count": Column("Respondents", "count"),
        },
        native=NativeChart("line", "wave", ("mean_score",)),
    )
