-- What do we expect to book in the coming months, by score and by what reps commit?
-- Each method is a row of its own; intervals only where the method has one.
with
    forecasts as (select * from {{ ref("mart_forecast_monthly") }}),
    last_forecast as (
        select source_system, max(forecast_date) as forecast_date,
        from forecasts
        group by source_system
    )
select
    forecasts.source_system,
    forecasts.period_start,
    forecasts.method,
    forecasts.status,
    forecasts.expected_amount,
    forecasts.p10_amount,
    forecasts.p90_amount,
from forecasts
inner join
    last_forecast
    on forecasts.source_system = last_forecast.source_system
    and forecasts.forecast_date = last_forecast.forecast_date
where forecasts.period_kind = 'month'
order by forecasts.source_system, forecasts.period_start, forecasts.method
