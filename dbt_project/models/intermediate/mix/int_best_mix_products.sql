-- Grain: one row per source system, month and product
{%- set back = var("best_mix_months_back") %}
{%- set ahead = var("best_mix_months_ahead") %}
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_demand_lines as (select * from {{ ref("int_demand_lines") }}),
    int_product_work_center_hours as (select * from {{ ref("int_product_work_center_hours") }}),
    demand_bounds as (select * from {{ ref("demand_bounds") }}),
    strategic_exceptions as (select * from {{ ref("strategic_exceptions") }}),
    months as (
        select
            cast(
                unnest(generate_series(first_month, last_month, interval 1 month)) as date
            ) as period_month,
            as_of_date,
        from
            (
                select
                    as_of_date,
                    date_trunc('month', as_of_date) - interval {{ back }} month as first_month,
                    date_trunc('month', as_of_date) + interval {{ ahead }} month as last_month,
                from run_settings
            ) as horizon
    ),
    -- only where something tells what a product takes
    systems as (select distinct source_system, from int_product_work_center_hours),
    lines as (
        select
            int_demand_lines.*,
            cast(date_trunc('month', int_demand_lines.need_date) as date) as need_month,
            -- an offer counts as far as it is likely
            cast(int_demand_lines.quantity as double)
            * int_demand_lines.win_probability as likely_quantity,
        from int_demand_lines
        semi join systems on int_demand_lines.source_system = systems.source_system
        where
            int_demand_lines.product_id is not null
            and int_demand_lines.need_date is not null
            and int_demand_lines.quantity > 0
    ),
    excepted_lines as (
        select
            lines.source_system,
            lines.product_id,
            lines.need_month,
            sum(lines.quantity) as quantity,
            min(exceptions.owner) as owner,
            min(exceptions.reason) as reason,
            max(exceptions.expires_on) as expires_on,
        from lines
        inner join
            strategic_exceptions as exceptions
            on lines.source_system = exceptions.source_system
            and lines.demand_id = exceptions.opportunity_id
            and lines.need_month <= exceptions.expires_on
        where lines.demand_kind = 'opportunity'
        group by lines.source_system, lines.product_id, lines.need_month
    ),
    monthly as (
        select
            source_system,
            product_id,
            need_month,
            coalesce(sum(quantity) filter (demand_kind = 'order'), 0) as booked_quantity,
            coalesce(
                round(sum(likely_quantity) filter (demand_kind = 'opportunity'), 9), 0
            ) as pipeline_quantity,
            sum(likely_quantity * unit_throughput_amount) as throughput,
            sum(likely_quantity) filter (unit_throughput_amount is not null) as priced_quantity,
        from lines
        group by source_system, product_id, need_month
    ),
    asked as (
        select distinct monthly.source_system, monthly.product_id,
        from monthly
        cross join run_settings
        where
            monthly.need_month
            >= date_trunc('month', run_settings.as_of_date) - interval {{ back + 12 }} month
        union
        select source_system, product_id,
        from demand_bounds
    ),
    grid as (
        select asked.source_system, asked.product_id, months.period_month, months.as_of_date,
        from asked
        cross join months
    ),
    -- of the twelve months up to the month: what a unit earned, and what was sold in the best of
    -- them
    yearly as (
        select
            grid.source_system,
            grid.product_id,
            grid.period_month,
            max(monthly.booked_quantity) as peak_quantity,
            round(
                {{ safe_ratio("sum(monthly.throughput)", "sum(monthly.priced_quantity)") }}, 9
            ) as unit_throughput,
        from grid
        left join
            monthly
            on grid.source_system = monthly.source_system
            and grid.product_id = monthly.product_id
            and monthly.need_month <= grid.period_month
            and monthly.need_month > grid.period_month - interval 12 month
        group by grid.source_system, grid.product_id, grid.period_month
    ),
    bounds as (
        select
            grid.source_system,
            grid.product_id,
            grid.period_month,
            demand_bounds.least_quantity,
            demand_bounds.most_quantity,
            demand_bounds.reason,
        from grid
        inner join
            demand_bounds
            on grid.source_system = demand_bounds.source_system
            and grid.product_id = demand_bounds.product_id
            and grid.period_month
            = coalesce(date_trunc('month', demand_bounds.period_start), grid.period_month)
        qualify
            row_number() over (
                partition by grid.source_system, grid.product_id, grid.period_month
                order by demand_bounds.period_start nulls last
            )
            = 1
    ),
    needs as (
        select
            source_system,
            product_id,
            valid_from,
            valid_to,
            bool_or(hours_per_good_unit is null) as has_unknown_hours,
            bool_or(is_prior) as is_prior,
        from int_product_work_center_hours
        group by source_system, product_id, valid_from, valid_to
    ),
    gathered as (
        select
            grid.source_system,
            grid.period_month,
            grid.product_id,
            last_day(grid.period_month) <= grid.as_of_date as is_over,
            coalesce(monthly.booked_quantity, 0) as booked_quantity,
            coalesce(monthly.pipeline_quantity, 0) as pipeline_quantity,
            coalesce(monthly.booked_quantity, 0)
            + coalesce(monthly.pipeline_quantity, 0) as demand_quantity,
            coalesce(yearly.peak_quantity, 0) as peak_quantity,
            yearly.unit_throughput,
            bounds.least_quantity as agreed_quantity,
            bounds.most_quantity as market_quantity,
            bounds.reason as bound_reason,
            needs.product_id is null or needs.has_unknown_hours as has_unknown_hours,
            coalesce(needs.is_prior, false) as is_prior,
            case
                when product_exceptions.product_id is not null
                then demand_quantity
                when excepted_lines.quantity is not null
                then excepted_lines.quantity
            end as excepted_quantity,
            coalesce(product_exceptions.owner, excepted_lines.owner) as exception_owner,
            coalesce(product_exceptions.reason, excepted_lines.reason) as exception_reason,
            coalesce(
                product_exceptions.expires_on, excepted_lines.expires_on
            ) as exception_expires_on,
        from grid
        inner join
            yearly
            on grid.source_system = yearly.source_system
            and grid.product_id = yearly.product_id
            and grid.period_month = yearly.period_month
        left join
            monthly
            on grid.source_system = monthly.source_system
            and grid.product_id = monthly.product_id
            and grid.period_month = monthly.need_month
        left join
            bounds
            on grid.source_system = bounds.source_system
            and grid.product_id = bounds.product_id
            and grid.period_month = bounds.period_month
        left join
            needs
            on grid.source_system = needs.source_system
            and grid.product_id = needs.product_id
            and grid.period_month >= coalesce(needs.valid_from, date '-infinity')
            and grid.period_month < coalesce(needs.valid_to, date 'infinity')
        left join
            strategic_exceptions as product_exceptions
            on grid.source_system = product_exceptions.source_system
            and grid.product_id = product_exceptions.product_id
            and grid.period_month <= product_exceptions.expires_on
        left join
            excepted_lines
            on grid.source_system = excepted_lines.source_system
            and grid.product_id = excepted_lines.product_id
            and grid.period_month = excepted_lines.need_month
    ),
    least as (
        select
            *,
            case
                when has_unknown_hours
                then 'nothing tells what hours it takes'
                when unit_throughput is null
                then 'nothing tells what it earns'
            end as left_as_it_is_reason,
            -- what is sold and still to come is made; of months that are over the best is told
            -- afresh
            greatest(
                coalesce(agreed_quantity, 0),
                coalesce(excepted_quantity, 0),
                case when is_over then 0 else booked_quantity end
            ) as floor_quantity,
            case
                when floor_quantity = 0
                then 'none'
                when floor_quantity = excepted_quantity
                then 'strategic exception'
                when floor_quantity = agreed_quantity
                then 'agreement'
                else 'sold'
            end as floor_basis,
            coalesce(market_quantity, greatest(demand_quantity, peak_quantity)) as ceiling_quantity,
            case
                when market_quantity is not null
                then 'demand bound'
                when peak_quantity > demand_quantity
                then 'best month of twelve'
                else 'demand'
            end as ceiling_basis,
        from gathered
    ),
    bounded as (
        select
            * exclude (floor_quantity, floor_basis, ceiling_quantity, ceiling_basis),
            case
                when left_as_it_is_reason is null then floor_quantity else demand_quantity
            end as least_quantity,
            case
                when left_as_it_is_reason is null then floor_basis else 'left as it is'
            end as least_basis,
            case
                when left_as_it_is_reason is not null
                then demand_quantity
                else greatest(floor_quantity, ceiling_quantity)
            end as most_quantity,
            case
                when left_as_it_is_reason is not null
                then 'left as it is'
                when floor_quantity > ceiling_quantity
                then 'least quantity'
                else ceiling_basis
            end as most_basis,
        from least
    )
select *
from bounded
