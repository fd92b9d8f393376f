-- Which open order lines are not late yet but likely will be, and which customers wait for them?
with
    lines as (select * from {{ ref("fct_promise_scores") }}),
    deliveries as (
        select * from {{ ref("fct_order_line_deliveries") }} where basis = 'last_promise'
    ),
    accounts as (select * from {{ ref("dim_accounts") }})
select
    lines.order_id,
    lines.line_number,
    lines.schedule_number,
    accounts.account_name,
    lines.product_family,
    lines.due_date,
    lines.p80_finish_date,
    lines.late_probability,
from lines
inner join
    deliveries
    on lines.order_id = deliveries.order_id
    and lines.line_number = deliveries.line_number
    and lines.schedule_number is not distinct from deliveries.schedule_number
left join accounts on deliveries.account_id = accounts.account_id
where lines.late_probability >= 0.5 and not lines.is_overdue
order by lines.late_probability desc, lines.due_date asc, lines.order_id asc, lines.line_number asc
limit 100
