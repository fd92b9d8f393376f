-- Grain: one row per product change that names its date, and measure
with
    fct_product_changes as (select * from {{ ref("fct_product_changes") }}),
    windows as (select * from {{ ref("int_product_change_windows") }}),
    product_days as (select * from {{ ref("int_product_days_measured") }}),
    measures as (select distinct measure from product_days),
    -- the days a system tells of: before the first and after the last nothing is known
    logs as (
        select source_system, measure, min(day) as first_day, max(day) as last_day,
        from product_days
        group by source_system, measure
    ),
    measured_products as (select distinct product_id, measure from product_days),
    judged as (
        select
            windows.*,
            measures.measure,
            case
                when windows.product_id is null
                then 'no product named'
                when logs.measure is null
                then 'not reported'
                when measured_products.measure is null
                then 'not reported of the product'
                when windows.window_from < logs.first_day
                then 'begins before what is reported'
                when windows.window_to - 1 > logs.last_day
                then 'not over yet'
                when windows.date_kind = 'placebo' and windows.other_change_count > 0
                then 'another change of the product'
            end as missing_reason,
        from windows
        cross join measures
        left join
            logs on logs.source_system = windows.source_system and logs.measure = measures.measure
        left join
            measured_products
            on measured_products.product_id = windows.product_id
            and measured_products.measure = measures.measure
    ),
    totals as (
        select
            judged.product_change_id,
            judged.measure,
            judged.date_kind,
            judged.side,
            judged.turns_on,
            judged.other_change_count,
            judged.missing_reason,
            case
                when judged.missing_reason is null
                then cast(coalesce(sum(product_days.value), 0) as double)
            end as value,
        from judged
        left join
            product_days
            on product_days.product_id = judged.product_id
            and product_days.measure = judged.measure
            and product_days.day >= judged.window_from
            and product_days.day < judged.window_to
        group by
            judged.product_change_id,
            judged.measure,
            judged.date_kind,
            judged.side,
            judged.turns_on,
            judged.other_change_count,
            judged.missing_reason
    ),
    paired as (
        select
            product_change_id,
            measure,
            any_value(turns_on) filter (where date_kind = 'placebo') as placebo_date,
            any_value(other_change_count) filter (where date_kind = 'change') as other_change_count,
            {% for kind, prefix in [("change", ""), ("placebo", "placebo_")] %}
                {% for side in ["before", "after"] %}
                    max(value) filter (
                        where date_kind = '{{ kind }}' and side = '{{ side }}'
                    ) as {{ prefix }}{{ side }}_value,
                {% endfor %}
                coalesce(
                    max(missing_reason) filter (where date_kind = '{{ kind }}' and side = 'before'),
                    max(missing_reason) filter (where date_kind = '{{ kind }}' and side = 'after')
                ) as {{ prefix }}missing_reason,
            {% endfor %}
        from totals
        group by product_change_id, measure
    ),
    effects as (
        select
            paired.product_change_id,
            paired.measure,
            fct_product_changes.source_system,
            fct_product_changes.product_id,
            fct_product_changes.product_family,
            fct_product_changes.change_type,
            fct_product_changes.size_class,
            fct_product_changes.effective_date,
            paired.other_change_count,
            round(paired.before_value, 9) as before_value,
            round(paired.after_value, 9) as after_value,
            round(paired.after_value - paired.before_value, 9) as difference,
            paired.missing_reason,
            paired.placebo_date,
            round(paired.placebo_before_value, 9) as placebo_before_value,
            round(paired.placebo_after_value, 9) as placebo_after_value,
            round(
                paired.placebo_after_value - paired.placebo_before_value, 9
            ) as placebo_difference,
            paired.placebo_missing_reason,
            round(
                paired.after_value
                - paired.before_value
                - (paired.placebo_after_value - paired.placebo_before_value),
                9
            ) as net_difference,
        from paired
        inner join
            fct_product_changes on fct_product_changes.product_change_id = paired.product_change_id
    )
select *
from effects
