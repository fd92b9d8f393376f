-- Grain: one row per step of a routing and version of it
{%- set known_at = "to_instant(recorded_at)" %}
with
    routings as (
        select
            extract_rows.*,
            {{ known_columns(known_at) }},
            case
                when extract_rows._valid_to < run_settings.as_of_at then extract_rows._valid_to
            end as _ended_at,
        from {{ source("raw_standard", "routings") }} as extract_rows
        cross join {{ ref("stg_run_settings") }} as run_settings
        where extract_rows._valid_from is not null and {{ is_known_row(known_at, none) }}
    ),
    renamed as (
        select
            blank_to_null(product_id) as product_id,
            blank_to_null(operation_number) as operation_number,
            blank_to_null(work_center_id) as work_center_id,
            cast(to_decimal(setup_minutes) as double) as setup_minutes,
            cast(to_decimal(run_minutes_per_unit) as double) as run_minutes_per_unit,
            {{ quantity("lot_size") }} as lot_size,
            _ended_at as ended_at,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from routings
    )
select *
from renamed
