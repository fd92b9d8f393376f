-- Grain: one row per ledger entry × account × product, and per ledger entry for what is left whole
with
    int_cost_entries_priced as (select * from {{ ref("int_cost_entries_priced") }}),
    int_cost_driver_quantities as (select * from {{ ref("int_cost_driver_quantities") }}),
    -- in whole cents and millionths of the driver: no share is rounded before the last cent
    shares as (
        select
            int_cost_entries_priced.* exclude (unpriced_count),
            int_cost_driver_quantities.account_id,
            int_cost_driver_quantities.product_id,
            cast(abs(int_cost_entries_priced.ledger_amount) * 100 as hugeint) as ledger_cents,
            cast(int_cost_driver_quantities.quantity * 1000000 as hugeint) as part,
            sum(cast(int_cost_driver_quantities.quantity * 1000000 as hugeint)) over (
                entry
            ) as whole,
        from int_cost_entries_priced
        inner join
            int_cost_driver_quantities
            on int_cost_entries_priced.source_system = int_cost_driver_quantities.source_system
            and int_cost_entries_priced.cost_month = int_cost_driver_quantities.cost_month
            and int_cost_entries_priced.driver = int_cost_driver_quantities.driver
        where int_cost_driver_quantities.quantity > 0
        window
            entry as (
                partition by
                    int_cost_entries_priced.source_system,
                    int_cost_entries_priced.cost_month,
                    int_cost_entries_priced.cost_pool,
                    int_cost_entries_priced.ledger_driver
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
                        order by remainder desc, account_id nulls last, product_id
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
        from int_cost_entries_priced
        anti join
            shares
            on int_cost_entries_priced.source_system = shares.source_system
            and int_cost_entries_priced.cost_month = shares.cost_month
            and int_cost_entries_priced.cost_pool = shares.cost_pool
            and int_cost_entries_priced.ledger_driver = shares.ledger_driver
    )
select *
from allocations
