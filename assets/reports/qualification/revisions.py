"""Whether answers are changed to fit what became of a deal."""

from assets.reports.content import Column, Section, Words, words
from assets.reports.monthly import missing
from assets.reports.published import Published
from assets.reports.review.found import FEW, MOVED, Found
from assets.reports.signals import MIN_CASES, bounds

REVISIONS = "mart_answer_revisions"
LEAST, MOST = bounds("towards_count", "moved_count")
#: by when the answers were changed; without hindsight half of the deals move towards the outcome
TIMES = f"""
select *, {LEAST} as least_rate, {MOST} as most_rate,
    case when moved_count >= {MIN_CASES} then towards_count / moved_count end as towards_rate
from (
    select revision_time, sum(revised_deal_count)::bigint as deal_count,
        sum(revised_answer_count)::bigint as answer_count,
        sum(towards_outcome_rate_numerator)::bigint as towards_count,
        sum(towards_outcome_rate_denominator)::bigint as moved_count
    from marts.{REVISIONS} group by revision_time
)
"""
#: that of the week before is told as well: what is about to happen is known then
LATE = ("after the outcome", "in the week before it")


def section(marts: Published) -> Found:
    key, title = "revisions", "Answers that follow the outcome"
    question = "Are answers changed once it is known, or nearly, what becomes of a deal?"
    used = (REVISIONS,)
    late = marts.each(
        f"""
select * from ({TIMES}) where revision_time in {LATE} and moved_count >= {MIN_CASES}
order by revision_time
""",
        {
            "revision_time": "text",
            "deal_count": "count",
            "answer_count": "count",
            "towards_count": "count",
            "moved_count": "count",
            "towards_rate": "rate",
            "least_rate": "rate",
        },
    )
    if not late:
        why = (
            "Too few answers were changed shortly before the outcome or after it to tell of them."
            " Deliver qualification_answers with every change and its assessed_at."
        )
        return missing(key, title, question, used, why)
    finding: Words = ()
    asks: list[tuple[int, Words]] = []
    for row in late:
        is_hindsight = float(str(row["least_rate"].value)) > 0.5
        finding += words(
            "Changed {}: {} answers of {} deals. {} of {} deals that moved did so towards what"
            " became of them, at least {} with 95 % confidence",
            row["revision_time"],
            row["answer_count"],
            row["deal_count"],
            row["towards_count"],
            row["moved_count"],
            row["least_rate"],
        )
        finding += (": more than half, so hindsight. ",) if is_hindsight else (". ",)
        if is_hindsight:
            asks.append(
                (
                    MOVED,
                    words(
                        "Answers follow the outcome: {} of {} deals changed {} moved towards it."
                        " Judge no scorecard by the scores that stand today.",
                        row["towards_count"],
                        row["moved_count"],
                        row["revision_time"],
                    ),
                )
            )
    parts = (
        marts.table(
            "When answers are changed, and which way",
            f"""
select revision_time, outcome, sum(revised_deal_count)::bigint as deal_count,
    sum(revised_answer_count)::bigint as answer_count,
    sum(raised_answer_count)::bigint as raised_count,
    sum(lowered_answer_count)::bigint as lowered_count,
    case when sum(mean_change_points_denominator) >= {MIN_CASES}
        then sum(mean_change_points_numerator order by source_system)
            / sum(mean_change_points_denominator)
    end as mean_change,
    sum(towards_outcome_rate_numerator)::bigint as towards_count,
    sum(towards_outcome_rate_denominator)::bigint as moved_count,
    case when sum(towards_outcome_rate_denominator) >= {MIN_CASES}
        then sum(towards_outcome_rate_numerator) / sum(towards_outcome_rate_denominator)
    end as towards_rate,
    case when sum(towards_outcome_rate_denominator) < {MIN_CASES} then '{FEW}' end as why
from marts.{REVISIONS} group by revision_time, outcome order by revision_time, outcome desc
""",
            (
                Column("Changed"),
                Column("Outcome"),
                Column("Deals", "count"),
                Column("Answers", "count"),
                Column("Raised", "count"),
                Column("Lowered", "count"),
                Column("Mean change", "points"),
                Column("Deals towards it", "count"),
                Column("Deals that moved", "count"),
                Column("Towards it, share", "rate"),
                Column("No share because"),
            ),
            note=(
                (
                    "A change is a later answer of the same person to the same question. A deal"
                    " counts once, by the sum of its changes. Whatever is changed after a landmark"
                    " is in no score that serves as evidence."
                ),
            ),
        ),
    )
    return Found(Section(key, title, question, finding, parts, used), look=tuple(asks))
