-- Grain: one row per source system, fiscal quarter that is not over, and work centre
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_forecast_periods as (select * from {{ ref("int_forecast_periods") }}),
    int_work_center_weeks as (select * from {{ ref("int_work_center_weeks") }}),
    int_work_center_needs as (select * from {{ ref("int_work_center_needs") }}),
    int_demand_lines as (select * from {{ ref("int_demand_lines") }}),
    int_product_work_center_hours as (select * from {{ ref("int_product_work_center_hours") }}),
    -- what was ordered in twelve months; where no order names its deal, all orders are of deals
    ordered as (
        select
            lines.*,
            lines.opportunity_id is not null
            or not bool_or(lines.opportunity_id is not null) over (
                partition by lines.source_system
            ) as is_of_deal,
        from int_demand_lines as lines
        cross join run_settings
        where
            lines.demand_kind = 'order'
            and lines.demand_date > run_settings.as_of_date - 364
            and lines.demand_date <= run_settings.as_of_date
    ),
    booked as (
        select source_system, sum(value_amount) as deal_value_amount,
        from ordered
        where is_of_deal
        group by source_system
    ),
    line_hours as (
        select
            hours.source_system,
            hours.work_center_id,
            sum(cast(ordered.quantity as double) * hours.hours_per_good_unit) as all_hours,
            coalesce(
                sum(cast(ordered.quantity as double) * hours.hours_per_good_unit) filter (
                    where ordered.is_of_deal
                ),
                0
            ) as deal_hours,
        from ordered
        inner join
            int_product_work_center_hours as hours
            on ordered.source_system = hours.source_system
            and ordered.product_id = hours.product_id
            and ordered.demand_date >= coalesce(hours.valid_from, date '-infinity')
            and ordered.demand_date < coalesce(hours.valid_to, date 'infinity')
        group by hours.source_system, hours.work_center_id
    ),
    -- how lots are really made is in what was needed; the lines tell whose it was
    needed as (
        select
            needs.source_system,
            needs.work_center_id,
            sum(needs.needed_hours) filter (
                where
                    needs.week_start_date < date_trunc('week', run_settings.as_of_date)
                    and needs.week_start_date
                    >= date_trunc('week', run_settings.as_of_date) - interval 52 week
            ) as year_hours,
            coalesce(sum(needs.overdue_hours), 0) as overdue_hours,
        from int_work_center_needs as needs
        cross join run_settings
        group by needs.source_system, needs.work_center_id
    ),
    quarters as (
        select
            int_forecast_periods.period_start,
            weeks.source_system,
            weeks.work_center_id,
            count(*) as week_count,
            case
                when count(weeks.available_hours) = count(*) then sum(weeks.available_hours)
            end as available_hours,
        from int_forecast_periods
        cross join run_settings
        inner join
            int_work_center_weeks as weeks
            on weeks.week_start_date >= int_forecast_periods.period_start
            and weeks.week_start_date <= int_forecast_periods.period_end
        where int_forecast_periods.period_kind = 'fiscal_quarter'
        group by int_forecast_periods.period_start, weeks.source_system, weeks.work_center_id
    ),
    room as (
        select
            quarters.source_system,
            quarters.period_start,
            quarters.work_center_id,
            round(quarters.available_hours, 9) as available_hours,
            round(needed.overdue_hours, 9) as overdue_hours,
            {{ safe_ratio("line_hours.deal_hours", "line_hours.all_hours") }} as deal_share,
            round(
                needed.year_hours / 52 * quarters.week_count * (1 - deal_share), 9
            ) as other_hours,
            round(
                {{ safe_ratio("needed.year_hours * deal_share", "booked.deal_value_amount") }}, 12
            ) as hours_per_amount,
            case
                when quarters.available_hours is not null
                then
                    cast(
                        greatest(
                            {{
                                safe_ratio(
                                    "quarters.available_hours - needed.overdue_hours - other_hours",
                                    "hours_per_amount",
                                )
                            }},
                            0
                        ) as decimal(18, 2)
                    )
            end as makeable_amount,
        from quarters
        inner join
            needed
            on quarters.source_system = needed.source_system
            and quarters.work_center_id = needed.work_center_id
        inner join
            line_hours
            on quarters.source_system = line_hours.source_system
            and quarters.work_center_id = line_hours.work_center_id
        inner join booked on quarters.source_system = booked.source_system
    )
select *
from room
