-- Grain: one row per ledger entry × account × product, and per ledger entry for what is left whole
with
    int_cost_entries_priced as (select * from {{ ref("int_cost_entries_priced") }}),
    int_cost_driver_quantities as (select * from {{ ref("int_cost_driver_quantities") }}),
    priced_entries as (select * exclude (unpriced_count) from int_cost_entries_priced),
    -- in whole cents and millionths of the driver: no share is rounded before the last cent
    shares as (
        select
            priced_entries.*,
            int_cost_driver_quantities.account_id,
            int_cost_driver_quantities.product_id,
            cast(abs(priced_entries.ledger_amount) * 100 as hugeint) as ledger_cents,
            cast(int_cost_driver_quantities.quantity * 1000000 as hugeint) as part,
            sum(cast(int_cost_driver_quantities.quantity * 1000000 as hugeint)) over (
                entry
            ) as whole,
        from priced_entries
        inner join
            int_cost_driver_quantities
            on priced_entries.source_system = int_cost_driver_quantities.source_system
            and priced_entries.cost_month = int_cost_driver_quantities.cost_month
            and priced_entries.driver = int_cost_driver_quantities.driver
        where int_cost_driver_quantities.quantity > 0
        window
            entry as (
                partition by
                    priced_entries.source_system,
                    priced_entries.cost_month,
                    priced_entries.cost_pool,
                    priced_entries.ledger_driver
            )
    ),
    floored as (
        select
            *,
            divide(ledger_cents * part, whole) as full_cents,
            ledger_cents * part % whole as remainder,
        from shares
    ),
    -- the cents that are left go to the largest remainders, among equals by the keys
    allotted as (
        select
            *,
            full_cents + case
                when
                    row_number() over (
                        partition by source_system, cost_month, cost_pool, ledger_driver
                        order by remainder desc, account_id asc nulls last, product_id asc
                    )
                    <= ledger_cents
                    - sum(full_cents) over (
                        partition by source_system, cost_month, cost_pool, ledger_driver
                    )
                then 1
                else 0
            end as cents,
        from floored
    ),
    undriven_entries as (
        select priced_entries.*,
        from priced_entries
        anti join
            shares
            on priced_entries.source_system = shares.source_system
            and priced_entries.cost_month = shares.cost_month
            and priced_entries.cost_pool = shares.cost_pool
            and priced_entries.ledger_driver = shares.ledger_driver
    ),
    allocations as (
        select
            source_system,
            cost_month,
            cost_pool,
            ledger_driver,
            cost_class,
            driver,
            accuracy_rate,
            account_id,
            product_id,
            cast(
                cast(cents as decimal(18, 0))
                * case when ledger_amount < 0 then -0.01 else 0.01 end as decimal(18, 2)
            ) as amount,
            case
                when account_id is null then 'the driver names no account'
            end as unallocated_reason,
        from allotted
        union all by name
        select
            source_system,
            cost_month,
            cost_pool,
            ledger_driver,
            cost_class,
            driver,
            accuracy_rate,
            cast(null as varchar) as account_id,
            cast(null as varchar) as product_id,
            ledger_amount as amount,
            case
                when driver is null
                then 'the pool is not in cost_drivers'
                when driver = 'none'
                then 'kept whole'
                when driver = 'direct'
                then 'the shipments carry it'
                else 'nothing drove it this month'
            end as unallocated_reason,
        from undriven_entries
    )
select *
from allocations
