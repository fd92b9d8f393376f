"""The quarter that the sections on the plan speak of, and what they share.

Belongs here: which quarter it is, and its figures. Does not belong here: what is said of it.
"""

from assets.reports.content import Number
from assets.reports.freshness import AS_OF
from assets.reports.published import Published

REQUIREMENT = "mart_lead_requirement"
MONTHLY = "mart_lead_requirement_monthly"
#: the confidence that the words speak of
LEVEL = 0.8
NO_TARGET = (
    "No quarter to come has a target. The extract quotas brings one, with a quota per rep and month"
    " or fiscal quarter."
)
#: three months after tomorrow, for which what begins now is meant
_THEN = f"cast({AS_OF} + 1 + interval 3 month as date)"
#: the quarter in which that lies, else the nearest with a target, and the kind a plan begins with
QUARTER = f"""
select * from marts.{REQUIREMENT}
where entry_kind in ('lead', 'opportunity')
qualify row_number() over (
    partition by confidence_level
    order by period_start > {_THEN}, abs(period_start - {_THEN}), target_amount desc, source_system,
        entry_kind
) = 1
"""
#: what is planned to begin for it, by month, source and segment
ENTRIES = f"""
select monthly.*
from marts.{MONTHLY} as monthly
inner join ({QUARTER}) as quarter using (source_system, period_start, confidence_level)
"""


def quarter_of(marts: Published) -> dict[str, Number] | None:
    """The quarter at LEVEL; None where none has a target."""
    found = marts.each(
        f"select * from ({QUARTER}) where confidence_level = {LEVEL}",
        {
            "source_system": "text",
            "period_start": "date",
            "period_end": "date",
            "entry_kind": "text",
            "status": "text",
            "target_amount": "amount",
            "booked_amount": "amount",
            "open_deals_amount": "amount",
            "gap_amount": "amount",
            "wins_needed_count": "count",
            "other_wins": "count",
            "mean_won_amount": "amount",
            "needed_count": "count",
            "usual_count": "count",
            "usual_success_probability": "rate",
            "usual_expected_amount": "amount",
            "last_useful_date": "date",
            "constraint_work_center_id": "text",
            "constraint_available_hours": "count",
            "constraint_overdue_hours": "count",
            "constraint_other_hours": "count",
            "constraint_needed_hours": "count",
            "makeable_amount": "amount",
            "is_capped": "flag",
            "capped_count": "count",
        },
    )
    return found[0] if found else None


def named(quarter: dict[str, Number]) -> str:
    """What entries are called in a sentence."""
    return "leads" if quarter["entry_kind"].value == "lead" else "opportunities"
