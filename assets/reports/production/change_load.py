"""How many product changes are borne at once, who signed them off, and what they did to the plant;
no rep is named."""

from typing import TYPE_CHECKING

from assets.reports.content import Column, NativeChart, Part, Section, Words, words
from assets.reports.monthly import counted, labelled, missing, share
from assets.reports.published import Published
from assets.reports.review.found import WORSE, Found
from assets.reports.signals import specified

if TYPE_CHECKING:
    import altair

CHANGES = "fct_product_changes"
EFFECTS = "mart_product_change_effects"
SIGN_OFFS = "mart_product_change_sign_offs"
REP_LOAD = "mart_rep_change_load_weekly"
PLANT_LOAD = "mart_plant_change_load_weekly"
#: weeks that collisions are told of
WEEKS = 52
#: the measures in the words of a reader, in the order in which they are told
MEASURE_ORDER = (
    "case measure when 'setup_hours' then 1 when 'scrap_hours' then 2 when 'scrapped_quantity'"
    " then 3 when 'expedite_hours' then 4 when 'expedited_shipments' then 5 else 6 end"
)
MEASURE_LABEL = (
    "case measure when 'setup_hours' then 'Setup hours' when 'scrap_hours' then 'Hours scrapped'"
    " when 'scrapped_quantity' then 'Pieces scrapped' when 'expedite_hours' then 'Hours expedited'"
    " when 'expedited_shipments' then 'Shipments expedited' else 'Run hours' end"
)
GROUP_LABEL = (
    "case grouped_by when 'all' then 'All changes' when 'effective_year' then 'Year'"
    " when 'change_type' then 'Kind' else 'Size' end"
)
GROUP_ORDER = (
    "case grouped_by when 'all' then 1 when 'effective_year' then 2 when 'change_type' then 3"
    " else 4 end"
)
STATUS_LABEL = (
    "case effect_status when 'more' then 'more than without a change'"
    " when 'less' then 'less than without a change'"
    " when 'not shown' then 'no difference shown' else 'too few changes' end"
)
LAST_WEEK = f"(select max(week_start) from marts.{PLANT_LOAD})"
LATELY = f"week_start > {LAST_WEEK} - 7 * {WEEKS}"


def section(marts: Published) -> Found:
    key, title = "change_load", "Product changes"
    question = "How many product changes do sales and plant bear at once, and what do they cost?"
    used = (CHANGES, EFFECTS, SIGN_OFFS, REP_LOAD, PLANT_LOAD)
    if not counted(marts, f"select count(*) from marts.{CHANGES}"):
        why = (
            "No product change is known. Bring the extract product_changes; objectives name the"
            " change they are for in product_change_id of rep_objectives."
        )
        return missing(key, title, question, used, why)
    parts: list[Part] = []
    finding: Words = ()
    if counted(marts, f"select count(*) from marts.{PLANT_LOAD}"):
        finding += _load(marts)
        parts += [_load_chart(marts), _collisions(marts)]
    late: tuple[tuple[int, Words], ...] = ()
    if counted(marts, f"select count(*) from marts.{SIGN_OFFS}"):
        told, late = _signed(marts)
        finding += told
        parts.append(_sign_offs(marts))
    if counted(marts, f"select count(*) from marts.{EFFECTS}"):
        finding += _effect(marts)
        parts.append(_effects(marts))
    if not finding:
        finding = words(
            "{} product changes are known, and none is in effect or near.",
            marts.number(f"select count(*) from marts.{CHANGES}", "count"),
        )
    parts.append(_list(marts))
    return Found(Section(key, title, question, finding, tuple(parts), used), look=late)


def _load(marts: Published) -> Words:
    week = marts.number(f"select max(week_end) from marts.{PLANT_LOAD}", "date")
    plant = marts.number(
        f"select sum(active_change_count) from marts.{PLANT_LOAD}"
        f" where load_scope = 'plant' and week_start = {LAST_WEEK}",
        "count",
    )
    told = words("In the week to {}, {} product changes were active", week, plant)
    reps = marts.numbers(
        f"""
select count(*) as rep_count, median(active_change_count)::double as usual,
    max(active_change_count) as most
from marts.{REP_LOAD} where week_start = {LAST_WEEK}
""",
        {"rep_count": "count", "usual": "number", "most": "count"},
    )
    if reps["rep_count"].value:
        told += words(
            ": half of {} reps were reached by {} of them or more, by objectives or by what they"
            " sell, nobody by more than {}",
            reps["rep_count"],
            reps["usual"],
            reps["most"],
        )
    collided = share(
        marts,
        f"""
select count(*) filter (where collisions > 0) as numerator, count(*) as denominator
from (
    select week_start, sum(collision_count) as collisions
    from marts.{PLANT_LOAD} where load_scope = 'product_family' and {LATELY}
    group by week_start
)
""",
    )
    return (*told, ". In ", *collided.words, " of the last weeks two met on one product family. ")


def _signed(marts: Published) -> tuple[Words, tuple[tuple[int, Words], ...]]:
    def signed(function: str) -> Words:
        return share(
            marts,
            f"select sum({function}_sign_off_rate_numerator) as numerator,"
            f" sum({function}_sign_off_rate_denominator) as denominator"
            f" from marts.{SIGN_OFFS} where grouped_by = 'all'",
        ).words

    found = marts.numbers(
        f"""
select sum(objectives_per_product_change_numerator)::bigint as objectives,
    sum(objectives_per_product_change_numerator)
        / sum(objectives_per_product_change_denominator) as per_change
from marts.{SIGN_OFFS} where grouped_by = 'all'
""",
        {"objectives": "count", "per_change": "number"},
    )
    told = (
        "Of the changes in effect operations had signed off ",
        *signed("operations"),
        " before, sales ",
        *signed("sales"),
        ", both ",
        *signed("both"),
        ". ",
        *words(
            "{} objectives were issued for them, {} per change. ",
            found["objectives"],
            found["per_change"],
        ),
    )
    soon = marts.numbers(
        f"""
select count(*) as change_count, min(effective_date) as first_date
from marts.{CHANGES}
where not is_in_effect
    and (operations_signed_off_date is null or sales_signed_off_date is null)
""",
        {"change_count": "count", "first_date": "date"},
    )
    if not soon["change_count"].value:
        return told, ()
    look = words(
        "Product changes to come that lack a signature of operations or sales: {}; the first takes"
        " effect on {}.",
        soon["change_count"],
        soon["first_date"],
    )
    return told, ((WORSE, look),)


def _effect(marts: Published) -> Words:
    found = marts.numbers(
        f"""
with told as (
    select measure, effect_status, {MEASURE_LABEL} as label, {MEASURE_ORDER} as place
    from marts.{EFFECTS} where grouped_by = 'all'
)
select count(*) filter (where effect_status <> 'too few') as told_count,
    string_agg(lower(label), ', ' order by place) filter (where effect_status = 'more') as more,
    string_agg(lower(label), ', ' order by place) filter (where effect_status = 'less') as less
from told
""",
        {"told_count": "count", "more": "text", "less": "text"},
    )
    if not found["told_count"].value:
        return ("There are too few changes to tell what they do to the plant.",)
    shown: Words = ()
    for name, word in (("more", "more"), ("less", "less")):
        if found[name].value:
            shown += words(
                f"After a change there is {word} of {{}} than without one. ", found[name]
            )
    return shown or words(
        "Of {} measures of the plant none moved more after a change than at a placebo date.",
        found["told_count"],
    )


def _load_chart(marts: Published) -> Part:
    import altair as alt

    labels = {
        "plant": "In the plant",
        "usual": "Per rep, median",
        "ninth": "Per rep, one in ten has more",
    }
    lines: altair.Chart = (
        alt.Chart(alt.NamedData("rows"))
        .transform_fold(list(labels), as_=["whose", "changes"])
        .mark_line(interpolate="step-after")
        .encode(
            x=alt.X("week_start:T", title=None),
            y=alt.Y("changes:Q", title="Active product changes"),
            color=labelled("whose", labels),
            tooltip=[
                alt.Tooltip("week_start:T", title="Week from"),
                *(alt.Tooltip(f"{name}:Q", title=label) for name, label in labels.items()),
            ],
        )
    )
    return marts.chart(
        "Product changes active at once, by week",
        words(
            "How many product changes were active in each week: in the plant, and for the reps as"
            " their median and ninth decile."
        ),
        specified(lines),
        f"""
select plant.week_start, plant.changes as plant, reps.usual, reps.ninth
from (
    select week_start, sum(active_change_count)::bigint as changes
    from marts.{PLANT_LOAD} where load_scope = 'plant' group by week_start
) as plant
left join (
    select week_start, median(active_change_count)::double as usual,
        quantile_cont(active_change_count, 0.9)::double as ninth
    from marts.{REP_LOAD} group by week_start
) as reps using (week_start)
""",
        {
            "week_start": Column("Week from", "date"),
            "plant": Column("In the plant", "count"),
            "usual": Column("Per rep, median", "number"),
            "ninth": Column("Per rep, ninth decile", "number"),
        },
        native=NativeChart("line", "week_start", tuple(labels)),
        note=("A change is active for some weeks before and after it takes effect, 8 as shipped.",),
    )


def _collisions(marts: Published) -> Part:
    return marts.table(
        "Where changes met in the last year",
        f"""
select case load_scope when 'product_family' then 'Product family' else 'Work centre' end as what,
    coalesce(work_center_name, scope_id) as name,
    count(*) filter (where loads.has_collision) as collided,
    count(*) as weeks, max(loads.active_change_count) as most,
    sum(loads.unsigned_taking_effect_count)::bigint as unsigned_count
from marts.{PLANT_LOAD} as loads
left join marts.dim_work_centers as centers
    on loads.load_scope = 'work_center' and centers.work_center_id = loads.scope_id
where loads.load_scope <> 'plant' and {LATELY}
group by load_scope, loads.source_system, scope_id, work_center_name
having count(*) filter (where loads.has_collision) > 0
order by load_scope, collided desc, name
""",
        (
            Column("Where"),
            Column("Name"),
            Column("Weeks with two or more", "count"),
            Column("Weeks", "count"),
            Column("Most at once", "count"),
            Column("Took effect unsigned", "count"),
        ),
        note=("Unsigned: operations or sales had not signed off before the day of effect.",),
    )


def _sign_offs(marts: Published) -> Part:
    return marts.table(
        "Signed off before effect",
        f"""
select {GROUP_LABEL} as told_by, group_value, change_count, operations_sign_off_rate,
    sales_sign_off_rate, both_sign_off_rate, both_sign_off_rate_suppressed_reason,
    objectives_per_product_change, without_objective_count
from marts.{SIGN_OFFS}
order by {GROUP_ORDER}, group_value, source_system
""",
        (
            Column("By"),
            Column("Group"),
            Column("Changes", "count"),
            Column("By operations", "rate"),
            Column("By sales", "rate"),
            Column("By both", "rate"),
            Column("No share because"),
            Column("Objectives per change", "number"),
            Column("Without objective", "count"),
        ),
    )


def _effects(marts: Published) -> Part:
    return marts.table(
        "What changes did to the plant: the weeks after against those before, per change",
        f"""
select {GROUP_LABEL} as told_by, group_value, {MEASURE_LABEL} as measure_label, change_count,
    mean_difference, mean_placebo_difference, net_change_count, mean_net_difference,
    mean_net_difference_low, mean_net_difference_high, {STATUS_LABEL} as verdict
from marts.{EFFECTS}
order by {GROUP_ORDER}, group_value, {MEASURE_ORDER}, source_system
""",
        (
            Column("By"),
            Column("Group"),
            Column("Measure"),
            Column("Changes", "count"),
            Column("After − before", "number"),
            Column("At the placebo date", "number"),
            Column("Changes with both", "count"),
            Column("What is left", "number"),
            Column("From", "number"),
            Column("To", "number"),
            Column("Verdict"),
        ),
        note=words(
            "As shipped, 8 weeks each. The placebo date is the same product half a year earlier,"
            " when nothing changed. From and to is a 95 % interval; the verdict allows for the"
            " number of lines told. Run hours say whether more was made at all."
        ),
    )


def _list(marts: Published) -> Part:
    return marts.table(
        "All product changes",
        f"""
select changes.product_change_id, coalesce(product_name, changes.product_id, 'unknown') as product,
    changes.product_family, change_type, size_class, effective_date, operations_signed_off_date,
    sales_signed_off_date, issued_objective_count, rep_count
from marts.{CHANGES} as changes
left join marts.dim_products as products on products.product_id = changes.product_id
order by effective_date desc, product_change_id
""",
        (
            Column("Change"),
            Column("Product"),
            Column("Product family"),
            Column("Kind"),
            Column("Size"),
            Column("Takes effect", "date"),
            Column("Signed by operations", "date"),
            Column("Signed by sales", "date"),
            Column("Objectives", "count"),
            Column("Reps with one", "count"),
        ),
        is_whole_list=True,
    )
