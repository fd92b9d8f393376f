-- Grain: one row per work centre
with
    int_work_centers_unioned as (select * from {{ ref("int_work_centers_unioned") }}),
    int_operations_unioned as (select * from {{ ref("int_operations_unioned") }}),
    listed_or_seen as (
        select
            work_center_id,
            work_center_name,
            available_hours_per_week,
            coalesce(is_listed, true) as is_listed,
            source_system,
        from int_work_centers_unioned
        union all by name
        select
            int_operations_unioned.work_center_id,
            false as is_listed,
            min(int_operations_unioned.source_system) as source_system,
        from int_operations_unioned
        anti join
            int_work_centers_unioned
            on int_operations_unioned.work_center_id = int_work_centers_unioned.work_center_id
        where int_operations_unioned.work_center_id is not null
        group by int_operations_unioned.work_center_id
    )
select *
from listed_or_seen
