-- Grain: one row per score, model version, slice, value of the slice, method and measure
with
    int_score_decisions as (select * from {{ ref("int_score_decisions") }}),
    int_win_probability_drift as (select * from {{ ref("int_win_probability_drift") }}),
    stg_run_settings as (select * from {{ ref("stg_run_settings") }}),
    -- a version that was decided on twice has one performance
    versions as (
        select *
        from int_score_decisions
        where model_version is not null
        qualify
            row_number() over (partition by score_name, model_version order by decision_number desc)
            = 1
    ),
    trained as (select score_name, model_version, unnest(performance) as figure from versions),
    measured as (
        select
            trained.score_name,
            trained.model_version,
            trained.figure.slice,
            trained.figure.slice_value,
            trained.figure.method,
            trained.figure.measure,
            trained.figure.value,
            trained.figure.lower_bound,
            trained.figure.upper_bound,
            trained.figure.case_count,
            false as is_after_training,
        from trained
        union all by name
        select *, true as is_after_training,
        from int_win_probability_drift
    ),
    performance as (
        select
            measured.score_name,
            measured.model_version,
            measured.slice,
            coalesce(measured.slice_value, 'all') as slice_value,
            measured.method,
            measured.measure,
            measured.value,
            measured.lower_bound,
            measured.upper_bound,
            measured.case_count,
            measured.is_after_training,
            coalesce(versions.is_champion, false) as is_champion,
            versions.trained_as_of_date,
            stg_run_settings.as_of_at as scored_at,
        from measured
        left join
            versions
            on measured.score_name = versions.score_name
            and measured.model_version = versions.model_version
        cross join stg_run_settings
    )
select *
from performance
