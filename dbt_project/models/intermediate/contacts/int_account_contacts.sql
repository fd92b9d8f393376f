-- Grain: one row per account that sales has met
with
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_activities_unioned as (select * from {{ ref("int_activities_unioned") }}),
    int_opportunities_unioned as (select * from {{ ref("int_opportunities_unioned") }}),
    int_order_lines_attributed as (select * from {{ ref("int_order_lines_attributed") }}),
    int_order_line_margins as (select * from {{ ref("int_order_line_margins") }}),
    int_cost_allocations as (select * from {{ ref("int_cost_allocations") }}),
    int_cost_entries_priced as (select * from {{ ref("int_cost_entries_priced") }}),
    int_account_survivors as (select * from {{ ref("int_account_survivors") }}),
    int_fx_rates_dated as (select * from {{ ref("int_fx_rates_dated") }}),
    fct_order_line_deliveries as (select * from {{ ref("fct_order_line_deliveries") }}),
    dim_accounts as (select * from {{ ref("dim_accounts") }}),
    contacts as (
        select
            coalesce(
                int_activities_unioned.account_id, int_opportunities_unioned.account_id
            ) as account_id,
            business_date(int_activities_unioned.occurred_at) as contact_date,
            coalesce(
                lower(int_activities_unioned.participant_function)
                in ('{{ var("operations_functions") | join("', '") }}'),
                false
            ) as is_with_operations,
            false as is_order,
        from int_activities_unioned
        cross join run_settings
        left join
            int_opportunities_unioned
            on int_activities_unioned.opportunity_id = int_opportunities_unioned.opportunity_id
        where int_activities_unioned.occurred_at < run_settings.as_of_at
        union all by name
        select
            int_opportunities_unioned.account_id,
            business_date(int_opportunities_unioned.created_at) as contact_date,
            false as is_with_operations,
            false as is_order,
        from int_opportunities_unioned
        cross join run_settings
        where int_opportunities_unioned.created_at < run_settings.as_of_at
        union all by name
        select
            account_id, ordered_date as contact_date, false as is_with_operations, true as is_order,
        from int_order_lines_attributed
        where not is_deleted
    ),
    known_contacts as (
        select
            coalesce(
                int_account_survivors.surviving_account_id, contacts.account_id
            ) as met_account_id,
            contacts.contact_date,
            contacts.is_with_operations,
            contacts.is_order,
        from contacts
        left join int_account_survivors on contacts.account_id = int_account_survivors.account_id
    ),
    met as (
        select
            met_account_id,
            min(contact_date) filter (where not is_with_operations) as first_sales_date,
            min(contact_date) filter (where is_with_operations) as first_operations_date,
        from known_contacts
        group by met_account_id
    ),
    dated as (
        select
            dim_accounts.account_id,
            dim_accounts.source_system,
            dim_accounts.segment,
            met.first_sales_date,
            met.first_operations_date,
            cast(date_trunc('quarter', met.first_sales_date) as date) as entry_quarter_start_date,
            -- the day from which an account is told by, and the whole months after it
            met.first_sales_date + {{ var("operations_early_days") }} as judged_date,
            cast(
                date_trunc('month', judged_date - 1) + interval 1 month as date
            ) as outcome_from_date,
            cast(
                outcome_from_date + interval {{ var("operations_outcome_months") }} month as date
            ) as outcome_to_date,
            run_settings.as_of_date,
        from met
        inner join dim_accounts on met.met_account_id = dim_accounts.account_id
        cross join run_settings
        where met.first_sales_date is not null
    ),
    touched as (
        select dated.account_id, count(*) as before_contact_count,
        from dated
        inner join
            known_contacts
            on dated.account_id = known_contacts.met_account_id
            and known_contacts.contact_date < dated.judged_date
        where not known_contacts.is_with_operations and not known_contacts.is_order
        group by dated.account_id
    ),
    priced_lines as (
        select
            lines.account_id,
            lines.ordered_date,
            try_cast(
                round(
                    try_cast(round(lines.quantity * lines.net_price_amount, 2) as decimal(18, 2))
                    * rates.fx_rate,
                    2
                ) as decimal(18, 2)
            ) as order_amount,
        from int_order_lines_attributed as lines
        left join
            int_fx_rates_dated as rates
            on {{ rate_in_force("rates", "lines.priced_currency", "lines.ordered_date") }}
        where not lines.is_deleted and not lines.is_cancelled
    ),
    ordered as (
        select
            dated.account_id,
            sum(priced_lines.order_amount) filter (
                where priced_lines.ordered_date < dated.judged_date
            ) as before_order_amount,
            sum(priced_lines.order_amount) filter (
                where priced_lines.ordered_date >= dated.outcome_from_date
            ) as after_order_amount,
            count(*) filter (where priced_lines.order_amount is null) as unpriced_count,
        from dated
        inner join
            priced_lines
            on dated.account_id = priced_lines.account_id
            and dated.first_sales_date <= priced_lines.ordered_date
            and priced_lines.ordered_date < dated.outcome_to_date
        group by dated.account_id
    ),
    earned as (
        select
            dated.account_id,
            sum(margins.net_revenue_amount) as net_revenue_amount,
            sum(margins.freight_cost_amount) as freight_cost_amount,
            count(*) filter (where margins.is_unpriced) as unpriced_count,
        from dated
        inner join
            int_order_line_margins as margins
            on dated.account_id = margins.account_id
            and dated.outcome_from_date <= margins.event_month
            and margins.event_month < dated.outcome_to_date
        group by dated.account_id
    ),
    served as (
        select dated.account_id, sum(allocations.amount) as allocated_cost_amount,
        from dated
        inner join
            int_cost_allocations as allocations
            on dated.account_id = allocations.account_id
            and dated.source_system = allocations.source_system
            and dated.outcome_from_date <= allocations.cost_month
            and allocations.cost_month < dated.outcome_to_date
        where
            allocations.unallocated_reason is null
            -- what changes in the plant cost is no service to the account
            and allocations.cost_class not in ('changeover', 'small_lot', 'sku_upkeep')
        group by dated.account_id
    ),
    ledger_months as (select distinct source_system, cost_month, from int_cost_entries_priced),
    ledgers as (
        select dated.account_id, count(*) as ledger_month_count,
        from dated
        inner join
            ledger_months
            on dated.source_system = ledger_months.source_system
            and dated.outcome_from_date <= ledger_months.cost_month
            and ledger_months.cost_month < dated.outcome_to_date
        group by dated.account_id
    ),
    delivered as (
        select
            dated.account_id,
            count(*) filter (where deliveries.is_on_time) as on_time_count,
            count(*) as eligible_count,
        from dated
        inner join
            fct_order_line_deliveries as deliveries
            on dated.account_id = deliveries.account_id
            and dated.outcome_from_date <= deliveries.basis_month
            and deliveries.basis_month < dated.outcome_to_date
        where deliveries.basis = 'first_promise' and deliveries.is_eligible
        group by dated.account_id
    ),
    told as (
        select
            dated.account_id,
            dated.source_system,
            dated.segment,
            dated.first_sales_date,
            dated.first_operations_date,
            dated.first_operations_date - dated.first_sales_date as days_to_operations_contact,
            dated.entry_quarter_start_date,
            dated.judged_date,
            dated.outcome_from_date,
            dated.outcome_to_date,
            case
                when dated.judged_date <= dated.as_of_date + 1
                then coalesce(dated.first_operations_date < dated.judged_date, false)
            end as is_early,
            coalesce(touched.before_contact_count, 0) as before_contact_count,
            cast(coalesce(ordered.before_order_amount, 0) as decimal(18, 2)) as before_order_amount,
            cast(coalesce(ordered.after_order_amount, 0) as decimal(18, 2)) as after_order_amount,
            case
                when coalesce(ordered.unpriced_count, 0) = 0
                then
                    round(
                        cast(coalesce(ordered.before_order_amount, 0) as double)
                        / {{ var("operations_early_days") }},
                        9
                    )
            end as before_daily_amount,
            case
                when coalesce(ordered.unpriced_count, 0) = 0
                then
                    round(
                        cast(coalesce(ordered.after_order_amount, 0) as double)
                        / (dated.outcome_to_date - dated.outcome_from_date),
                        9
                    )
            end as after_daily_amount,
            case
                when
                    coalesce(earned.unpriced_count, 0) = 0
                    and ledgers.ledger_month_count = {{ var("operations_outcome_months") }}
                then cast(coalesce(earned.net_revenue_amount, 0) as decimal(18, 2))
            end as net_revenue_amount,
            case
                when ledgers.ledger_month_count = {{ var("operations_outcome_months") }}
                then
                    cast(
                        coalesce(served.allocated_cost_amount, 0)
                        + coalesce(earned.freight_cost_amount, 0) as decimal(18, 2)
                    )
            end as cost_to_serve_amount,
            delivered.on_time_count,
            delivered.eligible_count,
            case
                when dated.judged_date > dated.as_of_date + 1
                then 'met too lately to be early or late'
                when dated.outcome_to_date > dated.as_of_date + 1
                then 'the months after are not over'
            end as not_compared_reason,
        from dated
        left join touched on dated.account_id = touched.account_id
        left join ordered on dated.account_id = ordered.account_id
        left join earned on dated.account_id = earned.account_id
        left join served on dated.account_id = served.account_id
        left join ledgers on dated.account_id = ledgers.account_id
        left join delivered on dated.account_id = delivered.account_id
    )
select *
from told
