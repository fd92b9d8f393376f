{#
    Throughput of the lines of fct_throughput_lines by month and `columns`, per hour of the
    constraint: the CTEs `summed` and `rated`. Only lines of which throughput and hours are known
    are in it; the others are counted.
#}
{% macro throughput_by(columns) -%}
    summed as (
        select
            source_system,
            cast(date_trunc('month', need_date) as date) as need_month,
            demand_kind,
            {{ columns }},
            count(*) as line_count,
            count(*) filter (
                throughput_amount is null or constraint_hours is null
            ) as unknown_line_count,
            cast(sum(quantity) as decimal(18, 4)) as quantity,
            cast(sum(value_amount) as decimal(18, 2)) as value_amount,
            cast(sum(throughput_amount) as decimal(18, 2)) as throughput_amount,
            cast(
                sum(throughput_amount) filter (constraint_hours is not null) as decimal(18, 2)
            ) as throughput_per_constraint_hour_numerator,
            round(
                sum(constraint_hours order by constraint_hours) filter (
                    throughput_amount is not null
                ),
                9
            ) as throughput_per_constraint_hour_denominator,
        from fct_throughput_lines
        group by all
    ),
    rated as (
        select
            *,
            case
                when line_count = unknown_line_count
                then 'throughput or hours are unknown'
                when throughput_per_constraint_hour_denominator = 0
                then 'takes no hour of the constraint'
            end as throughput_per_constraint_hour_suppressed_reason,
            round(
                {{
                    safe_ratio(
                        "throughput_per_constraint_hour_numerator",
                        "throughput_per_constraint_hour_denominator",
                    )
                }},
                9
            ) as throughput_per_constraint_hour,
        from summed
    )
{%- endmacro %}
