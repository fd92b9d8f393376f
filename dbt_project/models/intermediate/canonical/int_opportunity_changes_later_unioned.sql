-- Grain: one row per change of one field of an opportunity not known at the as_of, of every system
with
    unioned as ({{ union_systems("opportunity_changes") }}),
    -- what comes after the as_of tells what a field was at the as_of, and nothing else
    later_changes as (select * from unioned where is_after_as_of)
select *
from later_changes
