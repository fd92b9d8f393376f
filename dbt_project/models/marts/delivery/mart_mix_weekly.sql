-- Grain: one row per source system and week
{%- set kinds = ["booked", "pipeline", "capability"] %}
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    mart_product_mix_weekly as (select * from {{ ref("mart_product_mix_weekly") }}),
    fct_throughput_lines as (select * from {{ ref("fct_throughput_lines") }}),
    mixed as (
        select
            source_system,
            week_start_date,
            any_value(constraint_work_center_id) as constraint_work_center_id,
            any_value(constraint_load) as constraint_load,
            cast(sum(booked_line_count) as bigint) as booked_line_count,
            cast(
                coalesce(sum(booked_line_count) filter (booked_hours is null), 0) as bigint
            ) as booked_without_hours_count,
            {%- for kind in kinds %}
                cast(sum({{ kind }}_quantity) as decimal(18, 4)) as {{ kind }}_quantity,
                sum({{ kind }}_hours) as {{ kind }}_hours,
                {{
                    safe_ratio(
                        "sum(" ~ kind ~ "_quantity * difficulty_index)",
                        "sum(" ~ kind ~ "_quantity) filter (difficulty_index is not null)",
                    )
                }} as {{ kind }}_difficulty,
            {%- endfor %}
            1 - sum(abs(coalesce(booked_share, 0) - coalesce(capability_share, 0))) / 2 as mix_fit,
            1
            - sum(abs(coalesce(pipeline_share, 0) - coalesce(capability_share, 0)))
            / 2 as pipeline_mix_fit,
            {{
                safe_ratio(
                    "coalesce(sum(capability_quantity) filter (is_easy), 0)",
                    "sum(capability_quantity) filter (difficulty_index is not null)",
                )
            }} as easy_share,
        from mart_product_mix_weekly
        group by source_system, week_start_date
    ),
    baskets as (
        select
            source_system,
            demand_id,
            min(need_week_start_date) as week_start_date,
            bool_or(is_hard) as has_hard_product,
            {{
                safe_ratio(
                    "coalesce(sum(quantity) filter (is_easy), 0)",
                    "sum(quantity) filter (difficulty_index is not null)",
                )
            }} as easy_share,
        from fct_throughput_lines
        where demand_kind = 'order' and need_week_start_date is not null
        group by source_system, demand_id
    ),
    balanced as (
        select
            baskets.source_system,
            baskets.week_start_date,
            count(*) as hard_basket_count,
            count(*) filter (baskets.easy_share >= mixed.easy_share) as balanced_basket_count,
        from baskets
        inner join
            mixed
            on baskets.source_system = mixed.source_system
            and baskets.week_start_date = mixed.week_start_date
        where baskets.has_hard_product and mixed.easy_share is not null
        group by baskets.source_system, baskets.week_start_date
    ),
    promised as (
        select
            source_system,
            need_week_start_date as week_start_date,
            count(*) filter (value_amount is not null) as valued_line_count,
            sum(value_amount) as value_amount,
            sum(value_amount) filter (is_sold_before_capable) as before_capable_amount,
        from fct_throughput_lines
        -- of a week without known load nothing can be said
        where demand_kind = 'order' and bottleneck_load is not null
        group by source_system, need_week_start_date
    ),
    final as (
        select
            mixed.source_system,
            mixed.week_start_date,
            mixed.week_start_date + 6 <= run_settings.as_of_date as is_over,
            mixed.constraint_work_center_id,
            mixed.constraint_load,
            mixed.booked_line_count,
            mixed.booked_without_hours_count,
            {%- for kind in kinds %}
                mixed.{{ kind }}_quantity,
                round(mixed.{{ kind }}_hours, 9) as {{ kind }}_hours,
                round(mixed.{{ kind }}_difficulty, 9) as {{ kind }}_difficulty,
            {%- endfor %}
            round(mixed.booked_difficulty - mixed.capability_difficulty, 9) as difficulty_gap,
            case
                when mixed.constraint_work_center_id is null
                then 'no constraint is known of the week'
                when coalesce(mixed.capability_hours, 0) = 0
                then 'production finished nothing that takes the constraint'
                when coalesce(mixed.booked_hours, 0) = 0
                then 'nothing booked takes the constraint'
                when mixed.booked_line_count < {{ var("min_n") }}
                then {{ suppressed_reason("mixed.booked_line_count") }}
            end as mix_fit_suppressed_reason,
            case when mix_fit_suppressed_reason is null then round(mixed.mix_fit, 9) end as mix_fit,
            case
                when mixed.capability_hours > 0 and mixed.pipeline_hours > 0
                then round(mixed.pipeline_mix_fit, 9)
            end as pipeline_mix_fit,
            round(mixed.easy_share, 9) as capability_easy_share,
            {{
                rate_columns(
                    "balance_rate",
                    "coalesce(balanced.balanced_basket_count, 0)",
                    "coalesce(balanced.hard_basket_count, 0)",
                )
            }},
            {{
                rate_columns(
                    "sold_before_capable_rate",
                    "cast(case when promised.value_amount is not null then"
                    " coalesce(promised.before_capable_amount, 0) end as decimal(18, 2))",
                    "cast(promised.value_amount as decimal(18, 2))",
                    n="promised.valued_line_count",
                )
            }},
        from mixed
        cross join run_settings
        left join
            balanced
            on mixed.source_system = balanced.source_system
            and mixed.week_start_date = balanced.week_start_date
        left join
            promised
            on mixed.source_system = promised.source_system
            and mixed.week_start_date = promised.week_start_date
    )
select *
from final
