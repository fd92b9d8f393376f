-- Grain: one row per source system and month, in which its weeks end
with
    mart_rep_coaching_weekly as (select * from {{ ref("mart_rep_coaching_weekly") }}),
    months as (
        select
            source_system,
            cast(date_trunc('month', week_end) as date) as coaching_month,
            count(distinct rep_id) as rep_count,
            count(distinct rep_id) filter (where session_count > 0) as coached_rep_count,
            cast(sum(session_count) as bigint) as session_count,
            cast(sum(untimed_session_count) as bigint) as untimed_session_count,
            count(*) as rep_week_count,
            round(sum(coaching_hours order by coaching_hours), 6) as coaching_hours,
            count(*) filter (where is_due) as due_count,
            count(*) filter (where is_cadence_kept) as kept_count,
        from mart_rep_coaching_weekly
        where present_day_count > 0
        group by source_system, coaching_month
    ),
    final as (
        select
            source_system,
            coaching_month,
            rep_count,
            coached_rep_count,
            session_count,
            untimed_session_count,
            {{ rate_columns("coaching_hours_per_rep_week", "coaching_hours", "rep_week_count") }},
            {{ rate_columns("cadence_kept_rate", "kept_count", "due_count") }},
        from months
    )
select *
from final
