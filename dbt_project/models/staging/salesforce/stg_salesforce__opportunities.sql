-- Grain: one row per opportunity
with
    records as ({{ salesforce_records("opportunity") }}),
    line_items as ({{ salesforce_records("opportunity_line_item") }}),
    -- the history that Salesforce keeps of every opportunity since its creation
    with_history as (
        select distinct left(trim(opportunity_id), 15) as opportunity,
        from {{ source("raw_salesforce", "opportunity_history") }}
        where _valid_from is not null and blank_to_null(opportunity_id) is not null
    ),
    -- a deal has no product of its own: its largest line stands for it
    main_products as (
        select
            left(trim(opportunity_id), 15) as opportunity,
            {{ salesforce_id("product_2_id") }} as product_id,
        from line_items
        where not _is_deleted and blank_to_null(product_2_id) is not null
        qualify
            row_number() over (
                partition by left(trim(opportunity_id), 15)
                order by to_decimal(total_price) desc nulls last, id
            )
            = 1
    ),
    renamed as (
        select
            {{ salesforce_id("records.id") }} as opportunity_id,
            {{ salesforce_id("records.account_id") }} as account_id,
            {{ salesforce_id("records.owner_id") }} as owner_id,
            {{ salesforce_pipeline("records.record_type_id") }} as pipeline,
            blank_to_null(records.stage_name) as stage,
            records._created_at as created_at,
            -- only newer exports say when; the close date is what a rep wrote, and lies ahead of
            -- many deals that closed
            case
                when {{ salesforce_flag("records.is_closed") }}
                then
                    coalesce(
                        to_utc_instant(records.last_stage_change_date),
                        greatest(
                            least(
                                {{ day_start("to_utc_date(records.close_date)") }},
                                records._modified_at
                            ),
                            records._created_at
                        )
                    )
            end as closed_at,
            to_utc_date(records.close_date) as expected_close_date,
            {{ money("records.amount") }} as amount,
            upper(blank_to_null(records.currency_iso_code)) as currency,
            {{ salesforce_probability("records.probability") }} as probability,
            coalesce(
                {{ salesforce_forecast_category("records.forecast_category") }},
                blank_to_null(records.forecast_category_name)
            ) as forecast_category,
            blank_to_null(records.loss_reason_c) as outcome_reason,
            blank_to_null(records.lead_source) as lead_source,
            coalesce(
                blank_to_null(records.type), blank_to_null(records.record_type_id)
            ) as opportunity_type,
            main_products.product_id,
            records._is_deleted as is_deleted,
            records._deleted_at as deleted_at,
            'salesforce' as source_system,
            records._known_at as recorded_at,
            records._valid_from as extracted_at,
            records._is_first and with_history.opportunity is null as is_history_reconstructed,
        from records
        left join main_products on records._record = main_products.opportunity
        left join with_history on records._record = with_history.opportunity
    )
select *
from renamed
