-- Grain: one row per change of one field of an opportunity, of every system
with unioned as ({{ union_systems("opportunity_changes") }})
select *
from unioned
