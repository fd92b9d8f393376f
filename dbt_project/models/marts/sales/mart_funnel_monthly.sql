-- Grain: one row per source system, pipeline, cohort, stage and segment
with
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    int_opportunity_cohorts as (select * from {{ ref("int_opportunity_cohorts") }}),
    int_opportunity_step_entries as (select * from {{ ref("int_opportunity_step_entries") }}),
    int_funnel_transition_probabilities as (
        select * from {{ ref("int_funnel_transition_probabilities") }}
    ),
    int_stages_ranked as (select * from {{ ref("int_stages_ranked") }}),
    opportunities as (
        select
            int_opportunity_cohorts.cohort,
            fct_opportunities.*,
            -- a deal that was entered twice, merged away or deleted is no case of its own
            fct_opportunities.outcome not in ('duplicate', 'merged', 'deleted') as is_counted,
            fct_opportunities.outcome in ('lost', 'disqualified') as is_ended,
        from fct_opportunities
        inner join
            int_opportunity_cohorts
            on fct_opportunities.opportunity_id = int_opportunity_cohorts.opportunity_id
    ),
    cohorts as (
        select
            source_system,
            pipeline,
            cohort,
            entry_month,
            entry_segment,
            count(*) filter (where is_counted) as cohort_count,
            count(*) filter (where outcome = 'open') as cohort_open_count,
            count(*) filter (where outcome = 'won') as cohort_won_count,
            count(*) filter (where outcome = 'lost') as cohort_lost_count,
            count(*) filter (where outcome = 'disqualified') as cohort_disqualified_count,
            count(*) filter (where outcome = 'duplicate') as cohort_duplicate_count,
            count(*) filter (where outcome = 'merged') as cohort_merged_count,
            count(*) filter (where outcome = 'deleted') as cohort_deleted_count,
            count(*) filter (where is_counted and is_resolved) as resolved_count,
            count(*) filter (
                where is_counted and is_resolved and not has_rework
            ) as first_pass_count,
            count(*) filter (where is_counted and skipped_stage_count > 0) as cohort_skipped_count,
            count(*) filter (where is_counted and backward_move_count > 0) as cohort_backward_count,
            count(*) filter (where is_counted and reopening_count > 0) as cohort_reopened_count,
            count(*) filter (
                where is_counted and unknown_stage_count > 0
            ) as cohort_unknown_stage_count,
            count(*) filter (
                where is_counted and effective_stage_rank is null
            ) as cohort_unknown_reach_count,
            count(*) filter (where is_ended and effective_stage_rank is null) as unknown_end_count,
            count(*) filter (where is_ended) as ended_count,
            count(*) filter (where outcome = 'lost' and amount_base > 0) as valued_loss_count,
            coalesce(sum(amount_base) filter (where outcome = 'won'), 0) as won_amount,
            coalesce(sum(amount_base) filter (where outcome = 'lost'), 0) as lost_amount,
            count(*) filter (where is_counted and is_unpriced) as n_unpriced,
        from opportunities
        group by source_system, pipeline, cohort, entry_month, entry_segment
    ),
    -- one row for each open step, however many names it has, and one for the win
    steps as (
        select
            source_system,
            pipeline,
            stage_rank,
            min(stage) as stage,
            min(stage_order) as stage_order,
            min(stage_type) as stage_type,
        from int_stages_ranked
        where stage_rank is not null
        group by source_system, pipeline, stage_rank
    ),
    -- a pipeline that the seed does not know keeps its cohorts, in one row without steps
    cells as (
        select
            cohorts.*,
            steps.stage_rank,
            coalesce(steps.stage, 'unknown') as stage,
            steps.stage_order,
            steps.stage_type,
        from cohorts
        left join
            steps
            on cohorts.source_system = steps.source_system
            and cohorts.pipeline = steps.pipeline
    ),
    effective_ranks as (
        select
            source_system,
            pipeline,
            cohort,
            entry_segment,
            effective_stage_rank,
            count(*) as deal_count,
            count(*) filter (where is_resolved) as resolved_count,
            count(*) filter (where outcome = 'open') as open_count,
            count(*) filter (where outcome = 'lost') as lost_count,
            count(*) filter (where outcome = 'disqualified') as disqualified_count,
            coalesce(sum(amount_base), 0) as amount,
            coalesce(sum(amount_base) filter (where outcome = 'open'), 0) as open_amount,
        from opportunities
        where is_counted and effective_stage_rank is not null
        group by source_system, pipeline, cohort, entry_segment, effective_stage_rank
    ),
    effective as (
        select
            steps.source_system,
            steps.pipeline,
            ranks.cohort,
            ranks.entry_segment,
            steps.stage_rank,
            sum(ranks.deal_count) as reach_count,
            sum(ranks.deal_count) filter (
                where ranks.effective_stage_rank > steps.stage_rank
            ) as next_count,
            sum(ranks.resolved_count) filter (
                where ranks.effective_stage_rank = steps.stage_rank
            ) as resolved_here_count,
            sum(ranks.open_count) filter (
                where ranks.effective_stage_rank = steps.stage_rank
            ) as held_open_count,
            sum(ranks.lost_count) filter (
                where ranks.effective_stage_rank = steps.stage_rank
            ) as lost_here_count,
            sum(ranks.disqualified_count) filter (
                where ranks.effective_stage_rank = steps.stage_rank
            ) as disqualified_here_count,
            sum(ranks.amount) as reach_amount,
            sum(ranks.open_amount) filter (
                where ranks.effective_stage_rank = steps.stage_rank
            ) as held_open_amount,
        from effective_ranks as ranks
        inner join
            steps
            on ranks.source_system = steps.source_system
            and ranks.pipeline = steps.pipeline
            and ranks.effective_stage_rank >= steps.stage_rank
        group by
            steps.source_system, steps.pipeline, ranks.cohort, ranks.entry_segment, steps.stage_rank
    ),
    observed as (
        select
            opportunities.source_system,
            opportunities.pipeline,
            opportunities.cohort,
            opportunities.entry_segment,
            entries.stage_rank,
            count(*) as reach_count,
            count(*) filter (where entries.has_backward_entry) as backward_count,
            count(*) filter (where entries.has_reopening) as reopened_count,
        from int_opportunity_step_entries as entries
        inner join opportunities on entries.opportunity_id = opportunities.opportunity_id
        where opportunities.is_counted
        group by
            opportunities.source_system,
            opportunities.pipeline,
            opportunities.cohort,
            opportunities.entry_segment,
            entries.stage_rank
    ),
    furthest_ranks as (
        select
            source_system,
            pipeline,
            cohort,
            entry_segment,
            furthest_stage_rank,
            count(*) as deal_count,
        from opportunities
        where is_counted and furthest_stage_rank is not null
        group by source_system, pipeline, cohort, entry_segment, furthest_stage_rank
    ),
    passed as (
        select
            steps.source_system,
            steps.pipeline,
            ranks.cohort,
            ranks.entry_segment,
            steps.stage_rank,
            sum(ranks.deal_count) as deal_count,
        from furthest_ranks as ranks
        inner join
            steps
            on ranks.source_system = steps.source_system
            and ranks.pipeline = steps.pipeline
            and ranks.furthest_stage_rank >= steps.stage_rank
        group by
            steps.source_system, steps.pipeline, ranks.cohort, ranks.entry_segment, steps.stage_rank
    ),
    counted as (
        select
            cells.*,
            coalesce(observed.reach_count, 0) as observed_reach_count,
            cast(coalesce(effective.reach_count, 0) as bigint) as effective_reach_count,
            -- behind the win there is no step to go to
            case
                when cells.stage_type = 'open'
                then cast(coalesce(effective.next_count, 0) as bigint)
            end as effective_next_count,
            cast(coalesce(effective.resolved_here_count, 0) as bigint) as resolved_here_count,
            cast(coalesce(effective.held_open_count, 0) as bigint) as held_open_count,
            cast(coalesce(effective.lost_here_count, 0) as bigint) as lost_here_count,
            cast(
                coalesce(effective.disqualified_here_count, 0) as bigint
            ) as disqualified_here_count,
            cast(
                coalesce(passed.deal_count, 0) - coalesce(observed.reach_count, 0) as bigint
            ) as skipped_count,
            coalesce(observed.backward_count, 0) as backward_count,
            coalesce(observed.reopened_count, 0) as reopened_count,
            coalesce(effective.reach_amount, 0) as effective_reach_amount,
            coalesce(effective.held_open_amount, 0) as held_open_amount,
        from cells
        {%- for part in ["effective", "observed", "passed"] %}
            left join
                {{ part }}
                on cells.source_system = {{ part }}.source_system
                and cells.pipeline = {{ part }}.pipeline
                and cells.cohort = {{ part }}.cohort
                and cells.entry_segment = {{ part }}.entry_segment
                and cells.stage_rank = {{ part }}.stage_rank
        {%- endfor %}
    ),
    funnel as (
        select
            counted.source_system,
            counted.pipeline,
            counted.cohort,
            counted.entry_month,
            counted.stage,
            counted.entry_segment as segment,
            counted.stage_order,
            counted.stage_rank,
            counted.stage_type,
            counted.observed_reach_count,
            counted.effective_reach_count,
            counted.effective_next_count,
            {{
                rate_columns(
                    "conversion_rate",
                    "counted.effective_next_count",
                    "counted.effective_next_count + counted.resolved_here_count",
                    reason="""case
                    when counted.stage_rank is null
                    then 'pipeline not in the seed stages'
                    when counted.stage_type = 'won'
                    then 'the last step'
                    when 2 * counted.unknown_end_count > counted.ended_count
                    then 'the stage of most losses is unknown'
                end""",
                )
            }},
            counted.held_open_count,
            counted.lost_here_count,
            counted.disqualified_here_count,
            counted.skipped_count,
            counted.backward_count,
            counted.reopened_count,
            cast(counted.effective_reach_amount as decimal(18, 2)) as effective_reach_amount,
            cast(counted.held_open_amount as decimal(18, 2)) as held_open_amount,
            coalesce(probabilities.timed_entry_count, 0) as timed_entry_count,
            {%- for horizon in var("funnel_horizon_days") %}
                coalesce(
                    probabilities.at_risk_{{ horizon }}d_count, 0
                ) as at_risk_{{ horizon }}d_count,
                probabilities.advance_probability_{{ horizon }}d,
                probabilities.loss_probability_{{ horizon }}d,
                case
                    when counted.stage_type = 'won'
                    then 'the last step'
                    when probabilities.timed_entry_count is null
                    then 'no cases'
                    else probabilities.probability_{{ horizon }}d_suppressed_reason
                end as probability_{{ horizon }}d_suppressed_reason,
            {%- endfor %}
            counted.cohort_count,
            counted.cohort_open_count,
            counted.cohort_won_count,
            counted.cohort_lost_count,
            counted.cohort_disqualified_count,
            counted.cohort_duplicate_count,
            counted.cohort_merged_count,
            counted.cohort_deleted_count,
            counted.cohort_skipped_count,
            counted.cohort_backward_count,
            counted.cohort_reopened_count,
            counted.cohort_unknown_stage_count,
            counted.cohort_unknown_reach_count,
            {{
                rate_columns(
                    "win_rate",
                    "counted.cohort_won_count",
                    "counted.cohort_won_count + counted.cohort_lost_count",
                )
            }},
            {{
                rate_columns(
                    "win_rate_by_value",
                    "cast(counted.won_amount as decimal(18, 2))",
                    "cast(counted.won_amount + counted.lost_amount as decimal(18, 2))",
                    n="counted.cohort_won_count + counted.cohort_lost_count",
                    reason="""case
                    when counted.cohort_lost_count > 0 and counted.valued_loss_count = 0
                    then 'lost deals carry no amount'
                end""",
                )
            }},
            {{
                rate_columns(
                    "first_pass_yield_rate", "counted.first_pass_count", "counted.resolved_count"
                )
            }},
            counted.n_unpriced,
        from counted
        left join
            int_funnel_transition_probabilities as probabilities
            on counted.source_system = probabilities.source_system
            and counted.pipeline = probabilities.pipeline
            and counted.cohort = probabilities.cohort
            and counted.entry_segment = probabilities.entry_segment
            and counted.stage_rank = probabilities.stage_rank
            and counted.stage_type = 'open'
    )
select *
from funnel
