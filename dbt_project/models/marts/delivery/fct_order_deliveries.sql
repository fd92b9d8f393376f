-- Grain: one row per order × basis
with
    fct_order_line_deliveries as (select * from {{ ref("fct_order_line_deliveries") }}),
    -- what was left out of the lines is left out here; what is not due yet holds the order open
    judged as (
        select
            order_id,
            basis,
            min(source_system) as source_system,
            min(account_id) as account_id,
            min(basis_date) filter (is_eligible or ineligible_reason = 'not_due') as first_due_date,
            max(basis_date) filter (is_eligible or ineligible_reason = 'not_due') as last_due_date,
            count(*) as unit_count,
            count(*) filter (is_eligible) as eligible_count,
            count(*) filter (ineligible_reason = 'not_due') as not_due_count,
            count(*) filter (not is_eligible and ineligible_reason <> 'not_due') as left_out_count,
            count(*) filter (is_on_time) as on_time_count,
            count(*) filter (is_otif) as otif_count,
            count(*) filter (is_overdue_open) as overdue_open_count,
            bool_and(is_on_time) filter (is_eligible) as is_every_on_time,
            bool_and(is_in_full) filter (is_eligible) as is_every_in_full,
            bool_and(is_otif) filter (is_eligible) as is_every_otif,
            bool_and(is_otif_recorded) filter (is_eligible) as is_every_otif_recorded,
        from fct_order_line_deliveries
        group by order_id, basis
    ),
    ruled as (
        select
            *,
            case
                when not_due_count > 0
                then 'not_due'
                when eligible_count = 0
                then 'no_eligible_line'
            end as ineligible_reason,
        from judged
    ),
    final as (
        select
            order_id,
            basis,
            source_system,
            account_id,
            first_due_date,
            last_due_date,
            cast(date_trunc('month', last_due_date) as date) as order_month,
            unit_count,
            eligible_count,
            not_due_count,
            left_out_count,
            on_time_count,
            otif_count,
            overdue_open_count,
            ineligible_reason is null as is_eligible,
            ineligible_reason,
            case when ineligible_reason is null then is_every_on_time end as is_on_time,
            case when ineligible_reason is null then is_every_in_full end as is_in_full,
            case when ineligible_reason is null then is_every_otif end as is_otif,
            case when ineligible_reason is null then is_every_otif_recorded end as is_otif_recorded,
        from ruled
    )
select *
from final
