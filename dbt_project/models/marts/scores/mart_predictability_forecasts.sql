-- Grain: one row per subject, measure, source system, period kind, period, method and horizon
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_predictability_forecasts as (select * from {{ ref("int_predictability_forecasts") }}),
    int_predictability_outcomes as (select * from {{ ref("int_predictability_outcomes") }}),
    int_quota_targets as (select * from {{ ref("int_quota_targets") }}),
    periods as (
        select distinct
            forecasts.subject,
            forecasts.measure,
            forecasts.source_system,
            forecasts.period_kind,
            forecasts.period_start,
            forecasts.period_end,
        from int_predictability_forecasts as forecasts
        cross join run_settings
        where forecasts.period_end <= run_settings.as_of_date
    ),
    actuals as (
        select
            periods.subject,
            periods.measure,
            periods.source_system,
            periods.period_kind,
            periods.period_start,
            cast(coalesce(sum(outcomes.amount), 0) as decimal(18, 2)) as actual,
        from periods
        left join
            int_predictability_outcomes as outcomes
            on periods.subject = outcomes.subject
            and periods.measure = outcomes.measure
            and periods.source_system = outcomes.source_system
            and periods.period_start <= outcomes.outcome_month
            and periods.period_end >= outcomes.outcome_month
        group by
            periods.subject,
            periods.measure,
            periods.source_system,
            periods.period_kind,
            periods.period_start
    ),
    -- nobody sets a target for output: a usual month, as it was known then, stands for one
    usual as (
        select
            subject,
            measure,
            source_system,
            period_kind,
            period_start,
            horizon_months,
            expected as usual_output,
        from int_predictability_forecasts
        where method = 'run_rate' and subject <> 'bookings'
    ),
    compared as (
        select
            forecasts.*,
            cast(
                coalesce(int_quota_targets.target_amount, usual.usual_output) as decimal(18, 2)
            ) as target,
            case
                when int_quota_targets.target_amount is not null
                then 'quota'
                when usual.usual_output is not null
                then 'usual month'
            end as target_basis,
            actuals.actual,
            case
                when
                    lag(forecasts.horizon_months) over earlier_forecast
                    = forecasts.horizon_months + 1
                then lag(forecasts.expected) over earlier_forecast
            end as previous_expected,
        from int_predictability_forecasts as forecasts
        left join
            actuals
            on forecasts.subject = actuals.subject
            and forecasts.measure = actuals.measure
            and forecasts.source_system = actuals.source_system
            and forecasts.period_kind = actuals.period_kind
            and forecasts.period_start = actuals.period_start
        left join
            int_quota_targets
            on forecasts.subject = 'bookings'
            and forecasts.source_system = int_quota_targets.source_system
            and forecasts.period_kind = int_quota_targets.period_kind
            and forecasts.period_start = int_quota_targets.period_start
        left join
            usual
            on forecasts.subject = usual.subject
            and forecasts.measure = usual.measure
            and forecasts.source_system = usual.source_system
            and forecasts.period_kind = usual.period_kind
            and forecasts.period_start = usual.period_start
            and forecasts.horizon_months = usual.horizon_months
        window
            earlier_forecast as (
                partition by
                    forecasts.subject,
                    forecasts.measure,
                    forecasts.source_system,
                    forecasts.period_kind,
                    forecasts.period_start,
                    forecasts.method
                order by forecasts.horizon_months desc
            )
    ),
    final as (
        select
            subject,
            measure,
            source_system,
            period_kind,
            period_start,
            period_end,
            method,
            horizon_months,
            forecast_date,
            is_reconstructed,
            expected,
            {% for name in ["p10", "p25", "p50", "p75", "p90"] -%} {{ name }}, {% endfor -%}
            interval_basis,
            cast(p50 - p10 as decimal(18, 2)) as at_risk,
            target,
            target_basis,
            -- what a method says of the target: its middle, where it has one
            coalesce(p50, expected) < target as is_shortfall,
            p90 < target as is_sure_shortfall,
            actual,
            cast(expected - actual as decimal(18, 2)) as error,
            cast(abs(expected - actual) as decimal(18, 2)) as absolute_error,
            cast(expected - previous_expected as decimal(18, 2)) as revision,
            actual between p25 and p75 as is_within_50,
            actual between p10 and p90 as is_within_80,
        from compared
    )
select *
from final
