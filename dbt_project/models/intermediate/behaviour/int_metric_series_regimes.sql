-- Grain: one row per point of int_metric_series, with the documented process that it belongs to
with
    int_metric_series as (select * from {{ ref("int_metric_series") }}),
    process_changes as (select * from {{ ref("process_changes") }}),
    -- a period in which the process changed is still one of the old process
    regimes as (
        select
            int_metric_series.*,
            coalesce(process_changes.effective_on, date '0001-01-01') as regime_start,
            process_changes.process_change_id,
        from int_metric_series
        left join
            process_changes
            on process_changes.effective_on <= int_metric_series.period_start
            and coalesce(process_changes.metric, int_metric_series.metric)
            = int_metric_series.metric
            and coalesce(process_changes.source_system, int_metric_series.source_system)
            = int_metric_series.source_system
            and coalesce(process_changes.subject, int_metric_series.subject)
            = int_metric_series.subject
            and coalesce(process_changes.dimension, int_metric_series.dimension)
            = int_metric_series.dimension
            and coalesce(process_changes.member, int_metric_series.member)
            = int_metric_series.member
        qualify
            row_number() over (
                partition by
                    int_metric_series.metric,
                    int_metric_series.source_system,
                    int_metric_series.subject,
                    int_metric_series.dimension,
                    int_metric_series.member,
                    int_metric_series.period_start
                order by
                    process_changes.effective_on desc nulls last,
                    process_changes.process_change_id desc
            )
            = 1
    )
select *
from regimes
