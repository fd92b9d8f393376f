"""How often something was done about a point that was no signal."""

from assets.reports.content import Column, Section, words
from assets.reports.monthly import missing, share
from assets.reports.published import Published
from assets.reports.review.found import Found

INTERVENTIONS = "mart_interventions"


def section(marts: Published) -> Found:
    key, title = "interventions", "What we reacted to"
    question = "Did we act on signals, or on the usual ups and downs?"
    table = marts.table(
        "Decisions and the point they followed",
        f"""
select decided_date, description, replace(metric, '_', ' ') as metric, followed_period_start,
    followed_value, lower_limit, upper_limit,
    case when is_tampering then 'within the limits' when not is_tampering then 'a signal'
        else untold_reason end as followed
from marts.{INTERVENTIONS} order by decided_date, intervention_id
""",
        (
            Column("Decided", "date"),
            Column("What"),
            Column("Because of"),
            Column("Period from", "date"),
            Column("Value", "number"),
            Column("Lower limit", "number"),
            Column("Upper limit", "number"),
            Column("The point was"),
        ),
    )
    if not table.rows:
        why = (
            "No decision is written down. The seed interventions takes them: what was decided,"
            " when, and because of which figure."
        )
        return missing(key, title, question, (INTERVENTIONS,), why)
    tampering = share(
        marts,
        "select count(*) filter (is_tampering) as numerator, count(is_tampering) as denominator"
        f" from marts.{INTERVENTIONS}",
    )
    finding = (
        *words("Decisions that followed a point within its limits: "),
        *tampering.words,
        (
            ". Such a point has no cause of its own; what is done about it makes the process vary"
            " more, not less."
        ),
    )
    return Found(Section(key, title, question, finding, (table,), (INTERVENTIONS,)))
