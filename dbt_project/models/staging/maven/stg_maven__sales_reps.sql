-- Grain: one row per rep
with
    known_rows as (
        {{ known_rows(source("raw_maven", "sales_teams"), vanished_key="sales_agent") }}
    ),
    renamed as (
        select
            'maven:' || blank_to_null(sales_agent) as rep_id,
            blank_to_null(sales_agent) as rep_name,
            'maven:' || blank_to_null(manager) as manager_id,
            blank_to_null(regional_office) as territory,
            _vanished_at is null as is_listed,
            'maven' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
