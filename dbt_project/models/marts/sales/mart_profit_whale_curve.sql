-- Grain: one row per source system × level × account × product
with
    mart_account_product_profit_monthly as (
        select * from {{ ref("mart_account_product_profit_monthly") }}
    ),
    -- the year ends with the last month that the ledger tells of, else it would end in months
    -- that seem to have cost nothing
    last_months as (
        select source_system, max(profit_month) as last_month,
        from mart_account_product_profit_monthly
        where has_ledger
        group by source_system
    ),
    year_rows as (
        select
            mart_account_product_profit_monthly.*,
            last_months.last_month,
            cast(
                last_months.last_month
                - interval {{ var("profit_window_months") - 1 }} months as date
            ) as first_month,
        from mart_account_product_profit_monthly
        inner join
            last_months
            on mart_account_product_profit_monthly.source_system = last_months.source_system
            and mart_account_product_profit_monthly.profit_month between cast(
                last_months.last_month
                - interval {{ var("profit_window_months") - 1 }} months as date
            ) and last_months.last_month
    ),
    summed as (
        {% for level, product in [
            ("account", "cast(null as varchar)"),
            ("account_product", "product_id"),
        ] -%}
            select
                source_system,
                '{{ level }}' as level,
                account_id,
                {{ product }} as product_id,
                min(first_month) as first_month,
                max(last_month) as last_month,
                cast(
                    coalesce(sum(pocket_margin_amount), 0) as decimal(18, 2)
                ) as pocket_margin_amount,
                cast(coalesce(sum(net_profit_amount), 0) as decimal(18, 2)) as net_profit_amount,
                cast(
                    coalesce(sum(cost_uncertainty_amount), 0) as decimal(18, 2)
                ) as cost_uncertainty_amount,
                cast(sum(unpriced_count + uncosted_count) as bigint) as incomplete_count,
            from year_rows
            group by source_system, account_id, {{ product }}
            {% if not loop.last %}
                union all by name
            {% endif %}
        {%- endfor %}
    ),
    judged as (
        select
            *,
            case
                when product_id = 'unknown'
                then 'no product is named'
                when incomplete_count > 0
                then 'something has no price or no cost'
            end as quadrant_suppressed_reason,
        from summed
    ),
    sized as (
        select
            *,
            {{ var("profit_small_share") }}
            * avg(abs(net_profit_amount)) filter (quadrant_suppressed_reason is null) over (
                partition by source_system, level
            ) as small_limit,
        from judged
    ),
    placed as (
        select
            * exclude (small_limit),
            {{
                profit_quadrant(
                    "net_profit_amount",
                    "cost_uncertainty_amount",
                    "small_limit",
                    "quadrant_suppressed_reason",
                )
            }} as quadrant,
            round(small_limit, 2) as desert_limit,
            case
                when quadrant_suppressed_reason is null
                then pocket_margin_amount > 0 and net_profit_amount < 0
            end as is_sign_flip,
        from sized
    ),
    ranked as (
        select
            *,
            row_number() over most_first as profit_rank,
            count(*) over curve as member_count,
            cast(sum(net_profit_amount) over most_first as decimal(18, 2)) as cumulative_amount,
            cast(sum(net_profit_amount) over curve as decimal(18, 2)) as total_profit_amount,
            cast(
                coalesce(
                    sum(net_profit_amount) filter (net_profit_amount > 0) over curve, 0
                ) as decimal(18, 2)
            ) as peak_profit_amount,
            cast(
                coalesce(
                    sum(net_profit_amount) filter (net_profit_amount < 0) over curve, 0
                ) as decimal(18, 2)
            ) as drained_amount,
            sum(net_profit_amount > 0) over curve as gaining_count,
        from placed
        window
            curve as (partition by source_system, level),
            most_first as (
                partition by source_system, level
                order by net_profit_amount desc, account_id asc, product_id asc
                rows between unbounded preceding and current row
            )
    ),
    curves as (
        select
            * exclude (gaining_count),
            net_profit_amount > 0 and profit_rank = gaining_count as is_peak,
            case
                when total_profit_amount > 0
                then round({{ safe_ratio("cumulative_amount", "total_profit_amount") }}, 9)
            end as cumulative_ratio,
            case
                when total_profit_amount > 0
                then round({{ safe_ratio("peak_profit_amount", "total_profit_amount") }}, 9)
            end as whale_peak_ratio,
            case
                when total_profit_amount <= 0 then 'there is no profit to be a share of'
            end as whale_peak_suppressed_reason,
        from ranked
    )
select *
from curves
