-- Grain: one row per source system, period kind and period
with
    int_forecast_submissions_priced as (select * from {{ ref("int_forecast_submissions_priced") }}),
    latest as (
        select *
        from int_forecast_submissions_priced
        qualify
            row_number() over (
                partition by source_system, rep_id, period_kind, period_start
                order by submitted_at desc
            )
            = 1
    ),
    commits as (
        select
            source_system,
            period_kind,
            period_start,
            cast(sum(commit_amount_base) as decimal(18, 2)) as commit_amount,
            count(*) as submission_count,
            count(*) filter (where commit_amount_base is null) as n_unpriced,
        from latest
        group by source_system, period_kind, period_start
    )
select *
from commits
