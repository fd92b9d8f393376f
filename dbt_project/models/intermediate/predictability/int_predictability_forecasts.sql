-- Grain: one row per subject, measure, source system, period kind, period, method and horizon
{%- set key = "subject, measure, source_system" %}
{%- set shares = {"p10": 0.10, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p90": 0.90} %}
with
    told as (select * from {{ ref("int_predictability_expected") }}),
    known_outcomes as (select * from {{ ref("int_predictability_outcomes_dated") }}),
    -- how far the method was off before, at the same horizon, as far as that was known
    earlier_errors as (
        select
            told.subject,
            told.measure,
            told.source_system,
            told.method,
            told.period_kind,
            told.period_start,
            told.horizon_months,
            earlier.period_start as earlier_start,
            sum(known_outcomes.amount order by known_outcomes.outcome_month)
            - any_value(earlier.expected) as error,
            count(*) as month_count,
        from told
        inner join
            told as earlier
            on told.subject = earlier.subject
            and told.measure = earlier.measure
            and told.source_system = earlier.source_system
            and told.method = earlier.method
            and told.period_kind = earlier.period_kind
            and told.horizon_months = earlier.horizon_months
            and told.snapshot_date >= earlier.period_end
        inner join
            known_outcomes
            on told.subject = known_outcomes.subject
            and told.measure = known_outcomes.measure
            and told.source_system = known_outcomes.source_system
            and earlier.period_start <= known_outcomes.outcome_month
            and earlier.period_end >= known_outcomes.outcome_month
            -- the last month end up to the forecast
            and known_outcomes.snapshot_date = case
                when told.snapshot_date = last_day(told.snapshot_date)
                then told.snapshot_date
                else cast(date_trunc('month', told.snapshot_date) as date) - 1
            end
        where told.p50 is null
        group by
            told.subject,
            told.measure,
            told.source_system,
            told.method,
            told.period_kind,
            told.period_start,
            told.horizon_months,
            earlier.period_start
    ),
    error_lists as (
        select
            {{ key }},
            method,
            period_kind,
            period_start,
            horizon_months,
            list_sort(list(error order by error)) as errors,
        from
            (
                select *
                from earlier_errors
                where month_count = case when period_kind = 'month' then 1 else 3 end
                qualify
                    row_number() over (
                        partition by {{ key }}, method, period_kind, period_start, horizon_months
                        order by earlier_start desc
                    )
                    <= {{ var("predictability_errors") }}
            ) as latest_errors
        group by {{ key }}, method, period_kind, period_start, horizon_months
        having count(*) >= {{ var("predictability_least_errors") }}
    ),
    forecasts as (
        select
            told.subject,
            told.measure,
            told.source_system,
            told.period_kind,
            told.period_start,
            told.period_end,
            told.method,
            told.horizon_months,
            told.snapshot_date as forecast_date,
            told.is_reconstructed,
            cast(round(told.expected, 2) as decimal(18, 2)) as expected,
            {% for name, share in shares.items() -%}
                cast(
                    round(
                        coalesce(
                            told.{{ name }},
                            greatest(
                                told.expected
                                + ({{ quantile_of_list("error_lists.errors", share) }}),
                                case when error_lists.errors is not null then 0 end
                            )
                        ),
                        2
                    ) as decimal(18, 2)
                ) as {{ name }},
            {% endfor -%}
            case
                when told.p50 is not null
                then 'simulation'
                when error_lists.errors is not null
                then 'earlier errors'
            end as interval_basis,
        from told
        left join
            error_lists
            on told.subject = error_lists.subject
            and told.measure = error_lists.measure
            and told.source_system = error_lists.source_system
            and told.method = error_lists.method
            and told.period_kind = error_lists.period_kind
            and told.period_start = error_lists.period_start
            and told.horizon_months = error_lists.horizon_months
    )
select *
from forecasts
