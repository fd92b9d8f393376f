-- Grain: one row per subject, measure, source system, period kind, period and method
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    mart_predictability_forecasts as (select * from {{ ref("mart_predictability_forecasts") }}),
    told as (
        select forecasts.*,
        from mart_predictability_forecasts as forecasts
        cross join run_settings
        where
            forecasts.is_shortfall is not null
            -- a usual month says nothing against itself
            and not (forecasts.target_basis = 'usual month' and forecasts.method = 'run_rate')
            and (
                forecasts.period_end > run_settings.as_of_date
                or forecasts.period_start
                >= date_trunc('month', run_settings.as_of_date + 1)
                - to_months({{ var("predictability_months") }})
            )
    ),
    -- a shortfall stays when every later forecast up to the end of the period shows it too
    judged as (
        select
            *,
            bool_and(is_shortfall) over (
                partition by subject, measure, source_system, period_kind, period_start, method
                order by forecast_date asc, horizon_months desc
                rows between current row and unbounded following
            ) as is_standing,
        from told
    ),
    periods as (
        select
            subject,
            measure,
            source_system,
            period_kind,
            period_start,
            period_end,
            method,
            count(*) as forecast_count,
            arg_min_null(target, horizon_months) as target,
            arg_min_null(target_basis, horizon_months) as target_basis,
            arg_min_null(coalesce(p50, expected), horizon_months) as latest_middle,
            arg_min_null(is_sure_shortfall, horizon_months) as is_sure_shortfall,
            any_value(actual) as actual,
            bool_or(is_standing) as is_warned,
            bool_or(is_shortfall) as is_ever_warned,
            min(forecast_date) filter (where is_standing) as warned_date,
        from judged
        group by subject, measure, source_system, period_kind, period_start, period_end, method
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
            forecast_count,
            target,
            target_basis,
            latest_middle,
            actual,
            actual < target as is_missed,
            is_warned,
            is_ever_warned and not is_warned as is_withdrawn,
            coalesce(is_sure_shortfall, false) and is_warned as is_sure,
            warned_date,
            cast(period_end - warned_date as bigint) as lead_days,
            case
                when actual is null
                then 'not over'
                when actual < target and is_warned
                then 'warned miss'
                when actual < target
                then 'unwarned miss'
                when is_warned
                then 'false alarm'
                else 'quiet'
            end as verdict,
        from periods
    )
select *
from final
