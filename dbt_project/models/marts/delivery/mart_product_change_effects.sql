-- Grain: one row per source system, grouping, group and measure
with
    int_product_change_effects_pooled as (
        select * from {{ ref("int_product_change_effects_pooled") }}
    ),
    fct_product_change_effects as (select * from {{ ref("fct_product_change_effects") }}),
    -- changes in effect that are no evidence, and why
    grouped as (
        {% for grouped_by in ["all", "change_type", "size_class"] %}
            select
                source_system,
                '{{ grouped_by }}' as grouped_by,
                {{ "'all'" if grouped_by == "all" else grouped_by }} as group_value,
                measure,
                missing_reason,
                other_change_count,
            from fct_product_change_effects
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),
    left_out as (
        select
            source_system,
            grouped_by,
            group_value,
            measure,
            count(*) filter (where missing_reason is not null) as not_whole_count,
            count(*) filter (
                where missing_reason is null and other_change_count > 0
            ) as not_alone_count,
        from grouped
        group by source_system, grouped_by, group_value, measure
    ),
    counted as (
        select
            int_product_change_effects_pooled.*, left_out.not_whole_count, left_out.not_alone_count,
        from int_product_change_effects_pooled
        left join
            left_out
            on left_out.source_system = int_product_change_effects_pooled.source_system
            and left_out.grouped_by = int_product_change_effects_pooled.grouped_by
            and left_out.group_value = int_product_change_effects_pooled.group_value
            and left_out.measure = int_product_change_effects_pooled.measure
    ),
    reasoned as (
        select
            *,
            {% for prefix in ["", "placebo_", "net_"] -%}
                {{ suppressed_reason(prefix ~ "product_count") }} as {{ prefix }}reason,
            {% endfor %}
        from counted
    ),
    effects as (
        select
            source_system,
            grouped_by,
            group_value,
            measure,
            change_count,
            product_count,
            not_whole_count,
            not_alone_count,
            before_sum,
            after_sum,
            {% for prefix in ["", "placebo_", "net_"] -%}
                {% if prefix %} {{ prefix }}change_count, {{ prefix }}product_count, {% endif %}
                {% for end in ["", "_low", "_high"] -%}
                    case
                        when {{ prefix }}reason is null then mean_{{ prefix }}difference{{ end }}
                    end as mean_{{ prefix }}difference{{ end }},
                {% endfor %}
                {{ prefix }}reason as mean_{{ prefix }}difference_suppressed_reason,
            {% endfor %}
            case
                when net_reason is not null
                then 'too few'
                when corrected_low > 0
                then 'more'
                when corrected_high < 0
                then 'less'
                else 'not shown'
            end as effect_status,
            compared_count,
        from reasoned
    )
select *
from effects
