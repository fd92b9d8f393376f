-- Which deals slipped out of the last whole fiscal quarter, and were they there from its start?
with
    movements as (select * from {{ ref("fct_pipeline_movements") }}),
    opportunities as (select * from {{ ref("fct_opportunities") }}),
    last_quarter as (
        select max(period_start) as period_start,
        from movements
        where period_kind = 'fiscal_quarter' and period_end <= measured_to_date
    )
select
    movements.opportunity_id,
    opportunities.account_id,
    movements.entry_kind,
    movements.exit_date,
    movements.exit_amount,
    opportunities.close_date_push_count,
from movements
inner join last_quarter on movements.period_start = last_quarter.period_start
left join opportunities on movements.opportunity_id = opportunities.opportunity_id
where movements.period_kind = 'fiscal_quarter' and movements.exit_kind = 'slipped'
order by movements.exit_amount desc nulls last, movements.opportunity_id asc
