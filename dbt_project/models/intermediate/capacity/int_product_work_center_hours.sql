-- Grain: one row per product, work centre and interval of days
{%- set key = "source_system, product_id, work_center_id" %}
{#- groups whose first-pass yield stands in, the narrowest first -#}
{%- set yield_groups = {
    "family": "source_system, product_family, work_center_id",
    "work centre": "source_system, work_center_id",
    "plant": "source_system",
} %}
{#- products that one without history is taken to be like -#}
{%- set prior_groups = {
    "family": "source_system, product_family",
    "plant": "source_system",
} %}
with
    int_routings_versioned as (select * from {{ ref("int_routings_versioned") }}),
    int_operation_hours as (select * from {{ ref("int_operation_hours") }}),
    fct_operations as (select * from {{ ref("fct_operations") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    -- pieces, from all reports of the product there: one piece counts at each operation
    yields as (
        select
            {{ key }},
            min(product_family) as product_family,
            sum(quantity_first_pass) as first_pass_quantity,
            sum(quantity_reported) as started_quantity,
            count(distinct work_order_id) filter (quantity_reported > 0) as lot_count,
        from fct_operations
        where product_id is not null and work_center_id is not null
        group by {{ key }}
    ),
    hours_reported as (
        select
            {{ key }},
            sum(hours) filter (report_type = 'setup') as setup_hours,
            sum(hours) filter (report_type = 'run') as run_hours,
        from int_operation_hours
        where product_id is not null
        group by {{ key }}
    ),
    -- what a work order brings to a work centre, where a routing does not say its lot
    lots as (
        select
            source_system,
            product_id,
            cast(avg(lot_quantity) as double) as lot_quantity,
        from
            (
                select source_system, product_id, max(quantity_reported) as lot_quantity,
                from fct_operations
                where quantity_reported > 0
                group by source_system, product_id, work_order_id
            ) as work_orders
        group by source_system, product_id
    ),
    -- the days on which the routing of a product changes, and NULL: the beginning
    change_days as (
        select source_system, product_id, valid_from as changes_on,
        from int_routings_versioned
        union
        select source_system, product_id, valid_to as changes_on,
        from int_routings_versioned
        where valid_to is not null
    ),
    intervals as (
        select
            source_system,
            product_id,
            changes_on as valid_from,
            lead(changes_on) over (
                partition by source_system, product_id order by changes_on nulls first
            ) as valid_to,
        from change_days
    ),
    steps as (
        select
            int_routings_versioned.source_system,
            int_routings_versioned.product_id,
            int_routings_versioned.work_center_id,
            intervals.valid_from,
            intervals.valid_to,
            int_routings_versioned.setup_hours,
            int_routings_versioned.run_hours_per_unit,
            coalesce(
                case
                    when int_routings_versioned.lot_size > 0
                    then cast(int_routings_versioned.lot_size as double)
                end,
                lots.lot_quantity,
                1
            ) as lot_size,
        from int_routings_versioned
        inner join
            intervals
            on int_routings_versioned.source_system = intervals.source_system
            and int_routings_versioned.product_id = intervals.product_id
            and coalesce(int_routings_versioned.valid_from, date '-infinity')
            <= coalesce(intervals.valid_from, date '-infinity')
            and coalesce(int_routings_versioned.valid_to, date 'infinity')
            > coalesce(intervals.valid_from, date '-infinity')
        left join
            lots
            on int_routings_versioned.source_system = lots.source_system
            and int_routings_versioned.product_id = lots.product_id
    ),
    -- steps of one product at one work centre add up; the lot is the one that gives the same
    -- setup per unit as their own lots do
    routed as (
        select
            {{ key }},
            valid_from,
            valid_to,
            'routing' as hours_source,
            count(*) as operation_count,
            sum(setup_hours) as setup_hours_per_lot,
            coalesce({{ safe_ratio("sum(setup_hours)", "sum(setup_hours / lot_size)") }}, max(lot_size))
            as lot_size,
            -- a step without a time is not a step that takes none
            case
                when count(run_hours_per_unit) = count(*) then sum(run_hours_per_unit)
            end as run_hours_per_unit,
        from steps
        group by {{ key }}, valid_from, valid_to
    ),
    measured as (
        select
            yields.source_system,
            yields.product_id,
            yields.work_center_id,
            cast(null as date) as valid_from,
            cast(null as date) as valid_to,
            'measured' as hours_source,
            cast(null as bigint) as operation_count,
            {{ safe_ratio("coalesce(hours_reported.setup_hours, 0)", "yields.lot_count") }}
            as setup_hours_per_lot,
            {{ safe_ratio("yields.started_quantity", "yields.lot_count") }} as lot_size,
            {{ safe_ratio("coalesce(hours_reported.run_hours, 0)", "yields.started_quantity") }}
            as run_hours_per_unit,
        from yields
        left join
            hours_reported
            on yields.source_system = hours_reported.source_system
            and yields.product_id = hours_reported.product_id
            and yields.work_center_id = hours_reported.work_center_id
        anti join
            intervals
            on yields.source_system = intervals.source_system
            and yields.product_id = intervals.product_id
    ),
    known as (
        select * from routed
        union all by name
        select * from measured
    ),
    {%- for group, columns in yield_groups.items() %}
        {{ group | replace(" ", "_") }}_yields as (
            select
                {{ columns }},
                sum(first_pass_quantity) as first_pass_quantity,
                sum(started_quantity) as started_quantity,
            from yields
            {%- if group == "family" %} where product_family != 'unknown' {%- endif %}
            group by {{ columns }}
        ),
    {%- endfor %}
    described as (
        select known.*, coalesce(dim_products.product_family, 'unknown') as product_family,
        from known
        left join dim_products on known.product_id = dim_products.product_id
    ),
    {%- for group, columns in prior_groups.items() %}
        {{ group }}_hours as (
            select
                {{ columns }},
                work_center_id,
                sum(setup_hours_per_lot) as setup_hours,
                sum(setup_hours_per_lot / lot_size) as setup_hours_per_unit,
                sum(run_hours_per_unit) as run_hours_per_unit,
                max(lot_size) as largest_lot,
                max(hours_source) as hours_source,
            from described
            where
                valid_to is null and run_hours_per_unit is not null
                {%- if group == "family" %} and product_family != 'unknown' {%- endif %}
            group by {{ columns }}, work_center_id
        ),
        {{ group }}_sizes as (
            select {{ columns }}, count(distinct product_id) as product_count,
            from described
            where
                valid_to is null and run_hours_per_unit is not null
                {%- if group == "family" %} and product_family != 'unknown' {%- endif %}
            group by {{ columns }}
        ),
    {%- endfor %}
    -- a product without routing and reports is taken to need at each work centre what those of
    -- its family, else all, need on average; those that do not pass it count with 0
    without_history as (
        select dim_products.source_system, dim_products.product_id, dim_products.product_family,
        from dim_products
        anti join known on dim_products.product_id = known.product_id
    ),
    priors as (
        {%- for group in prior_groups %}
            select
                without_history.source_system,
                without_history.product_id,
                without_history.product_family,
                {{ group }}_hours.work_center_id,
                cast(null as date) as valid_from,
                cast(null as date) as valid_to,
                {{ group }}_hours.hours_source,
                '{{ group }}' as hours_basis,
                {{ group }}_hours.setup_hours
                / {{ group }}_sizes.product_count as setup_hours_per_lot,
                coalesce(
                    {{
                        safe_ratio(
                            group ~ "_hours.setup_hours",
                            group ~ "_hours.setup_hours_per_unit",
                        )
                    }},
                    {{ group }}_hours.largest_lot
                ) as lot_size,
                {{ group }}_hours.run_hours_per_unit
                / {{ group }}_sizes.product_count as run_hours_per_unit,
            from without_history
            inner join
                {{ group }}_sizes
                on without_history.source_system = {{ group }}_sizes.source_system
                {%- if group == "family" %}
                    and without_history.product_family = family_sizes.product_family
                {%- endif %}
            inner join
                {{ group }}_hours
                on {{ group }}_sizes.source_system = {{ group }}_hours.source_system
                {%- if group == "family" %}
                    and family_sizes.product_family = family_hours.product_family
                {%- else %}
                    anti join
                        family_sizes as nearer
                        on without_history.source_system = nearer.source_system
                        and without_history.product_family = nearer.product_family
                {%- endif %}
            {% if not loop.last -%}
                union all by name
            {%- endif -%}
        {%- endfor %}
    ),
    timed as (
        select *, 'product' as hours_basis,
        from described
        union all by name
        select *
        from priors
    ),
    rated as (
        select
            timed.*,
            case
                when yields.started_quantity >= {{ var("min_n") }}
                then 'product'
                {%- for group in yield_groups %}
                    when
                        {{ group | replace(" ", "_") }}_yields.started_quantity
                        >= {{ var("min_n") }}
                    then '{{ group }}'
                {%- endfor %}
            end as first_pass_yield_basis,
            {%- for column in ["first_pass_quantity", "started_quantity"] %}
                case
                    first_pass_yield_basis
                    when 'product'
                    then yields.{{ column }}
                    {%- for group in yield_groups %}
                        when '{{ group }}'
                        then {{ group | replace(" ", "_") }}_yields.{{ column }}
                    {%- endfor %}
                end as {{ column }},
            {%- endfor %}
        from timed
        left join
            yields
            on timed.source_system = yields.source_system
            and timed.product_id = yields.product_id
            and timed.work_center_id = yields.work_center_id
        {%- for group, columns in yield_groups.items() %}
            {%- set group = group | replace(" ", "_") ~ "_yields" %}
            left join
                {{ group }}
                {%- for column in columns.split(", ") %}
                    {{ "on" if loop.first else "and" }}
                    timed.{{ column }} = {{ group }}.{{ column }}
                {%- endfor %}
        {%- endfor %}
    ),
    final as (
        select
            {{ key }},
            product_family,
            valid_from,
            valid_to,
            hours_source,
            round(setup_hours_per_lot, 9) as setup_hours_per_lot,
            round(lot_size, 9) as lot_size,
            round(run_hours_per_unit, 9) as run_hours_per_unit,
            -- without yield: what a piece takes that is started, whether or not it comes out good
            round(
                {{ safe_ratio("setup_hours_per_lot", "lot_size") }} + run_hours_per_unit, 9
            ) as hours_per_started_unit,
            cast(first_pass_quantity as decimal(18, 4)) as first_pass_yield_rate_numerator,
            cast(started_quantity as decimal(18, 4)) as first_pass_yield_rate_denominator,
            round(
                {{ safe_ratio("first_pass_quantity", "started_quantity") }}, 9
            ) as first_pass_yield_rate,
            first_pass_yield_basis,
            -- the yield divides once: what is spoilt was set up for and run, too
            round(
                {{
                    safe_ratio(
                        "(" ~ safe_ratio("setup_hours_per_lot", "lot_size") ~ " + run_hours_per_unit)",
                        safe_ratio("first_pass_quantity", "started_quantity"),
                    )
                }},
                9
            ) as hours_per_good_unit,
            case
                when run_hours_per_unit is null
                then 'no run time'
                when started_quantity is null
                then 'no first-pass yield'
                when first_pass_quantity = 0
                then 'no good piece'
            end as hours_per_good_unit_suppressed_reason,
            hours_basis,
            hours_basis != 'product'
            or coalesce(first_pass_yield_basis != 'product', true) as is_prior,
        from rated
    )
select *
from final
