-- Grain: one row per opportunity of int_deals_told and period in which it closed
with
    int_deals_told as (select * from {{ ref("int_deals_told") }}),
    int_compared_periods as (select * from {{ ref("int_compared_periods") }}),
    deals as (
        select
            int_compared_periods.period_kind,
            int_compared_periods.period_start_date,
            int_compared_periods.period_end_date,
            int_deals_told.*,
        from int_deals_told
        inner join
            int_compared_periods
            on int_deals_told.closed_date >= int_compared_periods.period_start_date
            and int_deals_told.closed_date <= int_compared_periods.period_end_date
    )
select *
from deals
