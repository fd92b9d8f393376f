-- Grain: one row per work centre: a resource of the log
with
    known_rows as ({{ known_rows(source("raw_levy", "production_data")) }}),
    resources as (
        select
            'levy:' || {{ squeezed("resource") }} as work_center_id,
            {{ squeezed("resource") }} as work_center_name,
            'levy' as source_system,
            {{ first_known() }},
        from known_rows
        group by work_center_id, work_center_name
    )
select *
from resources
