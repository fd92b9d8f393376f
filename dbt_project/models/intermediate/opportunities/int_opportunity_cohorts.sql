-- Grain: one row per opportunity
with
    int_opportunities_unioned as (select * from {{ ref("int_opportunities_unioned") }}),
    int_opportunity_versions as (select * from {{ ref("int_opportunity_versions") }}),
    first_versions as (
        select opportunity_id, segment, from int_opportunity_versions where version_number = 1
    ),
    current_versions as (select * from int_opportunity_versions where valid_to is null),
    cohorts as (
        select
            current_versions.opportunity_id,
            current_versions.source_system,
            current_versions.pipeline,
            first_versions.segment as entry_segment,
            cast(
                date_trunc('month', business_date(int_opportunities_unioned.created_at)) as date
            ) as entry_month,
            coalesce(
                strftime(business_date(int_opportunities_unioned.created_at), '%Y-%m'), 'unknown'
            ) as cohort,
            case
                when current_versions.merged_into_opportunity_id is not null
                then 'merged'
                when current_versions.is_deleted
                then 'deleted'
                else coalesce(current_versions.stage_type, 'open')
            end as outcome,
        from current_versions
        inner join first_versions on current_versions.opportunity_id = first_versions.opportunity_id
        inner join
            int_opportunities_unioned
            on current_versions.opportunity_id = int_opportunities_unioned.opportunity_id
    )
select *
from cohorts
