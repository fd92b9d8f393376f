-- Grain: one row per opportunity and landmark day
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    fct_pipeline_snapshots as (select * from {{ ref("fct_pipeline_snapshots") }}),
    int_opportunity_versions_dated as (select * from {{ ref("int_opportunity_versions_dated") }}),
    -- the outcome came to be known when the status last changed
    resolved_deals as (
        select
            fct_opportunities.opportunity_id,
            fct_opportunities.outcome = 'won' as is_won,
            max(int_opportunity_versions_dated.known_from_date) as resolved_date,
        from fct_opportunities
        inner join
            int_opportunity_versions_dated
            on fct_opportunities.opportunity_id = int_opportunity_versions_dated.opportunity_id
        where
            fct_opportunities.outcome in ('won', 'lost')
            and int_opportunity_versions_dated.status
            is distinct from int_opportunity_versions_dated.previous_status
        group by fct_opportunities.opportunity_id, fct_opportunities.outcome
    ),
    month_ends as (
        select
            fct_pipeline_snapshots.opportunity_id,
            fct_pipeline_snapshots.snapshot_date as landmark_date,
            'month_end' as landmark_kind,
            business_day_end(fct_pipeline_snapshots.snapshot_date) as landmark_at,
            fct_pipeline_snapshots.source_system,
            fct_pipeline_snapshots.pipeline,
            fct_pipeline_snapshots.segment,
            fct_pipeline_snapshots.stage,
            fct_pipeline_snapshots.owner_id,
            fct_pipeline_snapshots.account_id,
            fct_pipeline_snapshots.amount_base,
            fct_pipeline_snapshots.expected_close_date,
            fct_pipeline_snapshots.age_days,
            fct_pipeline_snapshots.days_in_stage,
            fct_pipeline_snapshots.is_history_reconstructed,
            resolved_deals.is_won,
            resolved_deals.resolved_date,
        from fct_pipeline_snapshots
        inner join
            resolved_deals on fct_pipeline_snapshots.opportunity_id = resolved_deals.opportunity_id
        where fct_pipeline_snapshots.snapshot_kind = 'month_end'
    ),
    month_end_counts as (
        select source_system, count(*) as month_end_count from month_ends group by source_system
    ),
    -- the same pairs are kept whatever machine draws them
    evidence as (
        select month_ends.*
        from month_ends
        inner join month_end_counts on month_ends.source_system = month_end_counts.source_system
        where
            month_end_counts.month_end_count <= {{ var("most_score_landmarks") }}
            or md5_number_lower(
                month_ends.opportunity_id || ' ' || cast(month_ends.landmark_date as varchar)
            )
            < pow(2, 64)
            * {{ safe_ratio(var("most_score_landmarks"), "month_end_counts.month_end_count") }}
    ),
    current_versions as (
        select opportunity_id, created_date, stage_entered_date, is_history_reconstructed,
        from int_opportunity_versions_dated
        where known_to_date is null
    ),
    open_deals as (
        select
            fct_opportunities.opportunity_id,
            run_settings.as_of_date as landmark_date,
            'as_of' as landmark_kind,
            run_settings.as_of_at as landmark_at,
            fct_opportunities.source_system,
            coalesce(fct_opportunities.pipeline, 'unknown') as pipeline,
            coalesce(fct_opportunities.segment, 'unknown') as segment,
            fct_opportunities.stage,
            fct_opportunities.owner_current_id as owner_id,
            fct_opportunities.account_id,
            fct_opportunities.amount_base,
            fct_opportunities.expected_close_date,
            cast(run_settings.as_of_date - current_versions.created_date as bigint) as age_days,
            cast(
                run_settings.as_of_date - current_versions.stage_entered_date as bigint
            ) as days_in_stage,
            coalesce(
                current_versions.is_history_reconstructed,
                fct_opportunities.is_history_reconstructed
            ) as is_history_reconstructed,
            cast(null as boolean) as is_won,
            cast(null as date) as resolved_date,
        from fct_opportunities
        left join
            current_versions on fct_opportunities.opportunity_id = current_versions.opportunity_id
        cross join run_settings
        where fct_opportunities.outcome = 'open'
    ),
    landmarks as (
        select *
        from evidence
        union all by name
        select *
        from open_deals
    )
select *
from landmarks
