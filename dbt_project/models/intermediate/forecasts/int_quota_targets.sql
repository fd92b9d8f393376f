-- Grain: one row per source system, period kind and period
with
    int_quotas_unioned as (select * from {{ ref("int_quotas_unioned") }}),
    int_fx_rates_dated as (select * from {{ ref("int_fx_rates_dated") }}),
    dim_dates as (select * from {{ ref("dim_dates") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    quotas as (
        select
            quotas.source_system,
            quotas.rep_id,
            quotas.period_start,
            quotas.period_end,
            quotas.amount,
            coalesce(quotas.currency, run_settings.base_currency) as currency,
            -- what lies ahead has no rate of its own yet
            least(quotas.period_start, run_settings.as_of_date) as rate_date,
            case
                when quotas.period_start <> date_trunc('month', quotas.period_start)
                then null
                when quotas.period_end = last_day(quotas.period_start)
                then 'month'
                when
                    quotas.period_end
                    = last_day(cast(quotas.period_start + interval 2 month as date))
                then 'fiscal_quarter'
            end as period_kind,
        from int_quotas_unioned as quotas
        cross join run_settings
    ),
    priced as (
        select quotas.*, round(quotas.amount * int_fx_rates_dated.fx_rate, 2) as amount_base,
        from quotas
        left join
            int_fx_rates_dated
            on {{ rate_in_force("int_fx_rates_dated", "quotas.currency", "quotas.rate_date") }}
        where quotas.period_kind is not null
    ),
    quarters as (
        select
            priced.source_system,
            dim_dates.fiscal_quarter_start as period_start,
            priced.rep_id,
            priced.period_start as month_start,
            priced.amount_base,
        from priced
        inner join dim_dates on priced.period_start = dim_dates.date_day
        where priced.period_kind = 'month'
    ),
    -- a quarter of which a month has no quota yet would be met too easily
    whole_quarters as (
        select source_system, period_start,
        from quarters
        group by source_system, period_start
        having count(distinct month_start) = 3
    ),
    month_quotas as (select * from priced where period_kind = 'month'),
    quarter_quotas as (select * from priced where period_kind = 'fiscal_quarter'),
    added_up as (
        select quarters.source_system, quarters.period_start, quarters.amount_base,
        from quarters
        semi join
            whole_quarters
            on quarters.source_system = whole_quarters.source_system
            and quarters.period_start = whole_quarters.period_start
        -- who has a quota for the quarter itself has said it already
        anti join
            quarter_quotas as said
            on quarters.source_system = said.source_system
            and quarters.period_start = said.period_start
            and quarters.rep_id = said.rep_id
    ),
    -- nor does a month have a target while somebody's quarter is not broken down to it
    not_broken_down as (
        select distinct months.source_system, months.period_start, quarter_quotas.rep_id,
        from month_quotas as months
        inner join
            quarter_quotas
            on months.source_system = quarter_quotas.source_system
            and months.period_start >= quarter_quotas.period_start
            and months.period_start <= quarter_quotas.period_end
        anti join
            month_quotas as said
            on months.source_system = said.source_system
            and months.period_start = said.period_start
            and quarter_quotas.rep_id = said.rep_id
    ),
    parts as (
        select source_system, period_kind, period_start, amount_base,
        from priced
        union all by name
        select source_system, 'fiscal_quarter' as period_kind, period_start, amount_base,
        from added_up
        union all by name
        select
            source_system,
            'month' as period_kind,
            period_start,
            cast(null as decimal(18, 2)) as amount_base,
        from not_broken_down
    ),
    targets as (
        select
            source_system,
            period_kind,
            period_start,
            -- what is not known of one of them would be missing in the sum
            case
                when bool_and(amount_base is not null) then cast(sum(amount_base) as decimal(18, 2))
            end as target_amount,
        from parts
        group by source_system, period_kind, period_start
    )
select *
from targets
