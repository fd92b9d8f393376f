-- Grain: one row per source system, pipeline and stage
with
    int_stages_unioned as (select * from {{ ref("int_stages_unioned") }}),
    known_stages as (
        select source_system, pipeline, stage, stage_order, stage_type, is_qualified, is_proposal,
        from int_stages_unioned
    )
select *
from known_stages
