-- Grain: one row per source system and coached step of the funnel, `all` for every step together
with
    int_coaching_effects as (select * from {{ ref("int_coaching_effects") }}),
    effects as (
        select
            source_system,
            process_step,
            comparison_count,
            coached_rep_count,
            other_rep_count,
            {% for side in ["coached_before", "coached_after", "other_before", "other_after"] -%}
                {{ rate_columns(side ~ "_rate", side ~ "_passed", side ~ "_ended") }},
            {% endfor -%}
            expected_after,
            effect,
            effect_lower,
            effect_upper,
            plain_effect,
            plain_effect_lower,
            plain_effect_upper,
            coalesce(verdict, 'too few') as effect_status,
            case when status != 'measured' then status end as effect_suppressed_reason,
        from int_coaching_effects
    )
select *
from effects
