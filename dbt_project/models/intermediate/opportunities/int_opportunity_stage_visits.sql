-- Grain: one row per opportunity and stage visit
{%- set fields = [
    "stage",
    "pipeline",
    "owner_id",
    "account_id",
    "is_deleted",
    "merged_into_opportunity_id",
] %}
with
    int_opportunities_unioned as (select * from {{ ref("int_opportunities_unioned") }}),
    int_opportunity_changes_ordered as (select * from {{ ref("int_opportunity_changes_ordered") }}),
    int_stages_ranked as (select * from {{ ref("int_stages_ranked") }}),
    -- by when it happened, however late it was learned
    dated_states as ({{ opportunity_states(fields, instant="changed_at") }}),
    states as (
        select
            dated_states.opportunity_id,
            dated_states.state_number,
            dated_states.starts_at,
            int_opportunities_unioned.source_system,
            coalesce({{ logged_or_current("dated_states", "pipeline") }}, 'default') as pipeline,
            -- a deal that is deleted or merged away is in no stage
            case
                when
                    not coalesce(
                        {{ logged_or_current("dated_states", "is_deleted", "boolean") }}, false
                    )
                    and {{ logged_or_current("dated_states", "merged_into_opportunity_id") }}
                    is null
                then {{ logged_or_current("dated_states", "stage") }}
            end as stage,
            {{ logged_or_current("dated_states", "owner_id") }} as owner_id,
            {{ logged_or_current("dated_states", "account_id") }} as account_id,
            dated_states.is_history_reconstructed,
        from dated_states
        inner join
            int_opportunities_unioned
            on dated_states.opportunity_id = int_opportunities_unioned.opportunity_id
    ),
    placed as (
        select
            states.*,
            int_stages_ranked.stage_order,
            int_stages_ranked.stage_rank,
            int_stages_ranked.stage_type,
            int_stages_ranked.is_qualified,
            int_stages_ranked.is_proposal,
            case
                when int_stages_ranked.stage_type = 'open' then int_stages_ranked.stage_rank
            end as open_rank,
            -- a stage that only changes its name is not a move
            coalesce(cast(open_rank as varchar), states.stage) as step,
        from states
        left join
            int_stages_ranked
            on states.source_system = int_stages_ranked.source_system
            and states.pipeline = int_stages_ranked.pipeline
            and states.stage = int_stages_ranked.stage
    ),
    moves as (
        select *,
        from placed
        window history as (partition by opportunity_id order by state_number)
        qualify
            coalesce(lag(step) over history <> step, true)
            or coalesce(lag(pipeline) over history <> pipeline, true)
    ),
    stays as (
        select
            *,
            lead(starts_at) over history as exited_at,
            (lead(state_number) over history) is null as is_current,
        from moves
        window history as (partition by opportunity_id order by state_number)
    ),
    visits as (
        select
            opportunity_id,
            row_number() over history as visit_number,
            source_system,
            pipeline,
            stage,
            stage_order,
            stage_rank,
            stage_type,
            is_qualified,
            is_proposal,
            starts_at as entered_at,
            exited_at,
            is_current,
            coalesce(lag(pipeline) over history <> pipeline, true) as is_entry,
            lag(stage) over history as previous_stage,
            lag(stage_type) over history as previous_stage_type,
            lag(exited_at) over history as previous_exited_at,
            last_value(open_rank ignore nulls) over (
                history rows between unbounded preceding and 1 preceding
            ) as previous_open_rank,
            owner_id,
            account_id,
            is_history_reconstructed,
        from stays
        where stage is not null
        window history as (partition by opportunity_id order by state_number)
    ),
    named_moves as (
        select
            * exclude (
                is_entry,
                previous_stage,
                previous_stage_type,
                previous_exited_at,
                previous_open_rank
            ),
            case
                when is_entry
                then 'entry'
                -- back from having been deleted or merged away: to an end that it had met before,
                -- or open once more
                when stage_type <> 'open' and stage = previous_stage
                then 'return'
                when stage_type <> 'open'
                then 'close'
                when previous_stage_type <> 'open' or entered_at > previous_exited_at
                then 'reopen'
                when stage_rank < previous_open_rank
                then 'backward'
                when stage_rank > previous_open_rank + 1
                then 'skip'
                when stage_rank is not null
                then 'forward'
            end as move_type,
        from visits
    )
select *
from named_moves
