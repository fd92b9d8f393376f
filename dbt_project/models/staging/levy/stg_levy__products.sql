-- Grain: one row per product: a part of the log
with
    known_rows as ({{ known_rows(source("raw_levy", "production_data")) }}),
    parts as (
        select
            'levy:' || {{ squeezed("part_desc") }} as product_id,
            {{ squeezed("part_desc") }} as product_name,
            'levy' as source_system,
            {{ first_known() }},
        from known_rows
        where {{ squeezed("part_desc") }} is not null
        group by product_id, product_name
    )
select *
from parts
