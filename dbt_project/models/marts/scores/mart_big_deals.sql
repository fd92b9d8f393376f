-- Grain: one row per source system, period kind, period and large deal
with
    int_big_deals as (select * from {{ ref("int_big_deals") }}),
    int_opportunity_versions_dated as (select * from {{ ref("int_opportunity_versions_dated") }}),
    int_opportunity_versions_compared as (
        select * from {{ ref("int_opportunity_versions_compared") }}
    ),
    int_opportunity_changes_ordered as (select * from {{ ref("int_opportunity_changes_ordered") }}),
    int_stage_win_rates_dated as (select * from {{ ref("int_stage_win_rates_dated") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    fct_opportunity_scores as (select * from {{ ref("fct_opportunity_scores") }}),
    -- where the CRM never logs a probability, the one it shows may be that of the outcome
    logging_systems as (
        select distinct fct_opportunities.source_system,
        from int_opportunity_changes_ordered as changes
        inner join fct_opportunities on changes.opportunity_id = fct_opportunities.opportunity_id
        where changes.field = 'probability' and not changes.is_history_reconstructed
    ),
    watched as (select *, fate_date - 30 as watch_date, from int_big_deals),
    stood as (
        select
            watched.*,
            versions.status,
            coalesce(versions.stage, 'unknown') as stage_then,
            case
                when
                    logging_systems.source_system is not null
                    and not versions.is_history_reconstructed
                    and compared.probability between 0 and 1
                then compared.probability
            end as crm_probability,
        from watched
        left join
            int_opportunity_versions_dated as versions
            on watched.opportunity_id = versions.opportunity_id
            and watched.watch_date >= versions.known_from_date
            and coalesce(watched.watch_date < versions.known_to_date, true)
        left join
            int_opportunity_versions_compared as compared
            on versions.opportunity_id = compared.opportunity_id
            and versions.version_number = compared.version_number
        left join logging_systems on watched.source_system = logging_systems.source_system
    ),
    rated as (
        select
            stood.*,
            case
                when stood.status = 'open'
                then coalesce(stood.crm_probability, stage_rates.win_rate)
            end as probability_before,
            case
                when stood.status is null
                then 'not known 30 days before'
                when stood.status <> 'open'
                then 'not open 30 days before'
                when stood.crm_probability is null and stage_rates.win_rate is null
                then 'nothing said how likely it was'
            end as probability_before_suppressed_reason,
            case
                when stood.status <> 'open'
                then null
                when stood.crm_probability is not null
                then 'CRM'
                when stage_rates.win_rate is not null
                then 'win rate of the stage'
            end as probability_basis,
        from stood
        asof left join
            int_stage_win_rates_dated as stage_rates
            on stood.source_system = stage_rates.source_system
            and stood.stage_then = stage_rates.stage
            and stood.watch_date >= stage_rates.snapshot_date
    ),
    final as (
        select
            rated.source_system,
            rated.period_kind,
            rated.period_start,
            rated.period_end,
            rated.opportunity_id,
            fct_opportunities.account_id,
            fct_opportunities.pipeline,
            fct_opportunities.stage,
            rated.fate,
            rated.fate_date,
            rated.amount_base,
            rated.threshold_amount,
            rated.expected_close_date,
            rated.watch_date,
            round(rated.probability_before, 9) as probability_before,
            rated.probability_before_suppressed_reason,
            rated.probability_basis,
            case
                when rated.fate in ('lost', 'slipped')
                then rated.probability_before >= {{ var("big_deal_likely_from") }}
                else false
            end as is_surprise,
            fct_opportunity_scores.win_probability,
        from rated
        inner join fct_opportunities on rated.opportunity_id = fct_opportunities.opportunity_id
        left join
            fct_opportunity_scores
            on rated.fate = 'open'
            and rated.opportunity_id = fct_opportunity_scores.opportunity_id
    )
select *
from final
