"""Whether the plant has the hours to make what is planned to be sold."""

from assets.reports.content import Column, Section, Words, words
from assets.reports.monthly import missing
from assets.reports.plan.quarter import NO_TARGET, REQUIREMENT, named, quarter_of
from assets.reports.published import Published
from assets.reports.review.found import WAITING, Found

CENTERS = "dim_work_centers"
USED = (REQUIREMENT, CENTERS)
_QUARTERS = f"""
select distinct requirement.source_system, requirement.period_start, requirement.target_amount,
    requirement.makeable_amount,
    coalesce(centers.work_center_name, requirement.constraint_work_center_id) as work_center,
    requirement.constraint_available_hours, requirement.constraint_overdue_hours,
    requirement.constraint_other_hours, requirement.constraint_needed_hours
from marts.{REQUIREMENT} as requirement
left join marts.{CENTERS} as centers
    on requirement.constraint_work_center_id = centers.work_center_id
where requirement.makeable_amount is not null
"""


def section(marts: Published) -> Found:
    key, title = "room", "Can the plant make it"
    question = "Does the plant have the hours for what is planned to be sold?"
    quarter = quarter_of(marts)
    if quarter is None:
        return missing(key, title, question, USED, NO_TARGET)
    place = marts.each(
        f"select work_center from ({_QUARTERS}) where source_system = ? and period_start = ?",
        {"work_center": "text"},
        quarter["source_system"].value,
        quarter["period_start"].value,
    )
    if not place:
        why = (
            "No hours are known for the quarter. Bring routings and work_center_calendars with"
            " order_lines or work_orders."
        )
        return missing(key, title, question, USED, why)
    [center] = place
    finding = words(
        "From {} to {} {} limits the plant: of {} hours orders without a deal take {}, and {} are"
        " overdue; what is left makes bookings of {}. The target is {}.",
        *(quarter[name] for name in ("period_start", "period_end")),
        center["work_center"],
        *(quarter[f"constraint_{name}_hours"] for name in ("available", "other", "overdue")),
        *(quarter[name] for name in ("makeable_amount", "target_amount")),
    )
    asks: tuple[tuple[int, Words], ...] = ()
    if quarter["is_capped"].value:
        more = words(
            f" Whatever is sold above that waits. For what can be made {{}} {named(quarter)} are"
            f" enough in eight cases of ten, instead of {{}}.",
            quarter["capped_count"],
            quarter["needed_count"],
        )
        finding += more if quarter["capped_count"].value is not None else ()
        asks = (
            (
                WAITING,
                words(
                    "The target from {} on is {}, but {} has hours for {} only.",
                    quarter["period_start"],
                    quarter["target_amount"],
                    center["work_center"],
                    quarter["makeable_amount"],
                ),
            ),
        )
    else:
        finding += (" The plan fits.",)
    table = marts.table(
        "Targets and hours",
        f"select * exclude (source_system) from ({_QUARTERS}) order by period_start, source_system",
        (
            Column("From", "date"),
            Column("Target", "amount"),
            Column("Bookings that can be made", "amount"),
            Column("Limited by"),
            Column("Hours it has", "count"),
            Column("Hours overdue", "count"),
            Column("For orders without a deal", "count"),
            Column("The target would take", "count"),
        ),
        note=(
            (
                "A steady flow: deals get the hours that other orders leave, and take as many per"
                " amount as in the last year."
            ),
        ),
    )
    return Found(Section(key, title, question, finding, (table,), USED), None, asks)
