-- Grain: one row per point of int_metric_series, with the documented process that it belongs to
with
    int_metric_series as (select * from {{ ref("int_metric_series") }}),
    process_changes as (select * from {{ ref("process_changes") }}),
    -- a period in which the process changed is still one of the old process
    matched_changes as (
        select int_metric_series.*, process_changes.effective_on, process_changes.process_change_id,
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
    ),
    regimes as (
        select
            metric,
            measure_kind,
            mart_name,
            source_system,
            subject,
            dimension,
            member,
            period_kind,
            period_start,
            any_value(numerator) as numerator,
            any_value(denominator) as denominator,
            any_value(value) as value,
            coalesce(max(effective_on), date '0001-01-01') as regime_start,
            arg_max(process_change_id, (effective_on, process_change_id)) as process_change_id,
        from matched_changes
        group by
            metric,
            measure_kind,
            mart_name,
            source_system,
            subject,
            dimension,
            member,
            period_kind,
            period_start
    )
select *
from regimes
