-- Grain: one row per source system, month and work centre
with
    int_best_mix_products as (select * from {{ ref("int_best_mix_products") }}),
    int_work_center_weeks as (select * from {{ ref("int_work_center_weeks") }}),
    dim_work_centers as (select * from {{ ref("dim_work_centers") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    months as (select distinct source_system, period_month, from int_best_mix_products),
    -- the hours of a week are those of its working days, else of all seven
    days as (
        select
            week_start as week_start_date,
            month_start as period_month,
            case
                when count(*) filter (is_working_day) over week = 0
                then {{ safe_ratio("1", "count(*) over week") }}
                when is_working_day
                then {{ safe_ratio("1", "count(*) filter (is_working_day) over week") }}
                else 0
            end as week_share,
        from dim_dates
        window week as (partition by week_start)
    ),
    shares as (
        select week_start_date, period_month, sum(week_share) as week_share,
        from days
        group by week_start_date, period_month
    ),
    weekly as (
        select
            months.source_system,
            months.period_month,
            dim_work_centers.work_center_id,
            shares.week_share,
            int_work_center_weeks.available_hours,
        from months
        inner join dim_work_centers on months.source_system = dim_work_centers.source_system
        inner join shares on months.period_month = shares.period_month
        left join
            int_work_center_weeks
            on dim_work_centers.work_center_id = int_work_center_weeks.work_center_id
            and shares.week_start_date = int_work_center_weeks.week_start_date
    ),
    monthly as (
        select
            weekly.source_system,
            weekly.period_month,
            weekly.work_center_id,
            min(dim_work_centers.work_center_name) as work_center_name,
            -- a week of which nothing is known makes the month unknown: it then limits nothing
            case
                when count(weekly.available_hours) = count(*)
                then round(sum(weekly.available_hours * weekly.week_share), 9)
            end as available_hours,
        from weekly
        inner join dim_work_centers on weekly.work_center_id = dim_work_centers.work_center_id
        group by weekly.source_system, weekly.period_month, weekly.work_center_id
    ),
    known as (select * from monthly where available_hours is not null)
select *
from known
