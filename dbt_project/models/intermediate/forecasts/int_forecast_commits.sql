-- Grain: one row per source system, period kind and period
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
    latest as (
        select *
        from submissions
        where period_kind is not null
        qualify
            row_number() over (
                partition by source_system, rep_id, period_kind, period_start
                order by submitted_at desc
            )
            = 1
    ),
    priced as (
        select
            latest.*,
            round(latest.commit_amount * int_fx_rates_dated.fx_rate, 2) as commit_amount_base,
        from latest
        left join
            int_fx_rates_dated
            on {{
                rate_in_force(
                    "int_fx_rates_dated",
                    "latest.currency",
                    "business_date(latest.submitted_at)",
                )
            }}
    ),
    commits as (
        select
            source_system,
            period_kind,
            period_start,
            cast(sum(commit_amount_base) as decimal(18, 2)) as commit_amount,
            count(*) as submission_count,
            count(*) filter (where commit_amount_base is null) as n_unpriced,
        from priced
        group by source_system, period_kind, period_start
    )
select *
from commits
