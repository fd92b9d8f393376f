-- Grain: one row per source system, product and interval of days
{#- what stands in where a product has too little of its own, the nearest first -#}
{%- set groups = {
    "product": "source_system, product_id",
    "family": "source_system, product_family",
    "plant": "source_system",
} %}
{%- set attributes = [
    "constraint_hours_per_good_unit",
    "first_pass_loss",
    "specification_tightness",
    "setups_per_lot",
    "lead_time_p90_days",
] %}
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_product_work_center_hours as (select * from {{ ref("int_product_work_center_hours") }}),
    mart_capacity_load_weekly as (select * from {{ ref("mart_capacity_load_weekly") }}),
    fct_operations as (select * from {{ ref("fct_operations") }}),
    fct_work_orders as (select * from {{ ref("fct_work_orders") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    difficulty_attributes as (select * from {{ ref("difficulty_attributes") }}),
    weights as (
        select difficulty_attributes.*,
        from difficulty_attributes
        cross join run_settings
        where
            coalesce(difficulty_attributes.valid_from <= run_settings.as_of_date, true)
            and coalesce(difficulty_attributes.valid_to > run_settings.as_of_date, true)
    ),
    loaded as (
        select
            *,
            max(week_start_date) filter (load_rate > 0) over (
                partition by source_system
            ) as last_week_date,
        from mart_capacity_load_weekly
        where week_type != 'coming'
    ),
    -- the constraint that products are measured at is that of the latest weeks
    constraints as (
        select source_system, work_center_id as constraint_work_center_id,
        from loaded
        where
            load_rate is not null
            and week_start_date <= last_week_date
            and week_start_date > last_week_date - 7 * {{ var("constraint_weeks") }}
        group by source_system, work_center_id
        qualify
            row_number() over (
                partition by source_system
                order by
                    round(
                        {{ safe_ratio("sum(load_rate_numerator)", "sum(load_rate_denominator)") }},
                        9
                    ) desc,
                    work_center_id asc
            )
            = 1
    ),
    hours as (
        select
            int_product_work_center_hours.source_system,
            int_product_work_center_hours.product_id,
            min(int_product_work_center_hours.product_family) as product_family,
            int_product_work_center_hours.valid_from,
            int_product_work_center_hours.valid_to,
            min(int_product_work_center_hours.hours_source) as hours_source,
            max(int_product_work_center_hours.hours_basis) as hours_basis,
            bool_or(
                coalesce(int_product_work_center_hours.first_pass_yield_basis != 'product', true)
            ) as has_yield_prior,
            count(*) as work_center_count,
            min(constraints.constraint_work_center_id) as constraint_work_center_id,
            min(
                int_product_work_center_hours.hours_per_good_unit_suppressed_reason
            ) as hours_per_good_unit_suppressed_reason,
            min(int_product_work_center_hours.hours_per_good_unit_suppressed_reason) filter (
                int_product_work_center_hours.work_center_id = constraints.constraint_work_center_id
            ) as constraint_suppressed_reason,
            sum(int_product_work_center_hours.hours_per_good_unit) as hours_per_good_unit,
            coalesce(
                sum(int_product_work_center_hours.hours_per_good_unit) filter (
                    int_product_work_center_hours.work_center_id
                    = constraints.constraint_work_center_id
                ),
                0
            ) as constraint_hours_per_good_unit,
            sum(int_product_work_center_hours.setups_per_lot) as setups_per_lot,
        from int_product_work_center_hours
        left join
            constraints on int_product_work_center_hours.source_system = constraints.source_system
        group by
            int_product_work_center_hours.source_system,
            int_product_work_center_hours.product_id,
            int_product_work_center_hours.valid_from,
            int_product_work_center_hours.valid_to
    ),
    {%- for group, columns in groups.items() %}
        {{ group }}_yields as (
            select
                {{ columns }},
                sum(quantity_first_pass) as first_pass_quantity,
                sum(quantity_reported) as started_quantity,
            from fct_operations
            where
                product_id is not null
                {%- if group == "family" %} and product_family != 'unknown' {%- endif %}
            group by {{ columns }}
        ),
        {{ group }}_lead_times as (
            select
                {{ columns }},
                count(lead_time_days) as lead_time_count,
                quantile_cont(lead_time_days, 0.5) as lead_time_p50_days,
                quantile_cont(lead_time_days, 0.9) as lead_time_p90_days,
            from fct_work_orders
            where
                product_id is not null
                {%- if group == "family" %} and product_family != 'unknown' {%- endif %}
            group by {{ columns }}
        ),
    {%- endfor %}
    measured as (
        select
            hours.*,
            dim_products.product_name,
            dim_products.specification_tightness,
            {%- for kind, n, figures in [
                (
                    "yields",
                    "started_quantity",
                    ["first_pass_quantity", "started_quantity"],
                ),
                (
                    "lead_times",
                    "lead_time_count",
                    ["lead_time_count", "lead_time_p50_days", "lead_time_p90_days"],
                ),
            ] %}
                case
                    {%- for group in groups %}
                        when {{ group }}_{{ kind }}.{{ n }} >= {{ var("min_n") }} then '{{ group }}'
                    {%- endfor %}
                end as {{ kind }}_basis,
                {%- for figure in figures %}
                    case
                        {{ kind }}_basis
                        {%- for group in groups %}
                            when '{{ group }}' then {{ group }}_{{ kind }}.{{ figure }}
                        {%- endfor %}
                    end as {{ figure }},
                {%- endfor %}
            {%- endfor %}
        from hours
        left join dim_products on hours.product_id = dim_products.product_id
        {%- for group, columns in groups.items() %}
            {%- for kind in ["yields", "lead_times"] %}
                left join
                    {{ group }}_{{ kind }}
                    {%- for column in columns.split(", ") %}
                        {{ "on" if loop.first else "and" }}
                        hours.{{ column }} = {{ group }}_{{ kind }}.{{ column }}
                    {%- endfor %}
            {%- endfor %}
        {%- endfor %}
    ),
    described as (
        select
            * exclude (hours_per_good_unit, constraint_hours_per_good_unit),
            case
                when hours_per_good_unit_suppressed_reason is null
                then round(hours_per_good_unit, 9)
            end as hours_per_good_unit,
            case
                when constraint_suppressed_reason is null and constraint_work_center_id is not null
                then round(constraint_hours_per_good_unit, 9)
            end as constraint_hours_per_good_unit,
            round(
                {{ safe_ratio("first_pass_quantity", "started_quantity") }}, 9
            ) as first_pass_yield_rate,
            round(1 - first_pass_yield_rate, 9) as first_pass_loss,
        from measured
    ),
    -- ranked among the products as they are made now, by what enough of them have
    ranks as (
        {%- for attribute in attributes %}
            select
                source_system,
                product_id,
                '{{ attribute }}' as attribute,
                percent_rank() over (
                    partition by source_system order by {{ attribute }}
                ) as percentile_rank,
                count(*) over (partition by source_system) as product_count,
            from described
            where valid_to is null and {{ attribute }} is not null
            qualify product_count >= {{ var("min_n") }}
            {% if not loop.last -%}
                union all
            {%- endif -%}
        {%- endfor %}
    ),
    indexes as (
        select
            ranks.source_system,
            ranks.product_id,
            count(*) as difficulty_attribute_count,
            max(ranks.product_count) as difficulty_product_count,
            min(weights.version) as difficulty_version,
            {{ safe_ratio("sum(weights.weight * ranks.percentile_rank)", "sum(weights.weight)") }}
            as difficulty_index,
        from ranks
        inner join weights on ranks.attribute = weights.attribute
        group by ranks.source_system, ranks.product_id
    ),
    final as (
        select
            described.source_system,
            described.product_id,
            described.product_name,
            described.product_family,
            described.valid_from,
            described.valid_to,
            described.hours_source,
            described.hours_basis,
            described.work_center_count,
            described.hours_per_good_unit,
            described.hours_per_good_unit_suppressed_reason,
            described.constraint_work_center_id,
            described.constraint_hours_per_good_unit,
            round(described.setups_per_lot, 9) as setups_per_lot,
            cast(
                described.first_pass_quantity as decimal(18, 4)
            ) as first_pass_yield_rate_numerator,
            cast(described.started_quantity as decimal(18, 4)) as first_pass_yield_rate_denominator,
            described.first_pass_yield_rate,
            {{ suppressed_reason("described.started_quantity") }}
            as first_pass_yield_rate_suppressed_reason,
            described.yields_basis as first_pass_yield_basis,
            described.lead_time_count,
            round(described.lead_time_p50_days, 9) as lead_time_p50_days,
            round(described.lead_time_p90_days, 9) as lead_time_p90_days,
            described.lead_times_basis as lead_time_basis,
            described.specification_tightness,
            case
                when {{ suppressed_reason("indexes.difficulty_product_count") }} is null
                then round(indexes.difficulty_index, 9)
            end as difficulty_index,
            case
                when described.valid_to is not null
                then 'no longer made so'
                else {{ suppressed_reason("indexes.difficulty_product_count") }}
            end as difficulty_index_suppressed_reason,
            indexes.difficulty_version,
            indexes.difficulty_attribute_count,
            indexes.difficulty_product_count,
            described.has_yield_prior
            or described.hours_basis != 'product'
            or coalesce(described.yields_basis != 'product', true)
            or coalesce(described.lead_times_basis != 'product', true) as is_prior,
        from described
        left join
            indexes
            on described.source_system = indexes.source_system
            and described.product_id = indexes.product_id
            and described.valid_to is null
    )
select *
from final
