-- Grain: one row per subject, measure, source system, period kind, method and horizon
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    mart_predictability_forecasts as (select * from {{ ref("mart_predictability_forecasts") }}),
    scored as (
        select
            forecasts.subject,
            forecasts.measure,
            forecasts.source_system,
            forecasts.period_kind,
            forecasts.method,
            forecasts.horizon_months,
            min(forecasts.period_start) as first_period_date,
            max(forecasts.period_start) as last_period_date,
            count(*) as forecast_count,
            count(*) filter (where forecasts.is_reconstructed) as reconstructed_count,
            sum(forecasts.actual) as actual,
            sum(forecasts.error) as error,
            sum(forecasts.absolute_error) as absolute_error,
            sum(abs(forecasts.revision)) as revision,
            sum(forecasts.actual) filter (where forecasts.revision is not null) as revised_actual,
            count(forecasts.revision) as revision_count,
            count(forecasts.is_within_50) as interval_count,
            count(*) filter (where forecasts.is_within_50) as within_50_count,
            count(*) filter (where forecasts.is_within_80) as within_80_count,
        from mart_predictability_forecasts as forecasts
        cross join run_settings
        where
            forecasts.error is not null
            and forecasts.period_start
            >= date_trunc('month', run_settings.as_of_date + 1)
            - to_months({{ var("predictability_months") }})
        group by
            forecasts.subject,
            forecasts.measure,
            forecasts.source_system,
            forecasts.period_kind,
            forecasts.method,
            forecasts.horizon_months
    ),
    predictability as (
        select
            subject,
            measure,
            source_system,
            period_kind,
            method,
            horizon_months,
            first_period_date,
            last_period_date,
            forecast_count,
            reconstructed_count,
            {% for name, numerator, denominator, n in [
                ("bias", "error", "actual", "forecast_count"),
                ("wape", "absolute_error", "actual", "forecast_count"),
                ("revision", "revision", "revised_actual", "revision_count"),
            ] -%}
                {%- set nothing_came -%}
                    case when {{ denominator }} = 0 then 'nothing came' end
                {%- endset -%}
                {{
                    rate_columns(
                        name,
                        "cast(" ~ numerator ~ " as decimal(18, 2))",
                        "cast(" ~ denominator ~ " as decimal(18, 2))",
                        n=n,
                        reason=nothing_came,
                    ) | indent(16)
                }},
            {% endfor -%}
            {{ rate_columns("within_50_rate", "within_50_count", "interval_count") | indent(12) }},
            {{ rate_columns("within_80_rate", "within_80_count", "interval_count") | indent(12) }},
        from scored
    )
select *
from predictability
