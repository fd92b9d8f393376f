-- Grain: one row per change of one field of an opportunity that dated extracts show
with
    stages as (select * from {{ ref("stages") }}),
    known_versions as (
        {{
            known_versions(
                source("raw_standard", "opportunities"),
                key="opportunity_id",
                known_at="coalesce(to_instant(recorded_at), to_instant(created_at))",
            )
        }}
    ),
    versions as (
        select
            blank_to_null(opportunity_id) as opportunity_id,
            blank_to_null(account_id) as account_id,
            blank_to_null(owner_id) as owner_id,
            coalesce(blank_to_null(pipeline), 'default') as pipeline,
            blank_to_null(stage) as stage,
            to_instant(created_at) as created_at,
            to_instant(closed_at) as closed_at,
            to_date(expected_close_date) as expected_close_date,
            {{ money("amount") }} as amount,
            upper(blank_to_null(currency)) as currency,
            cast(to_decimal(probability) as double) as probability,
            blank_to_null(forecast_category) as forecast_category,
            blank_to_null(merged_into_opportunity_id) as merged_into_opportunity_id,
            to_instant(merged_at) as merged_at,
            to_boolean(is_deleted) as is_deleted,
            to_instant(deleted_at) as deleted_at,
            'standard' as source_system,
            _valid_from as seen_at,
            _ended_at as ended_at,
            _is_first_extract as is_first_extract,
        from known_versions
    ),
    versions_and_ends as (
        select versions.*, stages.stage is not null as is_closed,
        from versions
        left join
            stages
            on versions.source_system = stages.source_system
            and versions.pipeline = stages.pipeline
            and versions.stage = stages.stage
            and stages.stage_type <> 'open'
    ),
    changes_seen as ({{ opportunity_changes_seen("versions_and_ends") }})
select *
from changes_seen
