-- Grain: one row per work centre and week: the hours it can work and those it did
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    dim_work_centers as (select * from {{ ref("dim_work_centers") }}),
    int_work_center_calendars_unioned as (
        select * from {{ ref("int_work_center_calendars_unioned") }}
    ),
    int_operation_hours as (select * from {{ ref("int_operation_hours") }}),
    int_plant_hours as (select * from {{ ref("int_plant_hours") }}),
    int_work_center_needs as (select * from {{ ref("int_work_center_needs") }}),
    -- a calendar whose weeks begin on another day counts in the week in which they begin
    calendars as (
        select
            source_system,
            work_center_id,
            cast(date_trunc('week', week_start) as date) as week_start_date,
            sum(available_hours) as available_hours,
            sum(overtime_hours) as overtime_hours,
        from int_work_center_calendars_unioned
        group by source_system, work_center_id, week_start_date
    ),
    -- after its last week a calendar goes on as it mostly was in the weeks before
    calendar_ends as (
        select work_center_id, max(week_start_date) as last_week_date,
        from calendars
        group by work_center_id
    ),
    carried_on as (
        select
            calendars.work_center_id,
            any_value(calendar_ends.last_week_date) as last_week_date,
            quantile_disc(calendars.available_hours, 0.5) as available_hours,
        from calendars
        inner join calendar_ends on calendars.work_center_id = calendar_ends.work_center_id
        where
            calendars.week_start_date
            > calendar_ends.last_week_date - 7 * {{ var("calendar_carried_weeks") }}
        group by calendars.work_center_id
    ),
    measured as (
        select
            source_system,
            work_center_id,
            week_start_date,
            sum(hours) as measured_hours,
            sum(hours) filter (report_type = 'breakdown') as breakdown_hours,
            count(*) as report_count,
        from int_operation_hours
        group by source_system, work_center_id, week_start_date
    ),
    -- an hour lies in the week in which it begins, by its UTC instant
    observed as (
        select
            source_system,
            cast(date_trunc('week', business_date(hour_at)) as date) as week_start_date,
            cast(count(*) filter (is_open) as double) as open_hours,
        from int_plant_hours
        group by source_system, week_start_date
    ),
    told_weeks as (
        select source_system, week_start_date,
        from calendars
        union
        select source_system, week_start_date,
        from measured
        union
        select source_system, week_start_date,
        from int_work_center_needs
    ),
    spans as (
        select
            told_weeks.source_system,
            min(told_weeks.week_start_date) as first_week_date,
            least(
                max(told_weeks.week_start_date),
                any_value(run_settings.as_of_date) + 7 * {{ var("capacity_weeks_ahead") }}
            ) as last_week_date,
        from told_weeks
        cross join run_settings
        group by told_weeks.source_system
    ),
    weeks as (
        select distinct
            dim_work_centers.source_system,
            dim_work_centers.work_center_id,
            dim_work_centers.available_hours_per_week,
            dim_dates.week_start as week_start_date,
        from dim_work_centers
        inner join spans on dim_work_centers.source_system = spans.source_system
        inner join
            dim_dates on dim_dates.week_start between spans.first_week_date and spans.last_week_date
    ),
    final as (
        select
            weeks.source_system,
            weeks.work_center_id,
            weeks.week_start_date,
            case
                when calendars.available_hours is not null
                then 'calendar'
                when weeks.week_start_date > carried_on.last_week_date
                then 'calendar carried on'
                when weeks.available_hours_per_week is not null
                then 'work centre'
                when observed.open_hours is not null
                then 'observed open hours'
            end as available_hours_basis,
            round(
                case
                    available_hours_basis
                    when 'calendar'
                    then calendars.available_hours
                    when 'calendar carried on'
                    then carried_on.available_hours
                    when 'work centre'
                    then weeks.available_hours_per_week
                    when 'observed open hours'
                    then observed.open_hours
                end,
                9
            ) as available_hours,
            calendars.overtime_hours,
            round(coalesce(measured.measured_hours, 0), 9) as measured_hours,
            round(coalesce(measured.breakdown_hours, 0), 9) as breakdown_hours,
            coalesce(measured.report_count, 0) as report_count,
        from weeks
        left join
            calendars
            on weeks.work_center_id = calendars.work_center_id
            and weeks.week_start_date = calendars.week_start_date
        left join carried_on on weeks.work_center_id = carried_on.work_center_id
        left join
            measured
            on weeks.work_center_id = measured.work_center_id
            and weeks.week_start_date = measured.week_start_date
        left join
            observed
            on weeks.source_system = observed.source_system
            and weeks.week_start_date = observed.week_start_date
    )
select *
from final
