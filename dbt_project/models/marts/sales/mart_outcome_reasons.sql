-- Grain: one row per source system, period, segment and reason class
{%- set period = "source_system, period_kind, period_start_date, period_end_date" %}
with
    int_market_deals as (select * from {{ ref("int_market_deals") }}),
    int_market_limits as (select * from {{ ref("int_market_limits") }}),
    counted_deals as (
        select
            {{ period }},
            case when grouping(segment) = 0 then segment else 'all' end as segment,
            coalesce(reason_class, 'unknown') as reason_class,
            count(*) filter (where outcome = 'won') as won_count,
            count(*) filter (where outcome = 'lost') as lost_count,
            count(*) filter (where outcome = 'disqualified') as disqualified_count,
            cast(sum(amount_base) filter (where outcome = 'lost') as decimal(18, 2)) as lost_amount,
            count(distinct account_id) as account_count,
            count(distinct rep_id) as rep_count,
        from int_market_deals
        group by
            grouping sets (
                ({{ period }}, segment, coalesce(reason_class, 'unknown')),
                ({{ period }}, coalesce(reason_class, 'unknown'))
            )
    ),
    told_deals as (
        select
            *,
            reason_class <> 'unknown' as is_told,
            cast(
                sum(lost_count) filter (where reason_class <> 'unknown') over (
                    partition by source_system, period_kind, period_start_date, segment
                ) as bigint
            ) as told_lost_count,
            sum(won_count) filter (where reason_class <> 'unknown') over (
                partition by source_system, period_kind, period_start_date
            ) as told_won_count,
        from counted_deals
    ),
    reasons as (
        select
            told_deals.source_system,
            told_deals.period_kind,
            told_deals.period_start_date,
            told_deals.period_end_date,
            told_deals.segment,
            told_deals.reason_class,
            told_deals.won_count,
            told_deals.lost_count,
            told_deals.disqualified_count,
            told_deals.lost_amount,
            told_deals.account_count,
            told_deals.rep_count,
            {{
                rate_columns(
                    "loss_reason_rate",
                    "case when told_deals.is_told then told_deals.lost_count end",
                    "case when told_deals.is_told then coalesce(told_deals.told_lost_count, 0) end",
                    reason="case when not told_deals.is_told then 'no reason was stated' end",
                )
            }},
            {{
                rate_columns(
                    "win_rate",
                    "told_deals.won_count",
                    "told_deals.won_count + told_deals.lost_count",
                    reason="case when coalesce(told_deals.told_won_count, 0) = 0 "
                    ~ "then 'no won deal states a reason' end",
                )
            }},
            {{ limit_columns("int_market_limits") }},
        from told_deals
        left join
            int_market_limits
            on int_market_limits.metric = 'loss_reason_rate'
            and told_deals.source_system = int_market_limits.source_system
            and told_deals.period_kind = int_market_limits.period_kind
            and told_deals.period_start_date = int_market_limits.period_start_date
            and told_deals.reason_class = int_market_limits.held_together
            and told_deals.segment = int_market_limits.member
    )
select *
from reasons
