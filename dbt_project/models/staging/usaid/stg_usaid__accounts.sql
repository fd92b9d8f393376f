-- Grain: one row per account: the project that ordered
with
    known_rows as (
        {{
            known_rows(
                source("raw_usaid", "supply_chain_shipment_pricing_data"), vanished_key="id"
            )
        }}
    ),
    projects as (
        select
            'usaid:' || blank_to_null(project_code) as account_id,
            blank_to_null(project_code) as account_name,
            min(blank_to_null(country)) as region,
            bool_or(_vanished_at is null) as is_listed,
            'usaid' as source_system,
            {{ first_known() }},
        from known_rows
        where blank_to_null(project_code) is not null
        group by account_id, account_name
    )
select *
from projects
