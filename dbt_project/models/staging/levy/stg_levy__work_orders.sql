-- Grain: one row per work order: a case of the log
{%- set started_at = "to_instant_as(start_timestamp, '%Y/%m/%d %H:%M:%S.%g')" %}
{%- set finished_at = "to_instant_as(complete_timestamp, '%Y/%m/%d %H:%M:%S.%g')" %}
with
    known_rows as ({{ known_rows(source("raw_levy", "production_data"), happened_at=started_at) }}),
    cases as (
        select
            'levy:' || {{ squeezed("case_id") }} as work_order_id,
            'levy:' || min({{ squeezed("part_desc") }}) as product_id,
            max({{ quantity("work_order_qty") }}) as quantity,
            min({{ started_at }}) as started_at,
            max({{ finished_at }}) as finished_at,
            'levy' as source_system,
            {{ first_known() }},
        from known_rows
        group by work_order_id
    )
select *
from cases
