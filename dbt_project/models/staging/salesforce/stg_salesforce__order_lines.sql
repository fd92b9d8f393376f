-- Grain: one row per order line
with
    orders as ({{ salesforce_records("order") }}),
    order_items as ({{ salesforce_records("order_item") }}),
    -- a draft is no order yet, and a reduction order takes back a part of another one
    placed_orders as (
        select
            *,
            {{ salesforce_id("id") }} as order_id,
            coalesce(blank_to_null(status_code), blank_to_null(status)) as order_status,
        from orders
        where not coalesce({{ salesforce_flag("is_reduction_order") }}, false)
    ),
    renamed as (
        select
            placed_orders.order_id,
            {{ salesforce_id("order_items.id") }} as line_number,
            {{ salesforce_id("placed_orders.account_id") }} as account_id,
            {{ salesforce_id("order_items.product_2_id") }} as product_id,
            {{ salesforce_id("placed_orders.owner_id") }} as rep_id,
            {{ salesforce_id("placed_orders.opportunity_id") }} as opportunity_id,
            coalesce(
                to_utc_instant(placed_orders.activated_date), placed_orders._created_at
            ) as ordered_at,
            {{ quantity("order_items.quantity") }} as quantity,
            {{ unit_price("order_items.unit_price") }} as unit_price_amount,
            upper(blank_to_null(placed_orders.currency_iso_code)) as currency,
            case
                when placed_orders.order_status in ('Canceled', 'Cancelled')
                then business_date(coalesce(placed_orders._modified_at, placed_orders._seen_at))
            end as cancelled_on,
            coalesce(order_items._deleted_at, placed_orders._deleted_at) as deleted_at,
            'salesforce' as source_system,
            greatest(placed_orders._known_at, order_items._known_at) as recorded_at,
            placed_orders._is_reconstructed
            or order_items._is_reconstructed as is_history_reconstructed,
        from order_items
        inner join placed_orders on left(trim(order_items.order_id), 15) = placed_orders._record
        where coalesce(placed_orders.order_status, '') <> 'Draft'
    )
select *
from renamed
