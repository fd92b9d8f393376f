-- Grain: one row per operation report
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "operations"),
                known_at="to_instant(recorded_at)",
                happened_at="to_instant(started_at)",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(work_order_id) as work_order_id,
            blank_to_null(operation_number) as operation_number,
            blank_to_null(work_center_id) as work_center_id,
            to_instant(started_at) as started_at,
            to_instant(finished_at) as finished_at,
            lower(blank_to_null(report_type)) as report_type,
            {{ quantity("quantity_good") }} as quantity_good,
            {{ quantity("quantity_scrapped") }} as quantity_scrapped,
            cast(null as decimal(18, 4)) as quantity_for_mrb,
            {{ quantity("quantity_reworked") }} as quantity_reworked,
            cast(null as boolean) as is_rework,
            blank_to_null(worker_id) as worker_id,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
