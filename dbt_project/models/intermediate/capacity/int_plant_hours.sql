-- Grain: one row per source system and hour from its first operation report to its last
with
    fct_operations as (select * from {{ ref("fct_operations") }}),
    reports as (
        select source_system, started_at, finished_at,
        from fct_operations
        where work_center_id is not null and finished_at >= started_at
    ),
    -- of a report that lasts over a night nobody sees that the plant was closed; that none ever
    -- begins or ends at night does show it; what ends on the hour ends in the one before
    ends as (
        select
            source_system,
            unnest(
                [started_at, greatest(started_at, finished_at - interval 1 microsecond)]
            ) as ended_at,
        from reports
    ),
    ends_by_hour as (
        select source_system, date_trunc('hour', ended_at) as hour_at, count(*) as end_count,
        from ends
        group by source_system, hour_at
    ),
    ends_by_slot as (
        select
            source_system,
            dayofweek(hour_at) * 24 + hour(hour_at) as slot,
            sum(end_count) as end_count,
        from ends_by_hour
        group by source_system, slot
    ),
    -- where reports last a shift, an hour in which none begins or ends may lie within them
    durations as (
        select source_system, median(date_diff('second', started_at, finished_at)) / 3600 as hours,
        from reports
        group by source_system
    ),
    usual as (
        select
            ends_by_slot.source_system,
            sum(ends_by_slot.end_count) / 168 as mean_end_count,
            any_value(durations.hours) < {{ var("short_report_hours") }}
            and mean_end_count >= {{ var("min_n") }} as tells_closed_hours,
        from ends_by_slot
        inner join durations on ends_by_slot.source_system = durations.source_system
        group by ends_by_slot.source_system
    ),
    open_days as (
        select distinct source_system, date_trunc('day', hour_at) as day_at, from ends_by_hour
    ),
    hours as (
        select
            source_system,
            unnest(
                generate_series(min(hour_at), max(hour_at) + interval 1 hour, interval 1 hour)
            ) as hour_at,
        from ends_by_hour
        group by source_system
    ),
    judged as (
        select
            hours.source_system,
            hours.hour_at,
            open_days.day_at is not null
            and (
                not usual.tells_closed_hours
                or coalesce(ends_by_slot.end_count, 0)
                >= {{ var("closed_hour_share") }} * usual.mean_end_count
            ) as is_open,
        from hours
        inner join usual on hours.source_system = usual.source_system
        left join
            ends_by_slot
            on hours.source_system = ends_by_slot.source_system
            and dayofweek(hours.hour_at) * 24 + hour(hours.hour_at) = ends_by_slot.slot
        left join
            open_days
            on hours.source_system = open_days.source_system
            and date_trunc('day', hours.hour_at) = open_days.day_at
    ),
    final as (
        select
            *,
            count(*) filter (where is_open) over (
                partition by source_system
                order by hour_at
                rows between unbounded preceding and 1 preceding
            ) as open_hours_before,
        from judged
    )
select *
from final
