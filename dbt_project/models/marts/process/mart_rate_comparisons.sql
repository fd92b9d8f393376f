-- Grain: one row per metric, source system, dimension and member
with
    int_rate_cases as (select * from {{ ref("int_rate_cases") }}),
    int_rate_limits as (select * from {{ ref("int_rate_limits") }}),
    compared_rates as (
        select
            int_rate_cases.metric,
            int_rate_cases.source_system,
            int_rate_cases.dimension,
            int_rate_cases.member,
            int_rate_cases.window_start_date,
            int_rate_cases.window_end_date,
            {{
                rate_columns(
                    "rate",
                    "int_rate_cases.rate_numerator",
                    "int_rate_cases.rate_denominator",
                )
            }},
            {{ limit_columns("int_rate_limits") }},
        from int_rate_cases
        left join
            int_rate_limits
            on int_rate_cases.metric = int_rate_limits.metric
            and int_rate_cases.source_system = int_rate_limits.source_system
            and int_rate_cases.dimension = int_rate_limits.dimension
            and int_rate_cases.member = int_rate_limits.member
    )
select *
from compared_rates
