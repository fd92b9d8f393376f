-- Grain: one row per planned date of an order line, and per line of an open opportunity
with
    int_demand_lines as (select * from {{ ref("int_demand_lines") }}),
    mart_product_mix_weekly as (select * from {{ ref("mart_product_mix_weekly") }}),
    placed as (
        select
            int_demand_lines.*,
            weeks.constraint_work_center_id,
            weeks.constraint_load,
            weeks.bottleneck_work_center_id,
            weeks.bottleneck_load,
            weeks.difficulty_index,
            weeks.is_hard,
            weeks.is_easy,
            weeks.is_prior as has_prior_hours,
            round(
                cast(int_demand_lines.quantity as double) * weeks.hours_per_good_unit, 9
            ) as constraint_hours,
            cast(int_demand_lines.quantity as double)
            * weeks.hours_per_started_unit as hours_before_scrap,
            case
                when int_demand_lines.need_date is null
                then 'no day on which it is needed'
                when weeks.product_id is null
                then 'nothing tells what hours it takes'
                else weeks.hours_suppressed_reason
            end as constraint_hours_suppressed_reason,
        from int_demand_lines
        left join
            mart_product_mix_weekly as weeks
            on int_demand_lines.source_system = weeks.source_system
            and int_demand_lines.product_id = weeks.product_id
            and int_demand_lines.need_week_start_date = weeks.week_start_date
    ),
    rated as (
        select
            demand_kind,
            source_system,
            demand_id,
            line_number,
            schedule_number,
            opportunity_id,
            account_id,
            product_id,
            product_family,
            quantity,
            demand_date,
            need_date,
            need_basis,
            need_week_start_date,
            is_open,
            win_probability,
            unit_price_amount,
            unit_variable_cost_amount,
            first_pass_yield,
            unit_throughput_amount,
            unit_throughput_suppressed_reason,
            value_amount,
            cast(
                round(quantity * unit_throughput_amount, 2) as decimal(18, 2)
            ) as throughput_amount,
            constraint_work_center_id,
            constraint_load,
            constraint_hours,
            constraint_hours_suppressed_reason,
            has_prior_hours,
            round(
                {{ safe_ratio("quantity * unit_throughput_amount", "constraint_hours") }}, 9
            ) as throughput_per_constraint_hour,
            round(
                {{ safe_ratio("quantity * unit_throughput_amount", "hours_before_scrap") }}, 9
            ) as throughput_per_hour_before_scrap,
            bottleneck_work_center_id,
            bottleneck_load,
            -- more was promised of the week than its busiest work centre on the way has hours for
            bottleneck_load > 1 as is_sold_before_capable,
            difficulty_index,
            is_hard,
            is_easy,
        from placed
    )
select *
from rated
