-- Grain: one row per work order that was released or begun
with
    fct_work_orders as (select * from {{ ref("fct_work_orders") }}),
    dated as (
        select
            work_order_id,
            source_system,
            product_id,
            product_family,
            quantity,
            business_date(coalesce(released_at, first_started_at, started_at)) as started_date,
            -- the end of what lead_time_basis of the fact runs over
            business_date(
                case
                    lead_time_basis
                    when 'first to last operation'
                    then last_finished_at
                    else finished_at
                end
            ) as finished_date,
            business_date(recorded_at) as recorded_date,
            business_date(deleted_at) as withdrawn_date,
        from fct_work_orders
        -- one known by its operations alone never says that it is finished
        where coalesce(released_at, started_at) is not null
    ),
    final as (
        select
            * exclude (recorded_date),
            -- the row that tells of the finish is as old as it
            case
                when finished_date is not null then greatest(finished_date, recorded_date)
            end as finish_recorded_date,
            finished_date is null and withdrawn_date is null as is_open,
        from dated
    )
select *
from final
