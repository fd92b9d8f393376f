-- Grain: one row per change of one field of an opportunity, of every system
with
    unioned as ({{ union_systems("opportunity_changes") }}),
    known_changes as (select * from unioned where is_after_as_of is distinct from true)
select *
from known_changes
