-- Grain: one row per opportunity
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_opportunities_unioned as (select * from {{ ref("int_opportunities_unioned") }}),
    int_opportunity_versions as (select * from {{ ref("int_opportunity_versions") }}),
    int_opportunity_cohorts as (select * from {{ ref("int_opportunity_cohorts") }}),
    int_opportunity_changes_ordered as (select * from {{ ref("int_opportunity_changes_ordered") }}),
    int_opportunity_survivors as (select * from {{ ref("int_opportunity_survivors") }}),
    int_opportunity_close_date_pushes as (
        select * from {{ ref("int_opportunity_close_date_pushes") }}
    ),
    int_stages_ranked as (select * from {{ ref("int_stages_ranked") }}),
    int_fx_rates_dated as (select * from {{ ref("int_fx_rates_dated") }}),
    fct_opportunity_stage_events as (select * from {{ ref("fct_opportunity_stage_events") }}),
    dim_accounts as (select * from {{ ref("dim_accounts") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    pipelines as (
        select
            source_system,
            pipeline,
            any_value(open_rank_count) as open_rank_count,
            any_value(proposal_rank) as proposal_rank,
            any_value(qualified_rank) as qualified_rank,
        from int_stages_ranked
        group by source_system, pipeline
    ),
    open_steps as (
        select
            source_system,
            pipeline,
            stage_rank,
            min(stage) as stage,
            min(stage_order) as stage_order,
        from int_stages_ranked
        where stage_type = 'open' and stage_rank is not null
        group by source_system, pipeline, stage_rank
    ),
    current_versions as (
        select
            int_opportunity_versions.*,
            int_opportunity_cohorts.entry_segment,
            int_opportunity_cohorts.entry_month,
            int_opportunity_cohorts.outcome,
        from int_opportunity_versions
        inner join
            int_opportunity_cohorts
            on int_opportunity_versions.opportunity_id = int_opportunity_cohorts.opportunity_id
        where int_opportunity_versions.valid_to is null
    ),
    -- reach is counted in the pipeline the deal is in now; moves wherever they were made
    travelled as (
        select
            visits.opportunity_id,
            count(*) filter (where visits.move_type = 'backward') as backward_move_count,
            count(*) filter (where visits.move_type = 'reopen') as reopening_count,
            count(*) filter (where visits.stage_type is null) as unknown_stage_count,
            max(visits.stage_rank) filter (
                where visits.pipeline = current_versions.pipeline
            ) as furthest_rank,
            count(distinct visits.stage_rank) filter (
                where visits.pipeline = current_versions.pipeline
            ) as entered_rank_count,
            arg_max(visits.stage_rank, visits.visit_number) filter (
                where
                    visits.pipeline = current_versions.pipeline
                    and visits.stage_type = 'open'
                    and visits.stage_rank is not null
            ) as held_rank,
            max(visits.exited_at) as last_exited_at,
        from fct_opportunity_stage_events as visits
        inner join current_versions on visits.opportunity_id = current_versions.opportunity_id
        group by visits.opportunity_id
    ),
    last_visits as (
        select opportunity_id, visit_number, move_type, entered_at, owner_at_entry_id,
        from fct_opportunity_stage_events
        where is_current
    ),
    -- one that was deleted and came back to its end had closed when it first met that
    closings_before_return as (
        select
            visits.opportunity_id,
            max(visits.entered_at) as entered_at,
            arg_max(visits.owner_at_entry_id, visits.visit_number) as owner_at_entry_id,
        from fct_opportunity_stage_events as visits
        inner join last_visits on visits.opportunity_id = last_visits.opportunity_id
        where last_visits.move_type = 'return' and visits.move_type = 'close'
        group by visits.opportunity_id
    ),
    current_visits as (
        select
            last_visits.opportunity_id,
            last_visits.visit_number,
            coalesce(closings_before_return.entered_at, last_visits.entered_at) as entered_at,
            coalesce(
                closings_before_return.owner_at_entry_id, last_visits.owner_at_entry_id
            ) as owner_at_entry_id,
        from last_visits
        left join
            closings_before_return
            on last_visits.opportunity_id = closings_before_return.opportunity_id
    ),
    logged_stages as (
        select
            opportunity_id,
            arg_max(new_value, change_number) filter (where not is_after_as_of) as stage,
            max(changed_at) filter (where not is_after_as_of) as changed_at,
            bool_or(is_after_as_of) as is_changed_later,
        from int_opportunity_changes_ordered
        where field = 'stage' and not is_history_reconstructed
        group by opportunity_id
    ),
    dated as (
        select
            current_versions.*,
            int_opportunities_unioned.created_at,
            business_date(int_opportunities_unioned.created_at) as created_date,
            -- a deal that was delivered in the stage that ends it bears its date in the row alone
            case
                when current_versions.outcome in ('open', 'merged', 'deleted')
                then null
                when current_visits.entered_at > int_opportunities_unioned.created_at
                then current_visits.entered_at
                when current_visits.visit_number > 1
                then current_visits.entered_at
                else int_opportunities_unioned.closed_at
            end as closed_at,
            case
                when current_versions.outcome in ('merged', 'deleted') then travelled.last_exited_at
            end as removed_at,
            case
                when current_versions.outcome in ('open', 'merged', 'deleted')
                then null
                else current_visits.owner_at_entry_id
            end as owner_at_close_id,
            case
                when current_versions.outcome <> 'open'
                then int_opportunities_unioned.outcome_reason
            end as outcome_reason,
            int_opportunities_unioned.product_id,
            int_opportunities_unioned.lead_source,
            int_opportunities_unioned.opportunity_type,
            int_opportunities_unioned.value_proposition,
            coalesce(travelled.backward_move_count, 0) as backward_move_count,
            coalesce(travelled.reopening_count, 0) as reopening_count,
            coalesce(travelled.unknown_stage_count, 0) as unknown_stage_count,
            greatest(
                travelled.furthest_rank - travelled.entered_rank_count, 0
            ) as skipped_stage_count,
            travelled.furthest_rank as furthest_stage_rank,
            case
                when current_versions.outcome = 'won'
                then pipelines.open_rank_count + 1
                else travelled.held_rank
            end as effective_stage_rank,
            travelled.furthest_rank >= pipelines.proposal_rank as reached_proposal,
            travelled.furthest_rank >= pipelines.qualified_rank as reached_qualified,
            pipelines.open_rank_count,
            coalesce(
                not logged_stages.is_changed_later
                and logged_stages.changed_at <= int_opportunities_unioned.extracted_at
                and logged_stages.stage <> int_opportunities_unioned.stage,
                false
            ) as has_stage_contradiction,
            int_opportunities_unioned.closed_at as closed_at_in_row,
            int_opportunities_unioned.recorded_at,
            run_settings.as_of_at,
            run_settings.as_of_date,
            coalesce(current_versions.currency, run_settings.base_currency) as priced_currency,
        from current_versions
        inner join
            int_opportunities_unioned
            on current_versions.opportunity_id = int_opportunities_unioned.opportunity_id
        left join travelled on current_versions.opportunity_id = travelled.opportunity_id
        left join current_visits on current_versions.opportunity_id = current_visits.opportunity_id
        left join logged_stages on current_versions.opportunity_id = logged_stages.opportunity_id
        left join
            pipelines
            on current_versions.source_system = pipelines.source_system
            and current_versions.pipeline = pipelines.pipeline
        cross join run_settings
    ),
    -- a closed deal keeps the rate of its close; without a close date only the base currency,
    -- which is 1 on every day, has one
    placed_in_time as (
        select
            *,
            business_date(closed_at) as closed_date,
            business_date(removed_at) as removed_date,
            coalesce(
                case
                    when outcome = 'open'
                    then as_of_date
                    when outcome in ('merged', 'deleted')
                    then business_date(removed_at)
                    else business_date(closed_at)
                end,
                date '0001-01-01'
            ) as priced_date,
        from dated
    ),
    rates as (
        select
            priced_days.currency,
            priced_days.priced_date,
            int_fx_rates_dated.fx_rate,
            int_fx_rates_dated.rate_date,
        from
            (
                select distinct priced_currency as currency, priced_date, from placed_in_time
            ) as priced_days
        inner join
            int_fx_rates_dated
            on {{
                rate_in_force(
                    "int_fx_rates_dated", "priced_days.currency", "priced_days.priced_date"
                )
            }}
    ),
    opportunities as (
        select
            placed_in_time.opportunity_id,
            placed_in_time.source_system,
            placed_in_time.account_id,
            placed_in_time.segment,
            placed_in_time.entry_segment,
            coalesce(dim_accounts.industry, 'unknown') as industry,
            coalesce(dim_accounts.region, 'unknown') as region,
            placed_in_time.owner_id as owner_current_id,
            placed_in_time.owner_at_close_id,
            placed_in_time.pipeline,
            placed_in_time.product_id,
            coalesce(dim_products.product_family, 'unknown') as product_family,
            placed_in_time.lead_source,
            placed_in_time.opportunity_type,
            placed_in_time.value_proposition,
            placed_in_time.outcome_reason,
            placed_in_time.stage,
            placed_in_time.stage_type,
            placed_in_time.outcome,
            placed_in_time.outcome in ('won', 'lost', 'disqualified') as is_resolved,
            placed_in_time.created_at,
            placed_in_time.created_date,
            placed_in_time.entry_month,
            placed_in_time.closed_at,
            placed_in_time.closed_date,
            cast(date_trunc('month', placed_in_time.closed_date) as date) as close_month,
            placed_in_time.removed_at,
            placed_in_time.removed_date,
            case
                when placed_in_time.closed_date >= placed_in_time.created_date
                then cast(placed_in_time.closed_date - placed_in_time.created_date as bigint)
            end as cycle_days,
            placed_in_time.expected_close_date,
            coalesce(
                pushes.first_expected_close_date, placed_in_time.expected_close_date
            ) as first_expected_close_date,
            coalesce(pushes.push_count, 0) as close_date_push_count,
            coalesce(
                pushes.net_pushed_days,
                case when placed_in_time.expected_close_date is not null then 0 end
            ) as close_date_net_pushed_days,
            placed_in_time.amount_original,
            placed_in_time.priced_currency as currency,
            rates.fx_rate,
            rates.rate_date as fx_rate_date,
            cast(
                round(placed_in_time.amount_original * rates.fx_rate, 2) as decimal(18, 2)
            ) as amount_base,
            placed_in_time.amount_original is not null and rates.fx_rate is null as is_unpriced,
            placed_in_time.probability,
            placed_in_time.forecast_category,
            open_steps.stage_order as effective_stage_order,
            open_steps.stage as effective_stage,
            placed_in_time.effective_stage_rank,
            placed_in_time.furthest_stage_rank,
            placed_in_time.backward_move_count,
            placed_in_time.skipped_stage_count,
            placed_in_time.reopening_count,
            placed_in_time.backward_move_count + placed_in_time.reopening_count > 0 as has_rework,
            placed_in_time.reached_proposal,
            placed_in_time.reached_qualified,
            int_opportunity_survivors.surviving_opportunity_id as merged_into_opportunity_id,
            coalesce(int_opportunity_survivors.is_in_cycle, false) as is_in_merge_cycle,
            placed_in_time.unknown_stage_count,
            placed_in_time.has_stage_contradiction,
            coalesce(
                placed_in_time.closed_at_in_row < placed_in_time.created_at
                or (
                    placed_in_time.outcome = 'open'
                    and placed_in_time.reopening_count = 0
                    and placed_in_time.closed_at_in_row < placed_in_time.as_of_at
                ),
                false
            ) as has_closed_at_contradiction,
            placed_in_time.is_history_reconstructed,
            placed_in_time.recorded_at,
        from placed_in_time
        left join
            rates
            on placed_in_time.priced_currency = rates.currency
            and placed_in_time.priced_date = rates.priced_date
        left join
            open_steps
            on placed_in_time.source_system = open_steps.source_system
            and placed_in_time.pipeline = open_steps.pipeline
            and least(placed_in_time.effective_stage_rank, placed_in_time.open_rank_count)
            = open_steps.stage_rank
        left join
            int_opportunity_close_date_pushes as pushes
            on placed_in_time.opportunity_id = pushes.opportunity_id
        left join
            int_opportunity_survivors
            on placed_in_time.opportunity_id = int_opportunity_survivors.opportunity_id
        left join dim_accounts on placed_in_time.account_id = dim_accounts.account_id
        left join dim_products on placed_in_time.product_id = dim_products.product_id
    )
select *
from opportunities
