-- Grain: one row per rep: a seller
with
    known_rows as ({{ known_rows(source("raw_bohanec", "salvirt_b2b_ml_dataset")) }}),
    sellers as (
        select
            'bohanec:' || blank_to_null(seller) as rep_id,
            blank_to_null(seller) as rep_name,
            'bohanec' as source_system,
            {{ first_known() }},
        from known_rows
        where blank_to_null(seller) is not null
        group by rep_id, rep_name
    )
select *
from sellers
