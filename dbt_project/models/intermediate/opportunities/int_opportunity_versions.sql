-- Grain: one row per opportunity and version, as it was known from one instant to the next
{%- set fields = [
    "stage",
    "pipeline",
    "amount",
    "currency",
    "expected_close_date",
    "owner_id",
    "account_id",
    "probability",
    "forecast_category",
    "is_deleted",
    "merged_into_opportunity_id",
] %}
with
    int_opportunities_unioned as (select * from {{ ref("int_opportunities_unioned") }}),
    int_opportunity_changes_ordered as (select * from {{ ref("int_opportunity_changes_ordered") }}),
    int_stages_ranked as (select * from {{ ref("int_stages_ranked") }}),
    int_accounts_unioned as (select * from {{ ref("int_accounts_unioned") }}),
    int_account_survivors as (select * from {{ ref("int_account_survivors") }}),
    -- by when it was known, so that a figure of a past day can be told as it was told then
    known_states as (
        {{ opportunity_states(fields, instant="known_at", condition="not is_overtaken") }}
    ),
    typed as (
        select
            known_states.opportunity_id,
            known_states.state_number as version_number,
            known_states.starts_at as valid_from,
            known_states.ends_at as valid_to,
            coalesce(known_states.starts_at = known_states.ends_at, false) as is_instantaneous,
            int_opportunities_unioned.source_system,
            {{ logged_or_current("known_states", "stage") }} as stage,
            coalesce({{ logged_or_current("known_states", "pipeline") }}, 'default') as pipeline,
            {{ logged_or_current("known_states", "amount", "money") }} as amount_original,
            {{ logged_or_current("known_states", "currency") }} as currency,
            {{ logged_or_current("known_states", "expected_close_date", "date") }}
            as expected_close_date,
            {{ logged_or_current("known_states", "owner_id") }} as owner_id,
            {{ logged_or_current("known_states", "account_id") }} as account_id,
            {{ logged_or_current("known_states", "probability", "double") }} as probability,
            {{ logged_or_current("known_states", "forecast_category") }} as forecast_category,
            coalesce(
                {{ logged_or_current("known_states", "is_deleted", "boolean") }}, false
            ) as is_deleted,
            {{ logged_or_current("known_states", "merged_into_opportunity_id") }}
            as merged_into_opportunity_id,
            known_states.is_history_reconstructed,
        from known_states
        inner join
            int_opportunities_unioned
            on known_states.opportunity_id = int_opportunities_unioned.opportunity_id
    ),
    versions as (
        select
            typed.opportunity_id,
            typed.version_number,
            typed.source_system,
            typed.valid_from,
            typed.valid_to,
            typed.is_instantaneous,
            typed.pipeline,
            typed.stage,
            int_stages_ranked.stage_order,
            case
                when typed.stage is null then 'open' else int_stages_ranked.stage_type
            end as stage_type,
            int_stages_ranked.is_qualified,
            int_stages_ranked.is_proposal,
            typed.amount_original,
            typed.currency,
            typed.expected_close_date,
            typed.owner_id,
            coalesce(int_account_survivors.surviving_account_id, typed.account_id) as account_id,
            coalesce(int_accounts_unioned.segment, 'unknown') as segment,
            typed.probability,
            typed.forecast_category,
            typed.is_deleted,
            typed.merged_into_opportunity_id,
            typed.is_history_reconstructed,
        from typed
        left join
            int_stages_ranked
            on typed.source_system = int_stages_ranked.source_system
            and typed.pipeline = int_stages_ranked.pipeline
            and typed.stage = int_stages_ranked.stage
        left join int_account_survivors on typed.account_id = int_account_survivors.account_id
        left join
            int_accounts_unioned
            on coalesce(int_account_survivors.surviving_account_id, typed.account_id)
            = int_accounts_unioned.account_id
    )
select *
from versions
