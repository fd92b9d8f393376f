-- Grain: one row per work order and version of it that dated extracts show
with
    known_work_orders as (
        {{
            known_versions(
                source("raw_standard", "work_orders"),
                key="work_order_id",
                known_at="to_instant(recorded_at)",
                happened_at="least(to_instant(released_at), to_instant(started_at))",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(work_order_id) as work_order_id,
            {{ quantity("quantity") }} as quantity,
            to_instant(planned_end_at) as planned_end_at,
            to_instant(finished_at) as finished_at,
            -- a later version is known from the extract that first shows it
            case
                when not _is_first_extract
                then greatest(_known_at, _valid_from)
                else coalesce(_known_at, least(to_instant(released_at), to_instant(started_at)))
            end as seen_at,
            _ended_at as ended_at,
            'standard' as source_system,
        from known_work_orders
    )
select *
from renamed
