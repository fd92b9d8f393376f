-- Grain: one row per intervention of the seed
with
    interventions as (select * from {{ ref("interventions") }}),
    mart_process_behaviour as (select * from {{ ref("mart_process_behaviour") }}),
    followed_points as (
        select
            interventions.intervention_id,
            count(
                distinct mart_process_behaviour.source_system
                || ' '
                || mart_process_behaviour.subject
            ) as series_count,
            arg_max(
                mart_process_behaviour.period_start, mart_process_behaviour.period_start
            ) as followed_period_start,
            arg_max(
                mart_process_behaviour.value, mart_process_behaviour.period_start
            ) as followed_value,
            arg_max(
                mart_process_behaviour.lower_limit, mart_process_behaviour.period_start
            ) as lower_limit,
            arg_max(
                mart_process_behaviour.upper_limit, mart_process_behaviour.period_start
            ) as upper_limit,
            -- arg_max passes over NULL, and an unjudged point must not borrow an older verdict
            arg_max(
                coalesce(cast(mart_process_behaviour.is_signal as varchar), 'untold'),
                mart_process_behaviour.period_start
            ) as verdict,
        from interventions
        inner join
            mart_process_behaviour
            on interventions.metric = mart_process_behaviour.metric
            and coalesce(interventions.source_system, mart_process_behaviour.source_system)
            = mart_process_behaviour.source_system
            and coalesce(interventions.subject, mart_process_behaviour.subject)
            = mart_process_behaviour.subject
            and coalesce(interventions.dimension, 'all') = mart_process_behaviour.dimension
            and coalesce(interventions.member, 'all') = mart_process_behaviour.member
            and mart_process_behaviour.period_end < interventions.decided_on
        group by interventions.intervention_id
    ),
    told_interventions as (
        select
            interventions.intervention_id,
            interventions.decided_on as decided_date,
            interventions.metric,
            interventions.source_system,
            interventions.subject,
            coalesce(interventions.dimension, 'all') as dimension,
            coalesce(interventions.member, 'all') as member,
            interventions.description,
            interventions.owner,
            followed_points.followed_period_start,
            -- of several series none is the one that was followed
            case
                when followed_points.series_count = 1 then followed_points.followed_value
            end as followed_value,
            case
                when followed_points.series_count = 1 then followed_points.lower_limit
            end as lower_limit,
            case
                when followed_points.series_count = 1 then followed_points.upper_limit
            end as upper_limit,
            case
                when followed_points.series_count = 1 and followed_points.verdict != 'untold'
                then followed_points.verdict = 'false'
            end as is_tampering,
            case
                when followed_points.series_count is null
                then 'no earlier point'
                when followed_points.series_count > 1
                then 'several series: name source_system and subject'
                when followed_points.verdict = 'untold'
                then 'no limits'
            end as untold_reason,
        from interventions
        left join followed_points on interventions.intervention_id = followed_points.intervention_id
    )
select *
from told_interventions
