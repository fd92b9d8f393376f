-- Grain: one row per source system, pipeline and stage
with
    int_stages_unioned as (select * from {{ ref("int_stages_unioned") }}),
    -- names that share an order are one step, and gaps in the order are no steps
    open_ranks as (
        select
            source_system,
            pipeline,
            stage,
            dense_rank() over (
                partition by source_system, pipeline order by stage_order
            ) as stage_rank,
        from int_stages_unioned
        where stage_type = 'open' and stage_order is not null
    ),
    ranked as (
        select
            int_stages_unioned.source_system,
            int_stages_unioned.pipeline,
            int_stages_unioned.stage,
            int_stages_unioned.stage_order,
            int_stages_unioned.stage_type,
            int_stages_unioned.is_qualified,
            int_stages_unioned.is_proposal,
            open_ranks.stage_rank as open_rank,
            coalesce(
                max(open_ranks.stage_rank) over (
                    partition by int_stages_unioned.source_system, int_stages_unioned.pipeline
                ),
                0
            ) as open_rank_count,
            min(open_ranks.stage_rank) filter (where int_stages_unioned.is_qualified) over (
                partition by int_stages_unioned.source_system, int_stages_unioned.pipeline
            ) as qualified_rank,
            min(open_ranks.stage_rank) filter (where int_stages_unioned.is_proposal) over (
                partition by int_stages_unioned.source_system, int_stages_unioned.pipeline
            ) as proposal_rank,
        from int_stages_unioned
        left join
            open_ranks
            on int_stages_unioned.source_system = open_ranks.source_system
            and int_stages_unioned.pipeline = open_ranks.pipeline
            and int_stages_unioned.stage = open_ranks.stage
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
