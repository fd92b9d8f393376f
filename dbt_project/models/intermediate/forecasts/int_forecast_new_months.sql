-- Grain: one row per source system, earlier day like the as_of, and month after it that is over
with
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    first_deals as (
        select source_system, min(created_date) as first_created_date,
        from fct_opportunities
        where created_date is not null
        group by source_system
    ),
    bookings as (
        select source_system, created_date, closed_date, sum(amount_base) as amount_base,
        from fct_opportunities
        where
            outcome = 'won'
            and created_date is not null
            and closed_date is not null
            and amount_base is not null
        group by source_system, created_date, closed_date
    ),
    earlier_months as (
        select
            as_of_date,
            unnest(generate_series(1, {{ var("forecast_history_months") }})) as months_before,
        from run_settings
    ),
    -- a month end before a month end, else the same day of the month
    landmarks as (
        select
            as_of_date,
            case
                when as_of_date = last_day(as_of_date)
                then last_day(cast(as_of_date - to_months(months_before) as date))
                else cast(as_of_date - to_months(months_before) as date)
            end as landmark_date,
        from earlier_months
    ),
    landmark_months as (
        select
            *, unnest(generate_series(0, {{ var("forecast_horizon_months") }})) as horizon_months,
        from landmarks
    ),
    months as (
        select
            first_deals.source_system,
            landmark_months.landmark_date,
            landmark_months.horizon_months,
        from landmark_months
        inner join first_deals on landmark_months.landmark_date >= first_deals.first_created_date
        where
            last_day(
                cast(
                    landmark_months.landmark_date
                    + to_months(cast(landmark_months.horizon_months as integer)) as date
                )
            )
            <= landmark_months.as_of_date
            and (
                landmark_months.horizon_months > 0
                or landmark_months.landmark_date < last_day(landmark_months.landmark_date)
            )
    ),
    booked as (
        select
            bookings.source_system,
            landmarks.landmark_date,
            date_diff('month', landmarks.landmark_date, bookings.closed_date) as horizon_months,
            sum(bookings.amount_base) as new_business_amount,
        from bookings
        inner join
            landmarks
            on bookings.created_date > landmarks.landmark_date
            and bookings.closed_date > landmarks.landmark_date
        group by bookings.source_system, landmarks.landmark_date, horizon_months
    ),
    new_months as (
        select
            months.source_system,
            months.landmark_date,
            months.horizon_months,
            cast(coalesce(booked.new_business_amount, 0) as decimal(18, 2)) as new_business_amount,
        from months
        left join
            booked
            on months.source_system = booked.source_system
            and months.landmark_date = booked.landmark_date
            and months.horizon_months = booked.horizon_months
    )
select *
from new_months
