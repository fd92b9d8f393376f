-- Grain: one row per source system, pipeline and stage
with
    stages as (select * from {{ ref("stages") }}),
    -- names that share an order are one step, and gaps in the order are no steps
    open_ranks as (
        select
            source_system,
            pipeline,
            stage,
            dense_rank() over (
                partition by source_system, pipeline order by stage_order
            ) as stage_rank,
        from stages
        where stage_type = 'open' and stage_order is not null
    ),
    ranked as (
        select
            stages.source_system,
            stages.pipeline,
            stages.stage,
            stages.stage_order,
            stages.stage_type,
            stages.is_qualified,
            stages.is_proposal,
            open_ranks.stage_rank as open_rank,
            coalesce(
                max(open_ranks.stage_rank) over (
                    partition by stages.source_system, stages.pipeline
                ),
                0
            ) as open_rank_count,
            min(open_ranks.stage_rank) filter (where stages.is_qualified) over (
                partition by stages.source_system, stages.pipeline
            ) as qualified_rank,
            min(open_ranks.stage_rank) filter (where stages.is_proposal) over (
                partition by stages.source_system, stages.pipeline
            ) as proposal_rank,
        from stages
        left join
            open_ranks
            on stages.source_system = open_ranks.source_system
            and stages.pipeline = open_ranks.pipeline
            and stages.stage = open_ranks.stage
    ),
    reached as (
        select
            source_system,
            pipeline,
            stage,
            stage_order,
            stage_type,
            -- a win lies one step behind the last open stage; the other ends lie beside the line
            case when stage_type = 'won' then open_rank_count + 1 else open_rank end as stage_rank,
            open_rank_count,
            coalesce(open_rank >= qualified_rank, false) as is_qualified,
            coalesce(open_rank >= proposal_rank, false) as is_proposal,
            qualified_rank,
            proposal_rank,
        from ranked
    )
select *
from reached
