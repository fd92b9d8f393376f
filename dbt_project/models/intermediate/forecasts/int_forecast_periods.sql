-- Grain: one row per period kind and period that is not over at the as_of
with
    dim_dates as (select * from {{ ref("dim_dates") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    periods as (
        select distinct
            'month' as period_kind, month_start as period_start, month_end as period_end,
        from dim_dates
        union all
        select distinct
            'fiscal_quarter' as period_kind,
            fiscal_quarter_start as period_start,
            last_day(fiscal_quarter_start + interval 2 month) as period_end,
        from dim_dates
    ),
    ahead as (
        select
            periods.period_kind,
            periods.period_start,
            periods.period_end,
            date_diff('month', run_settings.as_of_date, periods.period_end) as horizon_months,
        from periods
        cross join run_settings
        where
            periods.period_end > run_settings.as_of_date
            and date_diff('month', run_settings.as_of_date, periods.period_end)
            <= {{ var("forecast_horizon_months") }}
    )
select *
from ahead
