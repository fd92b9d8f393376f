-- Grain: one row per source system, pipeline and stage
with
    stages as (select * from {{ ref("stages") }}),
    extracted_stages as (
        {% if var("staged_entities").get("stages") -%}
            {{ union_systems("stages") }}
            union all by name
        {%- endif %}
        select source_system, pipeline, stage, stage_order, stage_type, is_qualified, is_proposal,
        from stages
        where false
    ),
    -- what the seed says of a name goes before what the source says
    named as (
        select
            coalesce(stages.source_system, extracted_stages.source_system) as source_system,
            coalesce(stages.pipeline, extracted_stages.pipeline) as pipeline,
            coalesce(stages.stage, extracted_stages.stage) as stage,
            stages.stage_order as seed_order,
            extracted_stages.stage_order as extracted_order,
            coalesce(stages.stage_type, extracted_stages.stage_type) as stage_type,
            coalesce(stages.is_qualified, extracted_stages.is_qualified, false) as is_qualified,
            coalesce(stages.is_proposal, extracted_stages.is_proposal, false) as is_proposal,
        from stages
        full join
            extracted_stages
            on stages.source_system = extracted_stages.source_system
            and stages.pipeline = extracted_stages.pipeline
            and stages.stage = extracted_stages.stage
    ),
    -- a source that lists its stages says which of them are steps: a name of the seed that it does
    -- not list is one only beside another name of the same order. A name that the seed has not
    -- stands behind the last one before it that the seed has
    placed as (
        select
            *,
            bool_or(extracted_order is not null) over (
                partition by source_system, pipeline
            ) as is_listed_by_source,
            stage_type = 'open'
            and coalesce(
                extracted_order,
                max(extracted_order) over (
                    partition by source_system, pipeline, stage_type, seed_order
                )
            )
            is not null
            and coalesce(seed_order, extracted_order) is not null as is_step,
            coalesce(
                seed_order,
                max(seed_order) over (
                    partition by source_system, pipeline, stage_type
                    order by extracted_order nulls last
                ),
                0
            ) as place_order,
            case when seed_order is null then extracted_order end as order_within_place,
        from named
    ),
    unioned as (
        select
            source_system,
            pipeline,
            stage,
            case
                when not is_listed_by_source
                then seed_order
                when is_step
                then
                    cast(
                        dense_rank() over (
                            partition by source_system, pipeline, is_step
                            order by place_order, order_within_place nulls first
                        ) as integer
                    )
            end as stage_order,
            stage_type,
            is_qualified,
            is_proposal,
        from placed
    )
select *
from unioned
