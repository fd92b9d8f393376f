-- Grain: one row per product change, kind of date (change, placebo) and side of it (before, after)
with
    product_changes as (select * from {{ ref("int_product_changes_unioned") }}),
    kinds as (
        select 'change' as date_kind, 0 as days_earlier
        union all
        select 'placebo' as date_kind, 7 * {{ var("change_placebo_weeks") }} as days_earlier
    ),
    dates as (
        select
            product_changes.product_change_id,
            product_changes.source_system,
            product_changes.product_id,
            kinds.date_kind,
            product_changes.effective_on - kinds.days_earlier as turns_on,
        from product_changes
        cross join kinds
        where product_changes.effective_on is not null
    ),
    -- what else took effect on the product between the first and the last day of both windows
    others as (
        select
            dates.product_change_id,
            dates.date_kind,
            count(product_changes.product_change_id) as other_change_count,
        from dates
        left join
            product_changes
            on product_changes.product_id = dates.product_id
            and product_changes.product_change_id <> dates.product_change_id
            and product_changes.effective_on
            >= dates.turns_on - 7 * {{ var("change_window_weeks") }}
            and product_changes.effective_on < dates.turns_on + 7 * {{ var("change_window_weeks") }}
        group by dates.product_change_id, dates.date_kind
    ),
    sides as (
        select 'before' as side, -7 * {{ var("change_window_weeks") }} as first_day, 0 as end_day
        union all
        select 'after' as side, 0 as first_day, 7 * {{ var("change_window_weeks") }} as end_day
    ),
    windows as (
        select
            dates.product_change_id,
            dates.date_kind,
            sides.side,
            dates.source_system,
            dates.product_id,
            dates.turns_on,
            dates.turns_on + sides.first_day as window_from,
            dates.turns_on + sides.end_day as window_to,
            others.other_change_count,
        from dates
        cross join sides
        inner join
            others
            on others.product_change_id = dates.product_change_id
            and others.date_kind = dates.date_kind
    )
select *
from windows
