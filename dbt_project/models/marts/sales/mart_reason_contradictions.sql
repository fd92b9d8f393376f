-- Grain: one row per source system, period and account that decided a deal in it
{%- set period = "source_system, period_kind, period_start_date, period_end_date" %}
{%- set pair = "one.source_system, one.account_id, greatest(one.closed_date, other.closed_date)" %}
with
    int_deals_told as (select * from {{ ref("int_deals_told") }}),
    int_market_deals as (select * from {{ ref("int_market_deals") }}),
    int_compared_periods as (select * from {{ ref("int_compared_periods") }}),
    accounts as (
        select
            {{ period }},
            account_id,
            arg_max(segment, [cast(closed_date as varchar), opportunity_id]) as segment,
            arg_max(industry, [cast(closed_date as varchar), opportunity_id]) as industry,
            arg_max(region, [cast(closed_date as varchar), opportunity_id]) as region,
            count(*) as decided_count,
            count(distinct rep_id) as rep_count,
            count(distinct reason_class) filter (where outcome = 'lost') as reason_class_count,
            string_agg(distinct reason_class, ', ' order by reason_class) filter (
                where outcome = 'lost'
            ) as reason_classes,
        from int_market_deals
        where outcome in ('won', 'lost') and account_id is not null
        group by {{ period }}, account_id
    ),
    -- what says nothing contradicts nothing
    reason_days as (
        select source_system, account_id, closed_date, rep_id, reason_class, count(*) as deal_count,
        from int_deals_told
        where
            outcome = 'lost'
            and reason_class not in ('other', 'unlisted')
            and account_id is not null
            and rep_id is not null
        group by source_system, account_id, closed_date, rep_id, reason_class
    ),
    proposition_days as (
        select
            source_system,
            account_id,
            closed_date,
            outcome,
            value_proposition,
            count(*) as deal_count,
        from int_deals_told
        where
            outcome in ('won', 'lost') and value_proposition is not null and account_id is not null
        group by source_system, account_id, closed_date, outcome, value_proposition
    ),
    -- of two deals the later one says when
    reason_pairs as (
        select
            one.source_system,
            one.account_id,
            greatest(one.closed_date, other.closed_date) as closed_date,
            sum(one.deal_count * other.deal_count) as reason_pair_count,
            sum(one.deal_count * other.deal_count) filter (
                where one.reason_class <> other.reason_class
            ) as reason_contradiction_count,
        from reason_days as one
        inner join
            reason_days as other
            on one.source_system = other.source_system
            and one.account_id = other.account_id
            and one.rep_id < other.rep_id
            and abs(one.closed_date - other.closed_date) <= {{ var("contradiction_days") }}
        group by {{ pair }}
    ),
    proposition_pairs as (
        select
            one.source_system,
            one.account_id,
            greatest(one.closed_date, other.closed_date) as closed_date,
            sum(one.deal_count * other.deal_count) as proposition_pair_count,
            sum(one.deal_count * other.deal_count) filter (
                where one.value_proposition = other.value_proposition
            ) as proposition_contradiction_count,
        from proposition_days as one
        inner join
            proposition_days as other
            on one.source_system = other.source_system
            and one.account_id = other.account_id
            and one.outcome = 'won'
            and other.outcome = 'lost'
            and abs(one.closed_date - other.closed_date) <= {{ var("contradiction_days") }}
        group by {{ pair }}
    ),
    pairs as (
        select *,
        from reason_pairs
        union all by name
        select *,
        from proposition_pairs
    ),
    period_pairs as (
        select
            pairs.source_system,
            pairs.account_id,
            int_compared_periods.period_kind,
            int_compared_periods.period_start_date,
            cast(coalesce(sum(pairs.reason_pair_count), 0) as bigint) as reason_pair_count,
            cast(
                coalesce(sum(pairs.reason_contradiction_count), 0) as bigint
            ) as reason_contradiction_count,
            cast(
                coalesce(sum(pairs.proposition_pair_count), 0) as bigint
            ) as proposition_pair_count,
            cast(
                coalesce(sum(pairs.proposition_contradiction_count), 0) as bigint
            ) as proposition_contradiction_count,
        from pairs
        inner join
            int_compared_periods
            on pairs.closed_date >= int_compared_periods.period_start_date
            and pairs.closed_date <= int_compared_periods.period_end_date
        group by
            pairs.source_system,
            pairs.account_id,
            int_compared_periods.period_kind,
            int_compared_periods.period_start_date
    ),
    contradictions as (
        select
            accounts.source_system,
            accounts.period_kind,
            accounts.period_start_date,
            accounts.period_end_date,
            accounts.account_id,
            accounts.segment,
            accounts.industry,
            accounts.region,
            accounts.decided_count,
            accounts.rep_count,
            accounts.reason_class_count,
            accounts.reason_classes,
            {%- for told in ["reason", "proposition"] %}
                coalesce(period_pairs.{{ told }}_pair_count, 0) as {{ told }}_pair_count,
                coalesce(
                    period_pairs.{{ told }}_contradiction_count, 0
                ) as {{ told }}_contradiction_count,
                case
                    when period_pairs.{{ told }}_pair_count > 0
                    then period_pairs.{{ told }}_contradiction_count > 0
                end as has_{{ told }}_contradiction,
            {%- endfor %}
        from accounts
        left join
            period_pairs
            on accounts.source_system = period_pairs.source_system
            and accounts.account_id = period_pairs.account_id
            and accounts.period_kind = period_pairs.period_kind
            and accounts.period_start_date = period_pairs.period_start_date
    )
select *
from contradictions
