-- Grain: one row per source system, work centre and week
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_work_center_weeks as (select * from {{ ref("int_work_center_weeks") }}),
    int_work_center_needs as (select * from {{ ref("int_work_center_needs") }}),
    booked_systems as (
        select distinct source_system from int_work_center_needs where needed_hours > 0
    ),
    joined as (
        select
            int_work_center_weeks.*,
            cast(date_trunc('week', run_settings.as_of_date) as date) as as_of_week,
            case
                when int_work_center_weeks.week_start_date < as_of_week
                then 'past'
                when int_work_center_weeks.week_start_date = as_of_week
                then 'current'
                else 'coming'
            end as week_type,
            coalesce(
                case
                    when week_type = 'past'
                    then int_work_center_needs.needed_hours
                    else int_work_center_needs.open_hours
                end,
                0
            ) as booked_hours,
            coalesce(int_work_center_needs.overdue_hours, 0) as overdue_hours,
            coalesce(int_work_center_needs.weighted_pipeline_hours, 0) as weighted_pipeline_hours,
            case
                when booked_systems.source_system is null
                then 'measured'
                when week_type = 'current'
                then 'booked and measured'
                else 'booked'
            end as load_basis,
        from int_work_center_weeks
        cross join run_settings
        left join
            int_work_center_needs
            on int_work_center_weeks.source_system = int_work_center_needs.source_system
            and int_work_center_weeks.work_center_id = int_work_center_needs.work_center_id
            and int_work_center_weeks.week_start_date = int_work_center_needs.week_start_date
        left join
            booked_systems on int_work_center_weeks.source_system = booked_systems.source_system
    ),
    loaded as (
        select
            *,
            case
                load_basis
                when 'booked'
                then booked_hours
                when 'measured'
                then measured_hours
                else booked_hours + measured_hours
            end as load_hours,
            -- a week without capacity has no load, however much is needed
            case
                when available_hours is null
                then 'capacity unknown'
                when available_hours <= 0
                then 'no capacity'
            end as suppressed_reason,
            case
                when suppressed_reason is not null
                then suppressed_reason
                when week_type != 'past'
                then 'week not over'
            end as measured_suppressed_reason,
        from joined
    ),
    rated as (
        select
            *,
            {%- for name, hours, reason in [
                ("load_rate", "load_hours", "suppressed_reason"),
                (
                    "load_with_pipeline_rate",
                    "load_hours + weighted_pipeline_hours",
                    "suppressed_reason",
                ),
                ("measured_load_rate", "measured_hours", "measured_suppressed_reason"),
            ] %}
                round({{ hours }}, 9) as {{ name }}_numerator,
                available_hours as {{ name }}_denominator,
                case
                    when {{ reason }} is null
                    then round({{ safe_ratio(hours, "available_hours") }}, 9)
                end as {{ name }},
                {{ reason }} as {{ name }}_suppressed_reason,
            {%- endfor %}
        from loaded
    ),
    -- the most loaded work centre of the week, or those that share the highest load
    constrained as (
        select
            *,
            coalesce(
                load_rate > 0
                and load_rate = max(load_rate) over (partition by source_system, week_start_date),
                false
            ) as is_constraint,
            coalesce(
                measured_load_rate > 0
                and measured_load_rate
                = max(measured_load_rate) over (partition by source_system, week_start_date),
                false
            ) as is_measured_constraint,
        from rated
    ),
    final as (
        select
            source_system,
            work_center_id,
            week_start_date,
            week_type,
            available_hours,
            available_hours_basis,
            overtime_hours,
            booked_hours,
            overdue_hours,
            weighted_pipeline_hours,
            measured_hours,
            breakdown_hours,
            report_count,
            load_basis,
            {%- for name in ["load_rate", "load_with_pipeline_rate", "measured_load_rate"] %}
                {{ name }}_numerator,
                {{ name }}_denominator,
                {{ name }},
                {{ name }}_suppressed_reason,
            {%- endfor %}
            is_constraint,
            count(*) filter (where is_constraint) over (
                partition by source_system, week_start_date
            ) as constraint_count,
            is_measured_constraint,
        from constrained
    )
select *
from final
