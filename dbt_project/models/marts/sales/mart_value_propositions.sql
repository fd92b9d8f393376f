-- Grain: one row per source system, period, segment and value proposition
{%- set period = "source_system, period_kind, period_start_date, period_end_date" %}
with
    int_market_deals as (select * from {{ ref("int_market_deals") }}),
    int_market_limits as (select * from {{ ref("int_market_limits") }}),
    counted_deals as (
        select
            {{ period }},
            case when grouping(segment) = 0 then segment else 'all' end as segment,
            coalesce(value_proposition, 'unknown') as value_proposition,
            count(*) filter (where outcome = 'won') as won_count,
            count(*) filter (where outcome = 'lost') as lost_count,
            count(*) filter (where outcome = 'disqualified') as disqualified_count,
            cast(sum(amount_base) filter (where outcome = 'won') as decimal(18, 2)) as won_amount,
            count(distinct account_id) filter (
                where outcome in ('won', 'lost')
            ) as decided_account_count,
            count(distinct rep_id) filter (where outcome in ('won', 'lost')) as decided_rep_count,
        from int_market_deals
        group by
            grouping sets (
                ({{ period }}, segment, coalesce(value_proposition, 'unknown')),
                ({{ period }}, coalesce(value_proposition, 'unknown'))
            )
    ),
    propositions as (
        select
            counted_deals.source_system,
            counted_deals.period_kind,
            counted_deals.period_start_date,
            counted_deals.period_end_date,
            counted_deals.segment,
            counted_deals.value_proposition,
            counted_deals.won_count,
            counted_deals.lost_count,
            counted_deals.disqualified_count,
            counted_deals.won_amount,
            counted_deals.decided_account_count,
            counted_deals.decided_rep_count,
            {{
                rate_columns(
                    "win_rate",
                    "counted_deals.won_count",
                    "counted_deals.won_count + counted_deals.lost_count",
                )
            }},
            {{ limit_columns("int_market_limits") }},
        from counted_deals
        left join
            int_market_limits
            on int_market_limits.metric = 'proposition_win_rate'
            and counted_deals.source_system = int_market_limits.source_system
            and counted_deals.period_kind = int_market_limits.period_kind
            and counted_deals.period_start_date = int_market_limits.period_start_date
            and counted_deals.segment = int_market_limits.held_together
            and counted_deals.value_proposition = int_market_limits.member
    )
select *
from propositions
