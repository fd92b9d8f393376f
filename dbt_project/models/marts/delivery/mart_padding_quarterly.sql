-- Grain: one row per source system, product family and quarter of the order
{%- set padding_is_few = suppressed_reason("padding_count") %}
{%- set override_is_few = suppressed_reason("override_count") %}
with
    int_padding_quarters as (select * from {{ ref("int_padding_quarters") }}),
    final as (
        select
            source_system,
            product_family,
            quarter_start_date,
            quoted_count,
            padding_count,
            quoted_lead_days,
            realised_lead_days,
            padding_days,
            case when {{ padding_is_few }} is null then padding_days_mean end as padding_days_mean,
            {{ padding_is_few }} as padding_days_mean_suppressed_reason,
            override_count,
            override_days,
            case
                when {{ override_is_few }} is null then override_days_mean
            end as override_days_mean,
            {{ override_is_few }} as override_days_mean_suppressed_reason,
            is_complete,
        from int_padding_quarters
    )
select *
from final
