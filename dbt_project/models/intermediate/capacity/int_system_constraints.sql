-- Grain: one row per source system with a plant: its constraint of late
with
    mart_capacity_load_weekly as (select * from {{ ref("mart_capacity_load_weekly") }}),
    loaded as (
        select
            *,
            max(week_start_date) filter (load_rate > 0) over (
                partition by source_system
            ) as last_week_date,
        from mart_capacity_load_weekly
        where week_type != 'coming'
    ),
    loads as (
        select
            source_system,
            work_center_id,
            sum(load_rate_numerator) as load_hours,
            sum(load_rate_denominator) as available_hours,
            {{ safe_ratio("sum(load_rate_numerator)", "sum(load_rate_denominator)") }} as load_rate,
        from loaded
        where
            load_rate is not null
            and week_start_date <= last_week_date
            and week_start_date > last_week_date - 7 * {{ var("constraint_weeks") }}
        group by source_system, work_center_id
    ),
    final as (
        select
            source_system,
            work_center_id as constraint_work_center_id,
            round(load_hours, 9) as load_hours,
            round(available_hours, 9) as available_hours,
        from loads
        qualify
            row_number() over (
                partition by source_system order by round(load_rate, 9) desc, work_center_id
            )
            = 1
    )
select *
from final
