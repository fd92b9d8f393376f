-- Grain: one row per source system, fiscal quarter with a target, and month end before it is over
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    fct_pipeline_snapshots as (select * from {{ ref("fct_pipeline_snapshots") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    int_forecast_periods as (select * from {{ ref("int_forecast_periods") }}),
    int_quota_targets as (select * from {{ ref("int_quota_targets") }}),
    won as (
        select source_system, opportunity_id, created_date, closed_date, amount_base,
        from fct_opportunities
        where outcome = 'won' and closed_date is not null and amount_base is not null
    ),
    open_deals as (
        select source_system, snapshot_date, opportunity_id, amount_base,
        from fct_pipeline_snapshots
        where snapshot_kind = 'month_end' and amount_base is not null
    ),
    landmarks as (
        select source_system, snapshot_date, sum(amount_base) as open_amount,
        from open_deals
        group by source_system, snapshot_date
    ),
    months_ahead as (
        select
            unnest(
                cast(generate_series(1, {{ var("forecast_horizon_months") }}) as integer[])
            ) as horizon_months,
    ),
    -- what each month end's open deals, and deals created later, brought so many months after it
    won_open as (
        select
            open_deals.source_system,
            open_deals.snapshot_date,
            date_diff('month', open_deals.snapshot_date, won.closed_date) as horizon_months,
            sum(won.amount_base) as open_won_amount,
        from open_deals
        inner join won on open_deals.opportunity_id = won.opportunity_id
        group by open_deals.source_system, open_deals.snapshot_date, horizon_months
    ),
    won_new as (
        select
            landmarks.source_system,
            landmarks.snapshot_date,
            date_diff('month', landmarks.snapshot_date, won.closed_date) as horizon_months,
            sum(won.amount_base) as new_won_amount,
        from landmarks
        inner join
            won
            on landmarks.source_system = won.source_system
            and landmarks.snapshot_date < won.created_date
        group by landmarks.source_system, landmarks.snapshot_date, horizon_months
    ),
    brought as (
        select
            landmarks.source_system,
            landmarks.snapshot_date,
            months_ahead.horizon_months,
            last_day(
                cast(landmarks.snapshot_date + to_months(months_ahead.horizon_months) as date)
            ) as known_date,
            landmarks.open_amount,
            coalesce(won_open.open_won_amount, 0) as open_won_amount,
            coalesce(won_new.new_won_amount, 0) as new_won_amount,
        from landmarks
        cross join months_ahead
        left join
            won_open
            on landmarks.source_system = won_open.source_system
            and landmarks.snapshot_date = won_open.snapshot_date
            and months_ahead.horizon_months = won_open.horizon_months
        left join
            won_new
            on landmarks.source_system = won_new.source_system
            and landmarks.snapshot_date = won_new.snapshot_date
            and months_ahead.horizon_months = won_new.horizon_months
    ),
    quarters as (
        select
            int_quota_targets.source_system,
            int_forecast_periods.period_start,
            int_forecast_periods.period_end,
            int_quota_targets.target_amount,
        from int_forecast_periods
        inner join
            int_quota_targets
            on int_forecast_periods.period_kind = int_quota_targets.period_kind
            and int_forecast_periods.period_start = int_quota_targets.period_start
        where
            int_forecast_periods.period_kind = 'fiscal_quarter'
            and int_quota_targets.target_amount is not null
    ),
    -- months of the quarter that had not begun at each month end
    looks as (
        select
            quarters.source_system,
            quarters.period_start,
            landmarks.snapshot_date as known_date,
            landmarks.open_amount,
            months_ahead.horizon_months,
            count(*) over (
                partition by quarters.source_system, quarters.period_start, landmarks.snapshot_date
            ) as month_count,
        from quarters
        cross join run_settings
        inner join landmarks on quarters.source_system = landmarks.source_system
        inner join
            months_ahead
            on date_diff('month', landmarks.snapshot_date, quarters.period_end)
            >= months_ahead.horizon_months
            and date_diff('month', landmarks.snapshot_date, quarters.period_start)
            <= months_ahead.horizon_months
        where
            landmarks.snapshot_date <= run_settings.as_of_date
            and date_diff('month', landmarks.snapshot_date, quarters.period_end)
            <= {{ var("forecast_horizon_months") }}
    ),
    -- the twelve latest month ends of which that month was over by then
    compared as (
        select
            looks.source_system,
            looks.period_start,
            looks.known_date,
            looks.horizon_months,
            looks.open_amount,
            looks.month_count,
            brought.open_amount as earlier_open_amount,
            brought.open_won_amount,
            brought.new_won_amount,
        from looks
        inner join
            brought
            on looks.source_system = brought.source_system
            and looks.horizon_months = brought.horizon_months
            and looks.known_date >= brought.known_date
        qualify
            row_number() over (
                partition by
                    looks.source_system, looks.period_start, looks.known_date, looks.horizon_months
                order by brought.snapshot_date desc
            )
            <= 12
    ),
    monthly as (
        select
            source_system,
            period_start,
            known_date,
            horizon_months,
            count(*) as earlier_count,
            any_value(month_count) as month_count,
            any_value(open_amount)
            * {{ safe_ratio("sum(open_won_amount)", "sum(earlier_open_amount)") }}
            as open_deals_amount,
            {{ safe_ratio("sum(new_won_amount)", "count(*)") }} as new_business_amount,
        from compared
        group by source_system, period_start, known_date, horizon_months
    ),
    expected as (
        select
            source_system,
            period_start,
            known_date,
            min(earlier_count) as earlier_count,
            count(*) = any_value(month_count) as is_whole,
            sum(open_deals_amount + new_business_amount) as coming_amount,
        from monthly
        group by source_system, period_start, known_date
    ),
    booked as (
        select
            quarters.source_system,
            quarters.period_start,
            landmarks.snapshot_date as known_date,
            coalesce(sum(won.amount_base), 0) as booked_amount,
        from quarters
        inner join landmarks on quarters.source_system = landmarks.source_system
        left join
            won
            on quarters.source_system = won.source_system
            and won.closed_date >= quarters.period_start
            and won.closed_date <= landmarks.snapshot_date
        group by quarters.source_system, quarters.period_start, landmarks.snapshot_date
    ),
    shortfalls as (
        select
            expected.source_system,
            expected.period_start,
            expected.known_date,
            quarters.target_amount,
            cast(
                round(booked.booked_amount + expected.coming_amount, 2) as decimal(18, 2)
            ) as expected_amount,
            cast(quarters.target_amount - expected_amount as decimal(18, 2)) as shortfall_amount,
        from expected
        inner join
            quarters
            on expected.source_system = quarters.source_system
            and expected.period_start = quarters.period_start
        inner join
            booked
            on expected.source_system = booked.source_system
            and expected.period_start = booked.period_start
            and expected.known_date = booked.known_date
        -- fewer month ends than that tell nothing
        where expected.earlier_count >= 6 and expected.is_whole
    )
select *
from shortfalls
