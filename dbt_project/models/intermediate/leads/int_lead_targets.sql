-- Grain: one row per source system and fiscal quarter that is not over and has a target
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_forecast_periods as (select * from {{ ref("int_forecast_periods") }}),
    int_quota_targets as (select * from {{ ref("int_quota_targets") }}),
    int_bookings_forecasts as (select * from {{ ref("int_bookings_forecasts") }}),
    int_target_shortfalls as (select * from {{ ref("int_target_shortfalls") }}),
    int_constraint_room as (select * from {{ ref("int_constraint_room") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    wins as (
        select
            fct_opportunities.source_system,
            count(*) as won_count,
            cast(
                {{ safe_ratio("sum(fct_opportunities.amount_base)", "count(*)") }} as decimal(18, 2)
            ) as mean_won_amount,
            cast(
                coalesce(stddev_samp(cast(fct_opportunities.amount_base as double)), 0) as decimal(
                    18, 2
                )
            ) as won_amount_deviation,
        from fct_opportunities
        cross join run_settings
        where
            fct_opportunities.outcome = 'won'
            and fct_opportunities.amount_base is not null
            and fct_opportunities.closed_date > run_settings.as_of_date - 365
            and fct_opportunities.closed_date <= run_settings.as_of_date
        group by fct_opportunities.source_system
    ),
    -- the work centre that has room for least is the one that limits
    room as (
        select *
        from int_constraint_room
        where makeable_amount is not null
        qualify
            row_number() over (
                partition by source_system, period_start order by makeable_amount, work_center_id
            )
            = 1
    ),
    last_met as (
        select
            source_system,
            period_start,
            max(known_date) filter (where shortfall_amount <= 0) as last_met_date,
        from int_target_shortfalls
        group by source_system, period_start
    ),
    visible as (
        select
            shortfalls.source_system,
            shortfalls.period_start,
            min(shortfalls.known_date) as first_visible_date,
        from int_target_shortfalls as shortfalls
        inner join
            last_met
            on shortfalls.source_system = last_met.source_system
            and shortfalls.period_start = last_met.period_start
        where shortfalls.known_date > coalesce(last_met.last_met_date, date '0001-01-01')
        group by shortfalls.source_system, shortfalls.period_start
    ),
    targets as (
        select
            targets.source_system,
            targets.period_start,
            periods.period_end,
            targets.target_amount,
            forecasts.expected_amount as forecast_amount,
            coalesce(forecasts.booked_amount, 0) as booked_amount,
            forecasts.open_deals_amount is not null as has_open_deals,
            coalesce(forecasts.status, 'no forecast') as forecast_status,
            cast(
                targets.target_amount - forecasts.expected_amount as decimal(18, 2)
            ) as shortfall_amount,
            case
                when shortfall_amount > 0
                then coalesce(visible.first_visible_date, run_settings.as_of_date)
            end as first_visible_date,
            coalesce(wins.won_count, 0) as won_count,
            wins.mean_won_amount,
            wins.won_amount_deviation,
            room.work_center_id as constraint_work_center_id,
            room.available_hours as constraint_available_hours,
            room.other_hours as constraint_other_hours,
            room.overdue_hours as constraint_overdue_hours,
            room.hours_per_amount as constraint_hours_per_amount,
            room.makeable_amount,
        from int_quota_targets as targets
        inner join
            int_forecast_periods as periods
            on targets.period_kind = periods.period_kind
            and targets.period_start = periods.period_start
        cross join run_settings
        left join
            int_bookings_forecasts as forecasts
            on targets.source_system = forecasts.source_system
            and targets.period_kind = forecasts.period_kind
            and targets.period_start = forecasts.period_start
            and run_settings.as_of_date = forecasts.forecast_date
            and forecasts.method = 'score'
        left join
            visible
            on targets.source_system = visible.source_system
            and targets.period_start = visible.period_start
        left join wins on targets.source_system = wins.source_system
        left join
            room
            on targets.source_system = room.source_system
            and targets.period_start = room.period_start
        where targets.period_kind = 'fiscal_quarter' and targets.target_amount is not null
    )
select *
from targets
