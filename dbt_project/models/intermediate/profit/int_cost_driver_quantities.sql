-- Grain: one row per driver × month × account × product × source system
with
    int_order_lines_attributed as (select * from {{ ref("int_order_lines_attributed") }}),
    int_order_line_margins as (select * from {{ ref("int_order_line_margins") }}),
    int_opportunities_unioned as (select * from {{ ref("int_opportunities_unioned") }}),
    int_activities_unioned as (select * from {{ ref("int_activities_unioned") }}),
    int_account_survivors as (select * from {{ ref("int_account_survivors") }}),
    int_work_orders_unioned as (select * from {{ ref("int_work_orders_unioned") }}),
    fct_operations as (select * from {{ ref("fct_operations") }}),
    int_usual_lots as (select * from {{ ref("int_usual_lots") }}),
    entered_lines as (
        select
            source_system,
            order_id,
            account_id,
            product_id,
            ordered_month,
            quantity,
            count(*) over (partition by source_system, order_id) as order_line_count,
            count(*) over (
                partition by source_system, ordered_month, product_id
            ) as product_line_count,
            sum(greatest(quantity, 0)) over (
                partition by source_system, ordered_month, product_id
            ) as product_quantity,
        from int_order_lines_attributed
        where not is_deleted and ordered_month is not null
    ),
    -- added up first: each of them with each line of its product would be too many
    setups as (
        select
            fct_operations.source_system,
            cast(date_trunc('month', fct_operations.started_date) as date) as cost_month,
            int_order_lines_attributed.account_id,
            coalesce(
                int_order_lines_attributed.product_id, fct_operations.product_id
            ) as product_id,
            count(*) as setup_count,
            -- as decimals, so that the sum doesn't hang on its order
            sum(cast(fct_operations.duration_minutes as decimal(18, 6))) filter (
                where fct_operations.duration_minutes > 0
            ) as duration_minutes,
        from fct_operations
        left join
            int_work_orders_unioned
            on fct_operations.work_order_id = int_work_orders_unioned.work_order_id
        left join
            int_order_lines_attributed
            on int_work_orders_unioned.order_id = int_order_lines_attributed.order_id
            and int_work_orders_unioned.line_number = int_order_lines_attributed.line_number
        where fct_operations.report_type = 'setup'
        group by all
    ),
    -- what was set up for stock is for whoever ordered the product that month, by quantity
    shared_setups as (
        select
            source_system,
            cost_month,
            account_id,
            product_id,
            1 as share,
            setup_count,
            duration_minutes,
        from setups
        where account_id is not null
        union all by name
        select
            setups.source_system,
            setups.cost_month,
            entered_lines.account_id,
            setups.product_id,
            coalesce(entered_lines.quantity / entered_lines.product_quantity, 1) as share,
            setups.setup_count,
            setups.duration_minutes,
        from setups
        left join
            entered_lines
            on setups.source_system = entered_lines.source_system
            and setups.cost_month = entered_lines.ordered_month
            and setups.product_id = entered_lines.product_id
            and entered_lines.quantity > 0
        where setups.account_id is null
    ),
    activities as (
        select
            int_activities_unioned.source_system,
            cast(
                date_trunc('month', business_date(int_activities_unioned.occurred_at)) as date
            ) as cost_month,
            coalesce(
                int_account_survivors.surviving_account_id,
                int_opportunities_unioned.account_id,
                int_activities_unioned.account_id
            ) as account_id,
            coalesce(int_opportunities_unioned.product_id, 'unknown') as product_id,
            coalesce(
                int_activities_unioned.activity_type
                in ('{{ var("service_activity_types") | join("', '") }}'),
                false
            ) as is_service,
            int_activities_unioned.duration_minutes,
        from int_activities_unioned
        left join
            int_opportunities_unioned
            on int_activities_unioned.opportunity_id = int_opportunities_unioned.opportunity_id
        left join
            int_account_survivors
            on coalesce(int_opportunities_unioned.account_id, int_activities_unioned.account_id)
            = int_account_survivors.account_id
    ),
    measured as (
        select
            'orders' as driver,
            source_system,
            ordered_month as cost_month,
            account_id,
            product_id,
            1 / order_line_count as quantity,
        from entered_lines
        union all by name
        select
            'order_lines' as driver,
            source_system,
            ordered_month as cost_month,
            account_id,
            product_id,
            1 as quantity,
        from entered_lines
        union all by name
        select
            'active_skus' as driver,
            source_system,
            ordered_month as cost_month,
            account_id,
            product_id,
            1 / product_line_count as quantity,
        from entered_lines
        where product_id <> 'unknown'
        union all by name
        select
            'small_lots' as driver,
            entered_lines.source_system,
            entered_lines.ordered_month as cost_month,
            entered_lines.account_id,
            entered_lines.product_id,
            1 as quantity,
        from entered_lines
        inner join
            int_usual_lots
            on entered_lines.source_system = int_usual_lots.source_system
            and entered_lines.product_id = int_usual_lots.product_id
            and entered_lines.ordered_month = int_usual_lots.ordered_month
        where entered_lines.quantity < {{ var("small_lot_share") }} * int_usual_lots.usual_quantity
        {% for driver, condition in [
                ("shipments", "event_kind = 'shipment'"),
                ("expedited_shipments", "event_kind = 'shipment' and is_expedited"),
                ("returns", "event_kind = 'return'"),
            ] -%}
            union all by name
            select
                '{{ driver }}' as driver,
                source_system,
                event_month as cost_month,
                account_id,
                product_id,
                1 as quantity,
            from int_order_line_margins
            where {{ condition }}
        {% endfor -%}
        union all by name
        select
            'sales_minutes' as driver,
            source_system,
            cost_month,
            account_id,
            product_id,
            duration_minutes as quantity,
        from activities
        where not is_service
        union all by name
        select
            'service_activities' as driver,
            source_system,
            cost_month,
            account_id,
            product_id,
            1 as quantity,
        from activities
        where is_service
        union all by name
        select
            'setups' as driver,
            source_system,
            cost_month,
            account_id,
            product_id,
            share * setup_count as quantity,
        from shared_setups
        union all by name
        select
            'setup_minutes' as driver,
            source_system,
            cost_month,
            account_id,
            product_id,
            share * duration_minutes as quantity,
        from shared_setups
    ),
    -- to the millionth, so that shares are whole numbers and sums don't hang on their order
    rounded as (
        select
            driver,
            source_system,
            cost_month,
            account_id,
            case when account_id is not null then coalesce(product_id, 'unknown') end as product_id,
            try_cast(round(quantity, 6) as decimal(18, 6)) as quantity,
        from measured
        where quantity > 0
    ),
    summed as (
        select
            driver,
            cost_month,
            account_id,
            product_id,
            source_system,
            cast(sum(quantity) as decimal(24, 6)) as quantity,
        from rounded
        group by driver, cost_month, account_id, product_id, source_system
    )
select *
from summed
