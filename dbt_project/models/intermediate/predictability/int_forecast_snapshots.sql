-- Grain: one row per month end up to the as_of
with
    dim_dates as (select * from {{ ref("dim_dates") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    snapshots as (
        select distinct
            dim_dates.month_end as snapshot_date, dim_dates.month_start as snapshot_month,
        from dim_dates
        cross join run_settings
        where
            dim_dates.month_end <= run_settings.as_of_date
            and dim_dates.month_start
            >= run_settings.as_of_date - to_months({{ var("predictability_history_months") }})
    )
select *
from snapshots
