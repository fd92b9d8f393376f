-- Grain: one row per period that deals and lines are compared over
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    periods as (
        select
            'last_12_months' as period_kind,
            cast(
                date_trunc('month', as_of_date + 1) - interval 12 month as date
            ) as period_start_date,
            cast(date_trunc('month', as_of_date + 1) - interval 1 day as date) as period_end_date,
        from run_settings
        union all by name
        -- the one that runs ends with the as_of
        select
            'fiscal_year' as period_kind,
            dim_dates.fiscal_year_start as period_start_date,
            max(dim_dates.date_day) as period_end_date,
        from dim_dates
        inner join run_settings on dim_dates.date_day <= run_settings.as_of_date
        group by dim_dates.fiscal_year_start
    )
select *
from periods
