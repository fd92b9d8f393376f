-- Grain: one row per subject, measure, source system, period kind and method
with
    mart_early_warnings as (select * from {{ ref("mart_early_warnings") }}),
    counted as (
        select
            subject,
            measure,
            source_system,
            period_kind,
            method,
            count(*) as period_count,
            count(*) filter (where verdict = 'warned miss') as warned_miss_count,
            count(*) filter (where verdict = 'unwarned miss') as unwarned_miss_count,
            count(*) filter (where verdict = 'false alarm') as false_alarm_count,
            count(*) filter (where verdict = 'quiet') as quiet_count,
            count(*) filter (where is_withdrawn) as withdrawn_count,
            round(
                quantile_cont(lead_days, 0.5) filter (where verdict = 'warned miss'), 9
            ) as median_lead_days,
            min(lead_days) filter (where verdict = 'warned miss') as least_lead_days,
        from mart_early_warnings
        where verdict <> 'not over'
        group by subject, measure, source_system, period_kind, method
    ),
    accuracy as (
        select
            subject,
            measure,
            source_system,
            period_kind,
            method,
            period_count,
            warned_miss_count,
            unwarned_miss_count,
            false_alarm_count,
            quiet_count,
            withdrawn_count,
            {{
                rate_columns(
                    "recall_rate", "warned_miss_count", "warned_miss_count + unwarned_miss_count"
                ) | indent(12)
            }},
            {{
                rate_columns(
                    "false_alarm_rate",
                    "false_alarm_count",
                    "warned_miss_count + false_alarm_count",
                ) | indent(12)
            }},
            case
                when {{ suppressed_reason("warned_miss_count") }} is null
                then cast(median_lead_days as double)
            end as lead_time_p50_days,
            case
                when {{ suppressed_reason("warned_miss_count") }} is null then least_lead_days
            end as lead_time_least_days,
            {{ suppressed_reason("warned_miss_count") }} as lead_time_suppressed_reason,
        from counted
    )
select *
from accuracy
