-- Grain: one row per work centre and week, of every system
with unioned as ({{ union_systems("work_center_calendars") }}) select * from unioned
