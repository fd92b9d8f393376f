-- Grain: one row per forecast date, source system, period kind, period and method
with
    int_bookings_forecasts as (select * from {{ ref("int_bookings_forecasts") }}),
    int_quota_targets as (select * from {{ ref("int_quota_targets") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    bookings as (
        select
            source_system,
            close_month,
            sum(amount_base) as booked_amount,
            count(*) filter (where is_unpriced) as n_unpriced,
        from fct_opportunities
        where outcome = 'won' and close_month is not null
        group by source_system, close_month
    ),
    periods as (
        select distinct
            int_bookings_forecasts.source_system,
            int_bookings_forecasts.period_kind,
            int_bookings_forecasts.period_start,
            int_bookings_forecasts.period_end,
        from int_bookings_forecasts
        cross join run_settings
        where int_bookings_forecasts.period_end <= run_settings.as_of_date
    ),
    actuals as (
        select
            periods.source_system,
            periods.period_kind,
            periods.period_start,
            coalesce(sum(bookings.booked_amount), 0) as actual_amount,
            coalesce(sum(bookings.n_unpriced), 0) as actual_unpriced_count,
        from periods
        left join
            bookings
            on periods.source_system = bookings.source_system
            and bookings.close_month >= periods.period_start
            and bookings.close_month <= periods.period_end
        group by periods.source_system, periods.period_kind, periods.period_start
    ),
    forecasts as (
        select
            frozen.forecast_date,
            frozen.source_system,
            frozen.period_kind,
            frozen.period_start,
            frozen.period_end,
            frozen.horizon_months,
            frozen.method,
            frozen.status,
            frozen.expected_amount,
            frozen.booked_amount,
            frozen.open_deals_amount,
            frozen.new_business_amount,
            frozen.p10_amount,
            frozen.p25_amount,
            frozen.p50_amount,
            frozen.p75_amount,
            frozen.p90_amount,
            cast(frozen.p50_amount - frozen.p10_amount as decimal(18, 2)) as at_risk_amount,
            cast(actuals.actual_amount as decimal(18, 2)) as actual_amount,
            cast(frozen.expected_amount - actuals.actual_amount as decimal(18, 2)) as error_amount,
            cast(
                abs(frozen.expected_amount - actuals.actual_amount) as decimal(18, 2)
            ) as absolute_error_amount,
            actuals.actual_amount between frozen.p25_amount and frozen.p75_amount as is_within_50,
            actuals.actual_amount between frozen.p10_amount and frozen.p90_amount as is_within_80,
            frozen.open_deal_count,
            frozen.n_unpriced,
            frozen.without_amount_count,
            frozen.without_probability_count,
            frozen.without_date_count,
            frozen.submission_count,
            cast(actuals.actual_unpriced_count as bigint) as actual_unpriced_count,
            frozen.model_version,
            frozen.scored_at,
            int_quota_targets.target_amount,
        from int_bookings_forecasts as frozen
        left join
            actuals
            on frozen.source_system = actuals.source_system
            and frozen.period_kind = actuals.period_kind
            and frozen.period_start = actuals.period_start
        left join
            int_quota_targets
            on frozen.source_system = int_quota_targets.source_system
            and frozen.period_kind = int_quota_targets.period_kind
            and frozen.period_start = int_quota_targets.period_start
    )
select *
from forecasts
