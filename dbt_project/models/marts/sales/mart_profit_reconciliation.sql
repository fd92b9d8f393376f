-- Grain: one row per month × cost pool × driver of the ledger × source system
with
    int_cost_entries_priced as (select * from {{ ref("int_cost_entries_priced") }}),
    int_cost_allocations as (select * from {{ ref("int_cost_allocations") }}),
    allocated as (
        select
            source_system,
            cost_month,
            cost_pool,
            ledger_driver,
            cast(
                coalesce(sum(amount) filter (unallocated_reason is null), 0) as decimal(18, 2)
            ) as allocated_amount,
            cast(
                coalesce(sum(amount) filter (unallocated_reason is not null), 0) as decimal(18, 2)
            ) as unallocated_amount,
            count(*) filter (unallocated_reason is null) as pair_count,
            max(unallocated_reason) as unallocated_reason,
        from int_cost_allocations
        group by source_system, cost_month, cost_pool, ledger_driver
    ),
    reconciled as (
        select
            int_cost_entries_priced.cost_month,
            int_cost_entries_priced.cost_pool,
            int_cost_entries_priced.ledger_driver,
            int_cost_entries_priced.source_system,
            coalesce(int_cost_entries_priced.cost_class, 'unknown') as cost_class,
            coalesce(int_cost_entries_priced.driver, 'unknown') as driver,
            int_cost_entries_priced.ledger_amount,
            coalesce(allocated.allocated_amount, 0) as allocated_amount,
            coalesce(allocated.unallocated_amount, 0) as unallocated_amount,
            cast(
                int_cost_entries_priced.ledger_amount
                - coalesce(allocated.allocated_amount, 0)
                - coalesce(allocated.unallocated_amount, 0) as decimal(18, 2)
            ) as residual_amount,
            allocated.unallocated_reason,
            coalesce(allocated.pair_count, 0) as pair_count,
            int_cost_entries_priced.unpriced_count,
            round(int_cost_entries_priced.accuracy_rate, 9) as stated_accuracy,
            int_cost_entries_priced.is_accuracy_stated,
        from int_cost_entries_priced
        left join
            allocated
            on int_cost_entries_priced.source_system = allocated.source_system
            and int_cost_entries_priced.cost_month = allocated.cost_month
            and int_cost_entries_priced.cost_pool = allocated.cost_pool
            and int_cost_entries_priced.ledger_driver = allocated.ledger_driver
    )
select *
from reconciled
