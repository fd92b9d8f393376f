-- Grain: one row per answer: opportunity and attribute
{%- set attributes = [
    "authority",
    "comp_size",
    "competitors",
    "purch_dept",
    "partnership",
    "budgt_alloc",
    "forml_tend",
    "rfi",
    "rfp",
    "growth",
    "posit_statm",
    "source",
    "client",
    "scope",
    "strat_deal",
    "cross_sale",
    "up_sale",
    "deal_type",
    "needs_def",
    "att_t_client",
] %}
with
    known_rows as ({{ known_rows(source("raw_bohanec", "salvirt_b2b_ml_dataset")) }}),
    answers as (
        select
            'bohanec:' || _row_number as opportunity_id,
            unnest(['{{ attributes | join("', '") }}']) as attribute_id,
            blank_to_null(unnest([{{ attributes | join(", ") }}])) as rating,
            cast(null as timestamp) as assessed_at,
            'bohanec:' || blank_to_null(seller) as assessed_by,
            'bohanec' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    ),
    given_answers as (select * from answers where rating is not null)
select *
from given_answers
