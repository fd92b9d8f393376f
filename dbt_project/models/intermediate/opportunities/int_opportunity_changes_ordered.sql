-- Grain: one row per change of one field of an opportunity
with
    int_opportunities_unioned as (select * from {{ ref("int_opportunities_unioned") }}),
    int_opportunity_changes_unioned as (select * from {{ ref("int_opportunity_changes_unioned") }}),
    int_opportunity_changes_later_unioned as (
        select * from {{ ref("int_opportunity_changes_later_unioned") }}
    ),
    int_opportunity_changes_seen_unioned as (
        select * from {{ ref("int_opportunity_changes_seen_unioned") }}
    ),
    int_stages_ranked as (select * from {{ ref("int_stages_ranked") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    -- What extracts show of a field counts until the log first speaks of it. The log is read anew:
    -- of a CTE that is used twice, DuckDB makes a whole copy first.
    log_beginnings as (
        select logged.opportunity_id, logged.field, min(logged.changed_at) as log_begins_at,
        from {{ ref("int_opportunity_changes_unioned") }} as logged
        semi join
            int_opportunity_changes_seen_unioned as seen
            on logged.opportunity_id = seen.opportunity_id
            and logged.field = seen.field
        group by logged.opportunity_id, logged.field
    ),
    seen_before_log as (
        select seen.*,
        from int_opportunity_changes_seen_unioned as seen
        left join
            log_beginnings
            on seen.opportunity_id = log_beginnings.opportunity_id
            and seen.field = log_beginnings.field
        where coalesce(seen.seen_at < log_beginnings.log_begins_at, true)
    ),
    -- what a current row tells of events by itself; it counts only where both are silent
    dated_by_the_row as (
        select
            int_opportunities_unioned.opportunity_id,
            'stage' as field,
            int_opportunities_unioned.stage as new_value,
            int_opportunities_unioned.closed_at as changed_at,
        from int_opportunities_unioned
        inner join
            int_stages_ranked
            on int_opportunities_unioned.source_system = int_stages_ranked.source_system
            and coalesce(int_opportunities_unioned.pipeline, 'default') = int_stages_ranked.pipeline
            and int_opportunities_unioned.stage = int_stages_ranked.stage
        where
            int_stages_ranked.stage_type <> 'open'
            and coalesce(
                int_opportunities_unioned.closed_at >= int_opportunities_unioned.created_at, true
            )
        union all
        select
            opportunity_id,
            'is_deleted' as field,
            'true' as new_value,
            coalesce(deleted_at, extracted_at) as changed_at,
        from int_opportunities_unioned
        where is_deleted
        union all
        select
            opportunity_id,
            'merged_into_opportunity_id' as field,
            merged_into_opportunity_id as new_value,
            coalesce(merged_at, extracted_at) as changed_at,
        from int_opportunities_unioned
        where merged_into_opportunity_id is not null
    ),
    all_changes as (
        select *, 1 as source_priority,
        from int_opportunity_changes_unioned
        union all by name
        select *, 1 as source_priority,
        from seen_before_log
        union all by name
        select *, 2 as source_priority,
        from int_opportunity_changes_later_unioned
        union all by name
        select *, 3 as source_priority, true as is_history_reconstructed,
        from dated_by_the_row
        where changed_at is not null
    ),
    -- a change of an opportunity that was not delivered has no history to stand in
    known_opportunities as (
        select
            all_changes.opportunity_id,
            all_changes.field,
            all_changes.old_value,
            all_changes.new_value,
            all_changes.changed_at,
            case
                when all_changes.seen_at is not null
                then all_changes.recorded_at
                else greatest(all_changes.changed_at, all_changes.recorded_at)
            end as known_at,
            all_changes.sequence,
            all_changes.source_priority,
            all_changes.source_priority = 2
            or all_changes.changed_at >= run_settings.as_of_at as is_after_as_of,
            all_changes.is_history_reconstructed,
            int_opportunities_unioned.created_at,
            int_stages_ranked.stage_order,
        from all_changes
        inner join
            int_opportunities_unioned
            on all_changes.opportunity_id = int_opportunities_unioned.opportunity_id
        left join
            int_stages_ranked
            on all_changes.field = 'stage'
            and int_opportunities_unioned.source_system = int_stages_ranked.source_system
            and coalesce(int_opportunities_unioned.pipeline, 'default') = int_stages_ranked.pipeline
            and all_changes.new_value = int_stages_ranked.stage
        cross join run_settings
    ),
    numbered as (
        select
            *,
            row_number() over (
                partition by opportunity_id, field
                order by
                    source_priority,
                    is_after_as_of,
                    changed_at,
                    sequence nulls last,
                    stage_order nulls last,
                    new_value,
                    old_value
            ) as change_number,
        from known_opportunities
        qualify source_priority < 3 or change_number = 1
    ),
    ordered as (
        select
            opportunity_id,
            field,
            old_value,
            new_value,
            changed_at,
            known_at,
            change_number,
            is_after_as_of,
            -- a log that writes down the creation: what it sets is what the deal began with
            change_number = 1
            and old_value is null
            and not is_after_as_of
            and coalesce(changed_at <= created_at, false) as is_initial,
            -- learned after something newer of the same field, so that it changes nothing any more
            coalesce(
                change_number < max(change_number) over (
                    partition by opportunity_id, field
                    order by known_at, change_number
                    rows between unbounded preceding and 1 preceding
                ),
                false
            ) as is_overtaken,
            is_history_reconstructed,
        from numbered
    )
select *
from ordered
