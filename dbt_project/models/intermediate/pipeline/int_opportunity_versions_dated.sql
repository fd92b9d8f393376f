-- Grain: one row per opportunity and version
with
    int_opportunity_versions as (select * from {{ ref("int_opportunity_versions") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    cut_to_days as (
        select
            int_opportunity_versions.*,
            coalesce(
                int_opportunity_versions.currency, run_settings.base_currency
            ) as dated_currency,
            -- whatever is known at the as_of counts on its day, to the last instant
            case
                when int_opportunity_versions.valid_from < run_settings.as_of_at
                then business_date(int_opportunity_versions.valid_from)
                when int_opportunity_versions.valid_from is not null
                then run_settings.as_of_date
            end as known_from_date,
            case
                when int_opportunity_versions.merged_into_opportunity_id is not null
                then 'merged'
                when int_opportunity_versions.is_deleted
                then 'deleted'
                -- a stage that the seed does not know ends nothing
                else coalesce(int_opportunity_versions.stage_type, 'open')
            end as status,
        from int_opportunity_versions
        cross join run_settings
    ),
    in_order as (
        select
            *,
            first_value(known_from_date) over history as created_date,
            lead(known_from_date) over history as known_to_date,
            lag(status) over history as previous_status,
            case
                when
                    version_number = 1
                    or coalesce(stage, '') <> lag(coalesce(stage, '')) over history
                    or pipeline <> lag(pipeline) over history
                then known_from_date
            end as stage_change_date,
        from cut_to_days
        window history as (partition by opportunity_id order by version_number)
    ),
    dated as (
        select
            opportunity_id,
            version_number,
            source_system,
            known_from_date,
            known_to_date,
            created_date,
            last_value(stage_change_date ignore nulls) over (
                partition by opportunity_id
                order by version_number
                rows between unbounded preceding and current row
            ) as stage_entered_date,
            status,
            previous_status,
            coalesce(pipeline, 'unknown') as pipeline,
            coalesce(segment, 'unknown') as segment,
            stage,
            stage_order,
            is_qualified,
            owner_id,
            account_id,
            amount_original,
            dated_currency as currency,
            expected_close_date,
            is_history_reconstructed,
        from in_order
        where created_date is not null
    )
select *
from dated
