-- Grain: one row per series and documented process: the baseline that its points give today
{%- set series = "metric, source_system, subject, dimension, member, period_kind, regime_start" %}
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_metric_series_regimes as (select * from {{ ref("int_metric_series_regimes") }}),
    numbered_points as (
        select
            *,
            row_number() over (partition by {{ series }} order by period_start) as place,
            max(period_start) over (partition by {{ series }}) as last_period,
        from int_metric_series_regimes
    ),
    fiscal_points as (
        select
            numbered_points.*,
            make_date(
                year(last_period)
                - cast(month(last_period) < run_settings.fiscal_year_start_month as integer),
                run_settings.fiscal_year_start_month,
                1
            ) as fiscal_year_start,
        from numbered_points
        cross join run_settings
    ),
    counted_points as (
        select
            *,
            count(*) filter (where period_start < fiscal_year_start) over (
                partition by {{ series }}
            ) as earlier_count,
        from fiscal_points
    ),
    -- the last whole year and more before the fiscal year; else the first points that there are
    baseline_points as (
        select *,
        from counted_points
        where
            period_start < last_period
            and case
                when earlier_count >= {{ var("baseline_enough") }}
                then
                    place <= earlier_count
                    and place
                    > earlier_count
                    - case
                        period_kind
                        {% for kind, most in var("baseline_most").items() %}
                            when '{{ kind }}' then {{ most }}
                        {% endfor %}
                    end
                else place <= {{ var("baseline_enough") }}
            end
    ),
    centred_points as (
        select
            *,
            case
                when measure_kind = 'rate'
                then
                    sum(numerator) over (partition by {{ series }})
                    / nullif(sum(denominator) over (partition by {{ series }}), 0)
                else avg(value) over (partition by {{ series }})
            end as centre,
        from baseline_points
    ),
    -- a rate is told in standard errors of its own cases, a value as it is
    scaled_points as (
        select
            *,
            (value - centre) / nullif(
                case
                    when measure_kind = 'rate'
                    then sqrt(greatest(centre * (1 - centre), 0) / nullif(denominator, 0))
                    else 1.0
                end,
                0
            ) as distance,
        from centred_points
    ),
    ranged_points as (
        select
            *,
            abs(
                distance - lag(distance) over (partition by {{ series }} order by period_start)
            ) as moving_range,
        from scaled_points
    ),
    baselines as (
        select
            metric,
            source_system,
            subject,
            dimension,
            member,
            period_kind,
            regime_start,
            count(*) as baseline_count,
            min(period_start) as baseline_start,
            max(period_start) as baseline_end,
            round(any_value(centre), 9) as centre,
            round(avg(moving_range order by period_start), 9) as mean_moving_range,
            count(*) >= {{ var("baseline_enough") }} as is_enough,
        from ranged_points
        group by metric, source_system, subject, dimension, member, period_kind, regime_start
    )
select *
from baselines
