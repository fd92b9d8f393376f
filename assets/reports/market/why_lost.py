"""Why deals are lost: which reason is stated, and whether a segment gives another than the rest."""

from assets.reports.content import Column, Part, Section, Words, words
from assets.reports.market.compared import PERIOD, VERDICT, chart, of_system
from assets.reports.monthly import missing, share
from assets.reports.published import Published
from assets.reports.review.found import MOVED, Found, worded

REASONS = "mart_outcome_reasons"
_TOLD = f"""
select {of_system("segment")}, {worded("reason_class")} as reason from marts.{REASONS}
where {PERIOD} and segment != 'all' and reason_class != 'unknown'
    and loss_reason_rate_denominator > 0
"""
_ALL = f"""
select {worded("reason_class")} as reason, sum(loss_reason_rate_numerator) as lost_count,
    sum(rep_count) as rep_count
from marts.{REASONS}
where {PERIOD} and segment = 'all' and reason_class != 'unknown'
group by reason having sum(loss_reason_rate_numerator) > 0
"""


def section(marts: Published) -> Found:
    key, title = "why_lost", "Why deals are lost"
    question = "Which reason is stated for lost deals, and does a segment give another one?"
    asked = share(
        marts,
        "select sum(lost_count) filter (reason_class != 'unknown') as numerator,"
        f" sum(lost_count) as denominator from marts.{REASONS} where {PERIOD} and segment = 'all'",
    )
    if not asked.numerator.value:
        why = (
            "No deal that was lost in the last twelve whole months states a reason. They come with"
            " the column outcome_reason of the extract opportunities; the seed outcome_reasons"
            " says what each means."
        )
        return missing(key, title, question, (REASONS,), why)
    most = marts.numbers(
        f"select reason, lost_count from ({_ALL}) order by lost_count desc, reason limit 1",
        {"reason": "text", "lost_count": "count"},
    )
    special = marts.each(
        f"""
select segment, reason, loss_reason_rate, loss_reason_rate_numerator, loss_reason_rate_denominator,
    centre, loss_reason_rate > centre as is_above
from ({_TOLD}) where cause = 'special' order by segment, reason, source_system
""",
        {
            "segment": "text",
            "reason": "text",
            "loss_reason_rate": "rate",
            "loss_reason_rate_numerator": "count",
            "loss_reason_rate_denominator": "count",
            "centre": "rate",
            "is_above": "flag",
        },
    )
    told: tuple[Words, ...] = tuple(
        words(
            f"{{}} loses {'more' if row['is_above'].value else 'fewer'} deals for the reason {{}}"
            " than chance explains: {} ({} of {}), against {} in all segments. ",
            row["segment"],
            row["reason"],
            row["loss_reason_rate"],
            row["loss_reason_rate_numerator"],
            row["loss_reason_rate_denominator"],
            row["centre"],
        )
        for row in special
    )
    finding: Words = (
        "Of the lost deals, those with a stated reason are ",
        *asked.words,
        *words(
            ". The reason stated most often is {}, for {} of them. ",
            most["reason"],
            most["lost_count"],
        ),
    )
    for sentence in told:
        finding += sentence
    if not told:
        finding += ("Segments state the same reasons as often, as far as chance lets one see.",)
    parts: tuple[Part, ...] = (
        chart(
            marts,
            "Share of each reason, segment by segment",
            ("Share of each reason in the lost deals of a segment, with its limits.",),
            "Reason",
            "Share of lost deals",
            f"""
select reason || ': ' || segment as member, loss_reason_rate as value, shrunken, centre,
    lower_limit_998, upper_limit_998, {VERDICT} as verdict
from ({_TOLD}) where loss_reason_rate is not null and cause is not null
""",
            "the share in all segments",
        ),
        marts.table(
            "Reasons by segment",
            f"""
select reason, segment, loss_reason_rate_numerator, loss_reason_rate_denominator, loss_reason_rate,
    shrunken, {VERDICT} as verdict, win_rate, win_rate_suppressed_reason
from ({_TOLD}) where loss_reason_rate_numerator > 0 order by reason, segment, source_system
""",
            (
                Column("Reason"),
                Column("Segment"),
                Column("Lost for it", "count"),
                Column("Lost with a reason", "count"),
                Column("Share", "rate"),
                Column("Shrunken", "rate"),
                Column("Verdict"),
                Column("Win rate of deals that state it", "rate"),
                Column("No win rate because"),
            ),
        ),
    )
    return Found(
        Section(key, title, question, finding, parts, (REASONS,)),
        look=tuple((MOVED, sentence) for sentence in told),
    )
