-- Grain: one row per source system, rep, period kind, period and submission
with
    int_forecast_submissions_unioned as (
        select * from {{ ref("int_forecast_submissions_unioned") }}
    ),
    int_fx_rates_dated as (select * from {{ ref("int_fx_rates_dated") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    submissions as (
        select
            commits.source_system,
            commits.rep_id,
            commits.period_start,
            commits.submitted_at,
            greatest(
                business_date(commits.submitted_at), business_date(commits.recorded_at)
            ) as known_from_date,
            commits.commit_amount,
            coalesce(commits.currency, run_settings.base_currency) as currency,
            case
                when commits.period_start <> date_trunc('month', commits.period_start)
                then null
                when commits.period_end = last_day(commits.period_start)
                then 'month'
                when
                    commits.period_end
                    = last_day(cast(commits.period_start + interval 2 month as date))
                then 'fiscal_quarter'
            end as period_kind,
        from int_forecast_submissions_unioned as commits
        cross join run_settings
    ),
    priced as (
        select
            submissions.source_system,
            submissions.rep_id,
            submissions.period_kind,
            submissions.period_start,
            submissions.submitted_at,
            submissions.known_from_date,
            round(submissions.commit_amount * int_fx_rates_dated.fx_rate, 2) as commit_amount_base,
        from submissions
        left join
            int_fx_rates_dated
            on {{
                rate_in_force(
                    "int_fx_rates_dated",
                    "submissions.currency",
                    "business_date(submissions.submitted_at)",
                )
            }}
        where submissions.period_kind is not null
    )
select *
from priced
