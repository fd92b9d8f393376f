-- Grain: one row per source system, grouping and group of product changes in effect
with
    fct_product_changes as (select * from {{ ref("fct_product_changes") }}),
    grouped as (
        {% for grouped_by, group_value in [
            ("all", "'all'"),
            ("effective_year", "cast(year(effective_date) as varchar)"),
            ("change_type", "change_type"),
            ("size_class", "size_class"),
        ] %}
            select '{{ grouped_by }}' as grouped_by, {{ group_value }} as group_value, *,
            from fct_product_changes
            where is_in_effect
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),
    sign_offs as (
        select
            source_system,
            grouped_by,
            group_value,
            count(*) as change_count,
            {% for function in ["operations", "sales"] %}
                {{
                    rate_columns(
                        function ~ "_sign_off_rate",
                        "count(*) filter (where is_signed_off_by_" ~ function ~ "_before_effect)",
                        "count(*)",
                    ) | indent(16)
                }},
            {% endfor %}
            {{
                rate_columns(
                    "both_sign_off_rate",
                    "count(*) filter (where is_signed_off_by_operations_before_effect"
                    " and is_signed_off_by_sales_before_effect)",
                    "count(*)",
                ) | indent(12)
            }},
            count(*) filter (where issued_objective_count = 0) as without_objective_count,
            cast(sum(issued_objective_count) as bigint) as objectives_per_product_change_numerator,
            count(*) as objectives_per_product_change_denominator,
            round(
                {{ safe_ratio("sum(issued_objective_count)", "count(*)") }}, 9
            ) as objectives_per_product_change,
            cast(sum(issued_assignment_count) as bigint) as issued_assignment_count,
        from grouped
        group by source_system, grouped_by, group_value
    )
select *
from sign_offs
