"""Which work centre limits the plant, how loaded it is, and since when the limit lies there."""

from assets.reports.content import Column, Headline, Number, Part, Section, Words, words
from assets.reports.freshness import AS_OF
from assets.reports.monthly import counted, missing
from assets.reports.published import Published
from assets.reports.review.found import MOVED, Found
from assets.reports.signals import specified

LOAD = "mart_capacity_load_weekly"
CENTERS = "dim_work_centers"
CAPABILITIES = "dim_product_capabilities"
USED = (LOAD, CENTERS, CAPABILITIES)
#: weeks that the load is drawn for, before and from the one of the as_of
WEEKS_BACK, WEEKS_AHEAD = 26, 13
#: weeks that are looked at together, to tell a constraint that lasts from one that comes and goes
SPELL_WEEKS = 13

#: the plant that the words speak of: the one with the latest weeks, of several the largest
_SYSTEM = f"""
select source_system from marts.{LOAD}
group by source_system order by max(week_start_date) desc, count(*) desc, source_system limit 1
"""
_NAMED = f"""
select load.*, coalesce(center.work_center_name, load.work_center_id) as work_center
from marts.{LOAD} as load
left join marts.{CENTERS} as center on load.work_center_id = center.work_center_id
where load.source_system = ({_SYSTEM})
"""
#: the constraint of each past week: where most was worked, where nothing is measured most needed
_PAST = f"""
select week_start_date, work_center,
    date_diff('week', week_start_date, max(week_start_date) over ()) // {SPELL_WEEKS} as spell
from (
    select *, bool_or(is_measured_constraint) over () as is_measured from ({_NAMED})
    where week_type = 'past'
)
where case when is_measured then is_measured_constraint else is_constraint end
"""
#: of each spell the work centre that was the constraint in at least half of its weeks, if any
_SPELLS = f"""
select spell, work_center, count(*) as constraint_weeks, any_value(week_count) as week_count,
    min(week_start_date) as first_week
from (
    select past.*, weeks.week_count
    from ({_PAST}) as past
    inner join (
        select spell, count(distinct week_start_date) as week_count from ({_PAST}) group by spell
    ) as weeks using (spell)
)
group by spell, work_center
having 2 * count(*) >= any_value(week_count) and any_value(week_count) >= {SPELL_WEEKS} // 2
qualify row_number() over (partition by spell order by count(*) desc, work_center) = 1
"""
#: the last spell's constraint, the last other one before it, and the week that parts them best
_SHIFT = f"""
with spells as ({_SPELLS}),
now as (select * from spells where spell = (select min(spell) from spells)),
before as (
    select spells.* from spells, now where spells.work_center <> now.work_center
    order by spells.spell limit 1
),
scored as (
    select past.week_start_date,
        count(*) filter (past.work_center = before.work_center) over (
            order by past.week_start_date
            range between unbounded preceding and interval 1 day preceding
        )
        + count(*) filter (past.work_center = now.work_center) over (
            order by past.week_start_date range between current row and unbounded following
        ) as agreeing
    from ({_PAST}) as past, now, before
    where past.spell <= before.spell
)
select any_value(now.work_center) as constraint_now, any_value(now.constraint_weeks) as weeks,
    any_value(now.week_count) as of_weeks, any_value(before.work_center) as constraint_before,
    arg_max(scored.week_start_date, (scored.agreeing, scored.week_start_date)) as shifted_on
from now
left join before on true
left join scored on true
"""


def section(marts: Published) -> Found:
    """The section; it asks to be looked at if the constraint has moved within the weeks drawn."""
    key, title = "capacity", "Capacity"
    question = "Which work centre limits us in the coming weeks, and has the limit moved?"
    if not counted(marts, f"select count(*) from marts.{LOAD}"):
        why = (
            "No work centre is known. Bring routings and work_center_calendars with work_orders or"
            " order_lines; or operations alone: load is then measured from the reports."
        )
        return missing(key, title, question, USED, why)
    peak = _peak(marts)
    finding = (*_coming(peak), *_moved(marts))
    look = marts.numbers(
        f"select constraint_before, constraint_now, shifted_on from ({_SHIFT})",
        {"constraint_before": "text", "constraint_now": "text", "shifted_on": "date"},
    )
    is_new = look["shifted_on"].value is not None and counted(
        marts,
        f"select count(*) from ({_NAMED}) where week_type = 'current'"
        f" and week_start_date - 7 * {WEEKS_BACK} <= ?",
        look["shifted_on"].value,
    )
    asked = (
        (
            (
                MOVED,
                words(
                    "The constraint moved from {} to {} in the week of {}.",
                    look["constraint_before"],
                    look["constraint_now"],
                    look["shifted_on"],
                ),
            ),
        )
        if is_new
        else ()
    )
    parts: tuple[Part, ...] = (_heat(marts), *_tables(marts))
    headline = None
    if peak:
        headline = Headline(
            title="Fullest week to come",
            number=peak["load_rate"],
            context=words("at {} in the week of {}.", peak["work_center"], peak["week_start_date"]),
            verdict="plain",
            why=words(
                "{} hours are booked of {}; open deals would bring {} more by their chances.",
                peak["load_rate_numerator"],
                peak["load_rate_denominator"],
                peak["weighted_pipeline_hours"],
            ),
            section=key,
            marts=USED,
        )
    return Found(Section(key, title, question, finding, parts, USED), headline, asked)


def _peak(marts: Published) -> dict[str, Number] | None:
    """The work centre and week to come with the highest load; None where nothing is booked."""
    peaks = f"""
select work_center, week_start_date, load_rate, load_rate_numerator, load_rate_denominator,
    weighted_pipeline_hours
from ({_NAMED})
where week_type <> 'past' and load_rate > 0
order by load_rate desc, week_start_date, work_center
limit 1
"""
    if not counted(marts, f"select count(*) from ({peaks})"):
        return None
    return marts.numbers(
        peaks,
        {
            "work_center": "text",
            "week_start_date": "date",
            "load_rate": "rate",
            "load_rate_numerator": "number",
            "load_rate_denominator": "number",
            "weighted_pipeline_hours": "number",
        },
    )


def _coming(peak: dict[str, Number] | None) -> Words:
    """What the next weeks look like."""
    if peak is None:
        return ("Nothing is booked for the coming weeks. ",)
    return words(
        "Of the coming weeks the fullest is that of {}: {} is booked to {} ({} of {} hours), and"
        " the open deals would bring {} hours more by their chances. ",
        peak["week_start_date"],
        peak["work_center"],
        peak["load_rate"],
        peak["load_rate_numerator"],
        peak["load_rate_denominator"],
        peak["weighted_pipeline_hours"],
    )


def _moved(marts: Published) -> Words:
    """Which work centre was the constraint of late, and since when another one was."""
    if not counted(marts, f"select count(*) from ({_SPELLS})"):
        return ("In the past weeks no work centre stands out as the constraint.",)
    shift = marts.numbers(
        _SHIFT,
        {
            "constraint_now": "text",
            "weeks": "count",
            "of_weeks": "count",
            "constraint_before": "text",
            "shifted_on": "date",
        },
    )
    said = words(
        "Of late {} was the constraint, in {} of {} weeks",
        shift["constraint_now"],
        shift["weeks"],
        shift["of_weeks"],
    )
    if shift["constraint_before"].value is None:
        return (*said, ", as in all the time that is told.")
    return said + words(
        ", and has been since the week of {}; before that it was {}.",
        shift["shifted_on"],
        shift["constraint_before"],
    )


def _heat(marts: Published) -> Part:
    import altair as alt

    cells = (
        alt.Chart(alt.NamedData("rows"))
        .mark_rect()
        .encode(
            x=alt.X("week_start_date:O", title="Week of", timeUnit="yearmonthdate"),
            y=alt.Y("work_center:N", title=None),
            color=alt.Color("load_rate:Q", title="Load", legend=alt.Legend(format=".0%")),
            tooltip=[
                alt.Tooltip("work_center:N", title="Work centre"),
                alt.Tooltip("week_start_date:T", title="Week of"),
                alt.Tooltip("load_rate:Q", title="Load", format=".0%"),
            ],
        )
    )
    return marts.chart(
        "Load by work centre and week",
        (
            (
                "A field per work centre and week: booked hours as a share of the hours it can"
                " work; where nothing is booked, measured hours."
            ),
        ),
        specified(cells),
        f"""
select work_center, week_start_date, load_rate
from (
    select *, coalesce(
        max(week_start_date) filter (week_type = 'current') over (), max(week_start_date) over ()
    ) as middle
    from ({_NAMED})
)
where load_rate is not null
    and week_start_date between middle - 7 * {WEEKS_BACK} and middle + 7 * {WEEKS_AHEAD}
""",
        {
            "work_center": Column("Work centre"),
            "week_start_date": Column("Week of", "date"),
            "load_rate": Column("Load", "rate"),
        },
    )


def _tables(marts: Published) -> tuple[Part, ...]:
    coming = marts.table(
        "The constraint of each coming week",
        f"""
select week_start_date, work_center, booked_hours, overdue_hours, available_hours,
    available_hours_basis, overtime_hours, load_rate, load_with_pipeline_rate, constraint_count
from ({_NAMED})
where week_type <> 'past' and is_constraint
order by week_start_date, work_center
""",
        (
            Column("Week of", "date"),
            Column("Work centre"),
            Column("Booked hours", "number"),
            Column("Of them overdue", "number"),
            Column("Available hours", "number"),
            Column("They come from"),
            Column("Overtime", "number"),
            Column("Load", "rate"),
            Column("With open deals", "rate"),
            Column("Constraints", "count"),
        ),
        note=(
            (
                "Weeks fill up as orders come in: compare work centres of one week. Two rows of a"
                " week are two constraints."
            ),
        ),
    )
    weeks = marts.table(
        "Load, week by week",
        f"""
select load.source_system, load.week_start_date,
    coalesce(center.work_center_name, load.work_center_id) as work_center, load.available_hours,
    load.booked_hours, load.weighted_pipeline_hours, load.measured_hours, load.load_basis,
    load.load_rate, load.measured_load_rate, load.is_constraint, load.load_rate_suppressed_reason
from marts.{LOAD} as load
left join marts.{CENTERS} as center on load.work_center_id = center.work_center_id
order by load.source_system, abs(load.week_start_date - {AS_OF}), load.week_start_date, work_center,
    load.work_center_id
""",
        (
            Column("System"),
            Column("Week of", "date"),
            Column("Work centre"),
            Column("Available hours", "number"),
            Column("Booked hours", "number"),
            Column("Open deals, hours", "number"),
            Column("Measured hours", "number"),
            Column("Load counts"),
            Column("Load", "rate"),
            Column("Measured load", "rate"),
            Column("Constraint", "flag"),
            Column("No load because"),
        ),
        is_whole_list=True,
    )
    products = marts.table(
        "What products ask of the plant",
        f"""
select source_system, product_family, coalesce(product_name, product_id) as product,
    difficulty_index, constraint_hours_per_good_unit, hours_per_good_unit, setups_per_lot,
    first_pass_yield_rate, lead_time_p50_days, lead_time_p90_days, lead_time_count, is_prior
from marts.{CAPABILITIES}
where valid_to is null
order by source_system, product_family, product, product_id
""",
        (
            Column("System"),
            Column("Product family"),
            Column("Product"),
            Column("Difficulty, 0 to 1", "number"),
            Column("Hours at the constraint", "number"),
            Column("Hours in all", "number"),
            Column("Set-ups per lot", "number"),
            Column("First-pass yield", "rate"),
            Column("Lead time, middle", "days"),
            Column("Lead time, 9 of 10", "days"),
            Column("Work orders behind it", "count"),
            Column("Partly of its family", "flag"),
        ),
        note=(
            (
                "Hours are for one good unit. A product without history has what its family, else"
                " the plant, has on average."
            ),
        ),
        is_whole_list=True,
    )
    return coming, weeks, products
