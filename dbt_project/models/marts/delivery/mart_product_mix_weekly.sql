-- Grain: one row per source system, product and week
{%- set weeks = var("capability_weeks") %}
{%- set product_week = "source_system, product_id, week_start_date" %}
{%- set kinds = ["booked", "pipeline", "capability"] %}
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_demand_lines as (select * from {{ ref("int_demand_lines") }}),
    int_product_work_center_hours as (select * from {{ ref("int_product_work_center_hours") }}),
    fct_work_orders as (select * from {{ ref("fct_work_orders") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    dim_product_capabilities as (select * from {{ ref("dim_product_capabilities") }}),
    mart_capacity_load_weekly as (select * from {{ ref("mart_capacity_load_weekly") }}),
    systems as (select distinct source_system, from int_product_work_center_hours),
    lines as (
        select
            source_system,
            product_id,
            need_week_start_date as week_start_date,
            demand_kind,
            quantity,
            -- an offer counts as far as it is likely
            cast(quantity as double) * win_probability as likely_quantity,
        from int_demand_lines
        where product_id is not null and need_week_start_date is not null and quantity > 0
    ),
    demanded as (
        select
            lines.source_system,
            lines.product_id,
            lines.week_start_date,
            count(*) filter (lines.demand_kind = 'order') as booked_line_count,
            coalesce(
                sum(lines.quantity) filter (lines.demand_kind = 'order'), 0
            ) as booked_quantity,
            coalesce(
                sum(lines.likely_quantity) filter (lines.demand_kind = 'opportunity'), 0
            ) as pipeline_quantity,
        from lines
        semi join systems on lines.source_system = systems.source_system
        group by lines.source_system, lines.product_id, lines.week_start_date
    ),
    weeks as (
        select distinct source_system, week_start_date,
        from demanded
        union
        select distinct source_system, week_start_date,
        from mart_capacity_load_weekly
    ),
    finished as (
        select
            source_system,
            product_id,
            cast(date_trunc('week', business_date(finished_at)) as date) as week_start_date,
            sum(greatest(quantity - coalesce(quantity_scrapped, 0), 0)) as finished_quantity,
        from fct_work_orders
        where finished_at is not null and product_id is not null and deleted_at is null
        group by all
    ),
    -- what production finished in the weeks before shows what it can make; of weeks to come, those
    -- before the as_of
    shown as (
        select
            weeks.source_system,
            weeks.week_start_date,
            finished.product_id,
            sum(finished.finished_quantity) as capability_quantity,
        from weeks
        cross join run_settings
        inner join
            finished
            on weeks.source_system = finished.source_system
            and finished.week_start_date
            < least(weeks.week_start_date, date_trunc('week', run_settings.as_of_date))
            and finished.week_start_date
            >= least(weeks.week_start_date, date_trunc('week', run_settings.as_of_date))
            - interval {{ weeks }} week
        group by weeks.source_system, weeks.week_start_date, finished.product_id
    ),
    product_weeks as (
        select
            coalesce(demanded.source_system, shown.source_system) as source_system,
            coalesce(demanded.product_id, shown.product_id) as product_id,
            coalesce(demanded.week_start_date, shown.week_start_date) as week_start_date,
            coalesce(demanded.booked_line_count, 0) as booked_line_count,
            coalesce(demanded.booked_quantity, 0) as booked_quantity,
            coalesce(demanded.pipeline_quantity, 0) as pipeline_quantity,
            coalesce(shown.capability_quantity, 0) as capability_quantity,
        from demanded
        full join
            shown
            on demanded.source_system = shown.source_system
            and demanded.product_id = shown.product_id
            and demanded.week_start_date = shown.week_start_date
    ),
    latest_constraints as (
        select source_system, min(constraint_work_center_id) as work_center_id,
        from dim_product_capabilities
        group by source_system
    ),
    -- where two are constraints of a week, the one that is loaded most; a week to come for which
    -- nothing is booked yet has that of late
    constraints as (
        select
            weeks.source_system,
            weeks.week_start_date,
            case
                when loads.work_center_id is not null
                then 'week'
                when weeks.week_start_date + 6 >= run_settings.as_of_date
                then 'latest weeks'
            end as constraint_basis,
            case
                constraint_basis
                when 'week'
                then loads.work_center_id
                when 'latest weeks'
                then latest_constraints.work_center_id
            end as work_center_id,
            loads.load_rate,
        from weeks
        cross join run_settings
        left join
            mart_capacity_load_weekly as loads
            on weeks.source_system = loads.source_system
            and weeks.week_start_date = loads.week_start_date
            and loads.is_constraint
        left join latest_constraints on weeks.source_system = latest_constraints.source_system
        qualify
            row_number() over (
                partition by weeks.source_system, weeks.week_start_date
                order by loads.load_rate desc nulls last, loads.work_center_id asc
            )
            = 1
    ),
    steps as (
        select
            product_weeks.source_system,
            product_weeks.product_id,
            product_weeks.week_start_date,
            hours.work_center_id,
            hours.hours_per_good_unit,
            -- without the yield that divides it: what a piece takes whether or not it comes out
            -- good
            hours.hours_per_good_unit * hours.first_pass_yield_rate as hours_per_started_unit,
            hours.hours_per_good_unit_suppressed_reason as suppressed_reason,
            hours.is_prior,
            hours.work_center_id = constraints.work_center_id as is_at_constraint,
            loads.load_rate,
        from product_weeks
        inner join
            int_product_work_center_hours as hours
            on product_weeks.source_system = hours.source_system
            and product_weeks.product_id = hours.product_id
            and product_weeks.week_start_date >= coalesce(hours.valid_from, date '-infinity')
            and product_weeks.week_start_date < coalesce(hours.valid_to, date 'infinity')
        left join
            constraints
            on product_weeks.source_system = constraints.source_system
            and product_weeks.week_start_date = constraints.week_start_date
        left join
            mart_capacity_load_weekly as loads
            on hours.source_system = loads.source_system
            and hours.work_center_id = loads.work_center_id
            and product_weeks.week_start_date = loads.week_start_date
    ),
    needed as (
        select
            {{ product_week }},
            any_value(hours_per_good_unit) filter (is_at_constraint) as hours_per_good_unit,
            any_value(hours_per_started_unit) filter (is_at_constraint) as hours_per_started_unit,
            any_value(suppressed_reason) filter (is_at_constraint) as suppressed_reason,
            coalesce(bool_or(is_at_constraint), false) as passes_constraint,
            bool_or(is_prior) as is_prior,
            first(work_center_id order by load_rate desc, work_center_id asc) filter (
                load_rate is not null and hours_per_good_unit > 0
            ) as bottleneck_work_center_id,
            max(load_rate) filter (hours_per_good_unit > 0) as bottleneck_load,
        from steps
        group by {{ product_week }}
    ),
    measured as (
        select
            product_weeks.*,
            coalesce(dim_products.product_family, 'unknown') as product_family,
            constraints.work_center_id as constraint_work_center_id,
            constraints.load_rate as constraint_load,
            case
                when constraints.work_center_id is not null then constraints.constraint_basis
            end as constraint_basis,
            needed.bottleneck_work_center_id,
            needed.bottleneck_load,
            needed.is_prior,
            dim_product_capabilities.difficulty_index,
            case
                when constraints.work_center_id is null
                then 'no constraint is known of the week'
                when needed.product_id is null
                then 'nothing tells what hours it takes'
                when needed.passes_constraint
                then needed.suppressed_reason
            end as hours_suppressed_reason,
            case
                when hours_suppressed_reason is null
                then case when needed.passes_constraint then needed.hours_per_good_unit else 0 end
            end as hours_per_good_unit,
            case
                when hours_suppressed_reason is null
                then
                    case when needed.passes_constraint then needed.hours_per_started_unit else 0 end
            end as hours_per_started_unit,
        from product_weeks
        left join
            constraints
            on product_weeks.source_system = constraints.source_system
            and product_weeks.week_start_date = constraints.week_start_date
        left join
            needed
            on product_weeks.source_system = needed.source_system
            and product_weeks.product_id = needed.product_id
            and product_weeks.week_start_date = needed.week_start_date
        left join dim_products on product_weeks.product_id = dim_products.product_id
        left join
            dim_product_capabilities
            on product_weeks.source_system = dim_product_capabilities.source_system
            and product_weeks.product_id = dim_product_capabilities.product_id
            -- ranked among the products as they are made now
            and dim_product_capabilities.valid_to is null
    ),
    in_hours as (
        select
            *,
            {%- for kind in kinds %}
                cast({{ kind }}_quantity as double) * hours_per_good_unit as {{ kind }}_hours,
                {{ safe_ratio(kind ~ "_hours", "sum(" ~ kind ~ "_hours) over system_week") }}
                as {{ kind }}_share,
            {%- endfor %}
        from measured
        window
            system_week as (
                partition by source_system, week_start_date
                order by product_id
                rows between unbounded preceding and unbounded following
            )
    ),
    final as (
        select
            {{ product_week }},
            product_family,
            constraint_work_center_id,
            round(constraint_load, 9) as constraint_load,
            constraint_basis,
            bottleneck_work_center_id,
            round(bottleneck_load, 9) as bottleneck_load,
            hours_per_good_unit,
            round(hours_per_started_unit, 9) as hours_per_started_unit,
            hours_suppressed_reason,
            is_prior,
            difficulty_index,
            difficulty_index >= {{ var("hard_from") }} as is_hard,
            difficulty_index <= {{ var("easy_up_to") }} as is_easy,
            booked_line_count,
            {%- for kind in kinds %}
                cast(round({{ kind }}_quantity, 4) as decimal(18, 4)) as {{ kind }}_quantity,
                round({{ kind }}_hours, 9) as {{ kind }}_hours,
                round({{ kind }}_share, 9) as {{ kind }}_share,
            {%- endfor %}
        from in_hours
    )
select *
from final
