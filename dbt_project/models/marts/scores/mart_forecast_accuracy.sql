-- Grain: one row per source system, method, period kind and horizon
with
    mart_forecast_monthly as (select * from {{ ref("mart_forecast_monthly") }}),
    -- of what was forecast, what is over
    scored as (
        select
            source_system,
            method,
            period_kind,
            horizon_months,
            count(*) as forecast_count,
            sum(actual_amount) as actual_amount,
            sum(error_amount) as error_amount,
            sum(absolute_error_amount) as absolute_error_amount,
            count(is_within_50) as interval_count,
            count(*) filter (where is_within_50) as within_50_count,
            count(*) filter (where is_within_80) as within_80_count,
        from mart_forecast_monthly
        where error_amount is not null
        group by source_system, method, period_kind, horizon_months
    ),
    accuracy as (
        {%- set nothing_booked %}case when actual_amount = 0 then 'nothing was booked' end
        {%- endset %}
        select
            source_system,
            method,
            period_kind,
            horizon_months,
            forecast_count,
            {{
                rate_columns(
                    "bias",
                    "cast(error_amount as decimal(18, 2))",
                    "cast(actual_amount as decimal(18, 2))",
                    n="forecast_count",
                    reason=nothing_booked,
                ) | indent(12)
            }},
            {{
                rate_columns(
                    "wape",
                    "cast(absolute_error_amount as decimal(18, 2))",
                    "cast(actual_amount as decimal(18, 2))",
                    n="forecast_count",
                    reason=nothing_booked,
                ) | indent(12)
            }},
            {{ rate_columns("within_50_rate", "within_50_count", "interval_count") | indent(12) }},
            {{ rate_columns("within_80_rate", "within_80_count", "interval_count") | indent(12) }},
        from scored
    )
select *
from accuracy
