-- Grain: one row per rep
with
    int_sales_reps_unioned as (select * from {{ ref("int_sales_reps_unioned") }}),
    int_opportunities_unioned as (select * from {{ ref("int_opportunities_unioned") }}),
    int_opportunity_changes_unioned as (select * from {{ ref("int_opportunity_changes_unioned") }}),
    int_opportunity_changes_seen_unioned as (
        select * from {{ ref("int_opportunity_changes_seen_unioned") }}
    ),
    int_opportunity_splits_unioned as (select * from {{ ref("int_opportunity_splits_unioned") }}),
    int_rep_objectives_unioned as (select * from {{ ref("int_rep_objectives_unioned") }}),
    int_activities_unioned as (select * from {{ ref("int_activities_unioned") }}),
    int_order_lines_unioned as (select * from {{ ref("int_order_lines_unioned") }}),
    seen_in_events as (
        select owner_id as rep_id, source_system,
        from int_opportunities_unioned
        union
        select old_value as rep_id, source_system,
        from int_opportunity_changes_unioned
        where field = 'owner_id'
        union
        select new_value as rep_id, source_system,
        from int_opportunity_changes_unioned
        where field = 'owner_id'
        union
        select old_value as rep_id, source_system,
        from int_opportunity_changes_seen_unioned
        where field = 'owner_id'
        union
        select rep_id, source_system,
        from int_opportunity_splits_unioned
        union
        select rep_id, source_system,
        from int_rep_objectives_unioned
        union
        select rep_id, source_system,
        from int_activities_unioned
        union
        select rep_id, source_system,
        from int_order_lines_unioned
    ),
    listed_or_seen as (
        select
            rep_id,
            rep_name,
            manager_id,
            territory,
            hired_on,
            left_on,
            coalesce(is_listed, true) as is_listed,
            source_system,
        from int_sales_reps_unioned
        union all by name
        select
            seen_in_events.rep_id,
            false as is_listed,
            min(seen_in_events.source_system) as source_system,
        from seen_in_events
        anti join int_sales_reps_unioned on seen_in_events.rep_id = int_sales_reps_unioned.rep_id
        where seen_in_events.rep_id is not null
        group by seen_in_events.rep_id
    )
select *
from listed_or_seen
