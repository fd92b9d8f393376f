-- Grain: one row per operation report
{%- set started_at = "to_instant_as(start_timestamp, '%Y/%m/%d %H:%M:%S.%g')" %}
{%- set finished_at = "to_instant_as(complete_timestamp, '%Y/%m/%d %H:%M:%S.%g')" %}
with
    known_rows as ({{ known_rows(source("raw_levy", "production_data"), happened_at=started_at) }}),
    renamed as (
        select
            'levy:' || {{ squeezed("case_id") }} as work_order_id,
            -- the log has no numbers: the place of the report within its work order
            cast(
                row_number() over (
                    partition by {{ squeezed("case_id") }}
                    order by
                        {{ started_at }}, {{ finished_at }}, activity, resource, _file, _row_number
                ) as varchar
            ) as operation_number,
            {{ squeezed("activity") }} as operation_name,
            'levy:' || {{ squeezed("resource") }} as work_center_id,
            {{ started_at }} as started_at,
            {{ finished_at }} as finished_at,
            case
                lower(trim(report_type))
                when 'd'
                then 'run'
                when 's'
                then 'setup'
                when 'b'
                then 'breakdown'
            end as report_type,
            {{ quantity("qty_completed") }} as quantity_good,
            {{ quantity("qty_rejected") }} as quantity_scrapped,
            {{ quantity("qty_for_mrb") }} as quantity_for_mrb,
            coalesce(upper(trim(rework)) = 'Y', false) as is_rework,
            'levy:' || blank_to_null(worker_id) as worker_id,
            'levy' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
