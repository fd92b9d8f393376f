-- Grain: one row per metric, source system, subject, dimension, member and period that is over
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    fct_opportunity_stage_events as (select * from {{ ref("fct_opportunity_stage_events") }}),
    told as (
        {% for told in process_series() %}
            {{ series_of_mart(told) }}
            {% if not loop.last %}
                union all by name
            {% endif %}
        {% endfor %}
    ),
    points as (
        select
            * exclude (point),
            struct_extract(point, 'metric') as metric,
            struct_extract(point, 'measure_kind') as measure_kind,
            struct_extract(point, 'numerator') as numerator,
            struct_extract(point, 'denominator') as denominator,
            struct_extract(point, 'value') as value,
            {{ period_end() }} as period_end,
        from told
    ),
    -- a source that has long been silent ended with its last word: it has not won nothing since
    ended_records as (
        select
            fct_opportunity_stage_events.source_system,
            max(fct_opportunity_stage_events.entered_date) as last_entered_date,
        from fct_opportunity_stage_events
        cross join run_settings
        group by fct_opportunity_stage_events.source_system, run_settings.as_of_date
        having
            max(fct_opportunity_stage_events.entered_date)
            < run_settings.as_of_date - {{ var("record_ended_after_days") }}
    ),
    finished_points as (
        select points.*,
        from points
        cross join run_settings
        left join
            ended_records
            on points.is_of_deals
            and points.source_system = ended_records.source_system
        where
            points.period_end <= run_settings.as_of_date
            and points.period_start
            <= coalesce(ended_records.last_entered_date, run_settings.as_of_date)
    ),
    mart_spans as (
        select
            mart_name,
            source_system,
            period_kind,
            min(period_start) as first_period,
            max(period_start) as last_period,
        from finished_points
        group by mart_name, source_system, period_kind
    ),
    -- the first period is rarely whole: the record begins somewhere in it
    mart_periods as (
        select
            mart_name,
            source_system,
            unnest(
                generate_series(
                    cast(first_period as timestamp),
                    cast(last_period as timestamp),
                    case when period_kind = 'month' then interval 1 month else interval 7 day end
                )[2:]
            ) as period_instant,
        from mart_spans
    ),
    -- before it was first counted it could not be: the deals of a young record are still open
    first_counts as (
        select metric, source_system, subject, min(period_start) as first_counted_period,
        from finished_points
        where measure_kind = 'sum' and value <> 0
        group by metric, source_system, subject
    ),
    summed_series as (
        select distinct
            metric, measure_kind, mart_name, source_system, subject, dimension, member, period_kind,
        from finished_points
        where measure_kind = 'sum'
    ),
    -- a month in which nothing happened has no row, but is a 0 of what is counted
    empty_periods as (
        select
            summed_series.*,
            cast(mart_periods.period_instant as date) as period_start,
            0.0 as value,
        from summed_series
        inner join
            mart_periods
            on summed_series.mart_name = mart_periods.mart_name
            and summed_series.source_system = mart_periods.source_system
        anti join
            finished_points
            on summed_series.metric = finished_points.metric
            and summed_series.source_system = finished_points.source_system
            and summed_series.subject = finished_points.subject
            and summed_series.dimension = finished_points.dimension
            and summed_series.member = finished_points.member
            and cast(mart_periods.period_instant as date) = finished_points.period_start
    ),
    whole_points as (
        select finished_points.*,
        from finished_points
        inner join
            mart_spans
            on finished_points.mart_name = mart_spans.mart_name
            and finished_points.source_system = mart_spans.source_system
        where finished_points.period_start > mart_spans.first_period
    ),
    all_points as (
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
            round(numerator, 9) as numerator,
            round(denominator, 9) as denominator,
            round(value, 9) as value,
        from whole_points
        where value is not null
        union all by name
        select *,
        from empty_periods
    ),
    series as (
        select all_points.*,
        from all_points
        left join
            first_counts
            on all_points.metric = first_counts.metric
            and all_points.source_system = first_counts.source_system
            and all_points.subject = first_counts.subject
        where
            all_points.measure_kind <> 'sum'
            or all_points.period_start >= first_counts.first_counted_period
    )
select *
from series
