-- Grain: one row per source system, pipeline and stage
with
    stages as (select * from {{ ref("stages") }}),
    known_stages as (
        select source_system, pipeline, stage, stage_order, stage_type, is_qualified, is_proposal,
        from stages
    )
select *
from known_stages
