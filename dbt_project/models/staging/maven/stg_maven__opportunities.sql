-- Grain: one row per opportunity
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    known_rows as (
        {{
            known_rows(
                source("raw_maven", "sales_pipeline"),
                happened_at=day_start("to_date(engage_date)"),
                vanished_key="opportunity_id",
            )
        }}
    ),
    -- a deal is known since the first extract that named it, whatever later ones say of it
    first_seen as (
        select
            opportunity_id,
            bool_or(_is_first_extract) as is_in_first_extract,
            min(_valid_from) as first_seen_at,
        from {{ source("raw_maven", "sales_pipeline") }}
        group by opportunity_id
    ),
    as_known as (
        select
            known_rows.*,
            first_seen.is_in_first_extract,
            first_seen.first_seen_at,
            known_rows.deal_stage in ('Won', 'Lost')
            and not coalesce(
                known_rows._is_reconstructed
                and to_date(known_rows.close_date) > run_settings.as_of_date,
                false
            ) as is_closed,
        from known_rows
        inner join first_seen on known_rows.opportunity_id = first_seen.opportunity_id
        cross join run_settings
    ),
    renamed as (
        select
            'maven:' || blank_to_null(opportunity_id) as opportunity_id,
            'maven:' || blank_to_null(account) as account_id,
            'maven:' || blank_to_null(sales_agent) as owner_id,
            'default' as pipeline,
            -- the closing of a first extract is known from its own date: before it, the deal was
            -- open in the stage from which deals close
            case
                when deal_stage in ('Won', 'Lost') and not is_closed
                then 'Engaging'
                else blank_to_null(deal_stage)
            end as stage,
            {{ day_start("to_date(engage_date)") }} as created_at,
            case when is_closed then {{ day_start("to_date(close_date)") }} end as closed_at,
            -- a lost deal carries 0: its value was not recorded
            case
                when is_closed and deal_stage = 'Won' then {{ money("close_value") }}
            end as amount,
            'USD' as currency,
            'maven:' || {{ mapped_value("maven", "sales_pipeline", "product") }} as product_id,
            blank_to_null(product) as product_id_as_delivered,
            _vanished_at is not null as is_deleted,
            _vanished_at as deleted_at,
            'maven' as source_system,
            case
                when is_in_first_extract
                then {{ day_start("to_date(engage_date)") }}
                else first_seen_at
            end as recorded_at,
            is_in_first_extract as is_history_reconstructed,
        from as_known
    )
select *
from renamed
