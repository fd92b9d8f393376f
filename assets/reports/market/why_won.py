"""Why customers buy: which value proposition wins, segment by segment, beyond chance."""

from assets.reports.content import Column, Headline, Part, Section, Words, words
from assets.reports.market.compared import PERIOD, VERDICT, chart, of_system
from assets.reports.monthly import missing
from assets.reports.published import Published
from assets.reports.review.found import MOVED, Found

PROPOSITIONS = "mart_value_propositions"
#: within segments: together, segments of different win rates would be held against each other
_TOLD = f"""
select {of_system("segment")} from marts.{PROPOSITIONS}
where {PERIOD} and segment != 'all' and value_proposition != 'unknown'
"""
_WINNING = f"""
select segment, value_proposition, win_rate, win_rate_numerator, win_rate_denominator, centre
from ({_TOLD}) where cause = 'special' and win_rate > centre
order by segment, value_proposition, source_system
"""
#: where one wins beyond chance, the others often lie below the rate in common: a sentence for all
_LOSING = f"""
select segment, string_agg(value_proposition, ', ' order by value_proposition) as propositions,
    centre
from ({_TOLD}) where cause = 'special' and win_rate < centre
group by source_system, segment, centre order by segment, source_system
"""


def section(marts: Published) -> Found:
    key, title = "why_won", "Why customers buy"
    question = "Does what we offer them win more in one segment than the rest of what we offer?"
    found = marts.numbers(
        f"""
select count(distinct value_proposition) as proposition_count, count(cause) as compared_count,
    count(*) filter (cause = 'special') as special_count,
    sum(win_rate_denominator) as decided_count, sum(win_rate_numerator) as won_count,
    min(period_start_date) as first_day, max(period_end_date) as last_day
from ({_TOLD})
""",
        {
            "proposition_count": "count",
            "compared_count": "count",
            "special_count": "count",
            "decided_count": "count",
            "won_count": "count",
            "first_day": "month",
            "last_day": "month",
        },
    )
    if not found["proposition_count"].value:
        why = (
            "No deal that was won or lost in the last twelve whole months states a value"
            " proposition. They come with the column value_proposition of the extract"
            " opportunities."
        )
        return missing(key, title, question, (PROPOSITIONS,), why)
    winning = tuple(
        words(
            "In {}, {} wins more often than chance explains: {} of its deals ({} of {}), where all"
            " propositions of the segment together win {}. ",
            *row.values(),
        )
        for row in marts.each(
            _WINNING,
            {
                "segment": "text",
                "value_proposition": "text",
                "win_rate": "rate",
                "win_rate_numerator": "count",
                "win_rate_denominator": "count",
                "centre": "rate",
            },
        )
    )
    losing = tuple(
        words(
            "In {}, what wins less often than chance explains: {}, where all propositions together"
            " win {}. ",
            *row.values(),
        )
        for row in marts.each(
            _LOSING, {"segment": "text", "propositions": "text", "centre": "rate"}
        )
    )
    told = (*winning, *losing)
    finding: Words = words(
        "From {} to {}, {} of {} deals that state a value proposition were won. ",
        found["first_day"],
        found["last_day"],
        found["won_count"],
        found["decided_count"],
    )
    for sentence in told:
        finding += sentence
    finding += (
        ("All others differ within their segment by no more than chance.",)
        if told
        else (
            (
                "Within a segment no proposition wins more or less often than chance explains: what"
                " differs is the usual up and down of so few cases."
            ),
        )
    )
    parts: tuple[Part, ...] = (
        chart(
            marts,
            "Win rate of each proposition, within its segment",
            words(
                "Win rate of {} value propositions in their segments, with the limits that chance"
                " leaves around the win rate of the segment: {} outside.",
                found["compared_count"],
                found["special_count"],
            ),
            "Proposition",
            "Win rate",
            f"""
select segment || ': ' || value_proposition as member, win_rate as value, shrunken, centre,
    lower_limit_998, upper_limit_998, {VERDICT} as verdict
from ({_TOLD}) where cause is not null and win_rate is not null
""",
            "the win rate of the segment",
        ),
        marts.table(
            "Propositions by segment",
            f"""
select segment, value_proposition, win_rate_numerator, win_rate_denominator, win_rate, shrunken,
    lower_limit_998, upper_limit_998, {VERDICT} as verdict, decided_account_count,
    win_rate_suppressed_reason
from ({_TOLD}) order by segment, value_proposition, source_system
""",
            (
                Column("Segment"),
                Column("Proposition"),
                Column("Won", "count"),
                Column("Won or lost", "count"),
                Column("Win rate", "rate"),
                Column("Shrunken", "rate"),
                Column("Lower limit", "rate"),
                Column("Upper limit", "rate"),
                Column("Verdict"),
                Column("Accounts", "count"),
                Column("No rate because"),
            ),
            note=("Limits are 99.8 %, exact binomial, around the win rate of the segment.",),
        ),
    )
    headline = Headline(
        title="Propositions that differ",
        number=found["special_count"],
        context=words(
            "of {} that stand side by side within a segment, on {} deals.",
            found["compared_count"],
            found["decided_count"],
        ),
        verdict="signal" if told else "noise",
        why=(
            told[0]
            if told
            else ("No proposition lies outside the limits that chance leaves in its segment.",)
        ),
        section=key,
        marts=(PROPOSITIONS,),
        case_count=found["decided_count"],
    )
    return Found(
        Section(key, title, question, finding, parts, (PROPOSITIONS,)),
        headline,
        tuple((MOVED, sentence) for sentence in told),
    )
