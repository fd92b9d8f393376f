-- Grain: one row per source system, period, dimension and member
{%- set period = "source_system, period_kind, period_start_date, period_end_date" %}
{%- set place = period ~ ", dimension, member" %}
{%- set dimensions = ["segment", "industry", "region"] %}
{%- set told = "value_proposition is not null or reason_class is not null" %}
with
    int_market_deals as (select * from {{ ref("int_market_deals") }}),
    int_compared_periods as (select * from {{ ref("int_compared_periods") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    dim_accounts as (select * from {{ ref("dim_accounts") }}),
    mart_reason_contradictions as (select * from {{ ref("mart_reason_contradictions") }}),
    system_periods as (select distinct {{ period }}, from int_market_deals),
    known_accounts as (
        select
            system_periods.*,
            dim_accounts.account_id,
            dim_accounts.segment,
            dim_accounts.industry,
            dim_accounts.region,
            false as has_deal,
        from dim_accounts
        inner join system_periods on dim_accounts.source_system = system_periods.source_system
        where dim_accounts.is_listed and not dim_accounts.is_merged
    ),
    -- open at some time in the period
    accounts_with_deals as (
        select
            system_periods.*,
            fct_opportunities.account_id,
            fct_opportunities.segment,
            fct_opportunities.industry,
            fct_opportunities.region,
            true as has_deal,
        from fct_opportunities
        inner join
            system_periods
            on fct_opportunities.source_system = system_periods.source_system
            and coalesce(fct_opportunities.created_date, fct_opportunities.closed_date)
            <= system_periods.period_end_date
            and coalesce(fct_opportunities.closed_date, date '9999-12-31')
            >= system_periods.period_start_date
        where
            fct_opportunities.outcome in ('open', 'won', 'lost', 'disqualified')
            and fct_opportunities.account_id is not null
    ),
    accounts as (
        select *,
        from known_accounts
        union all by name
        select *,
        from accounts_with_deals
    ),
    decided_deals as (
        select *, {{ told }} as is_told, from int_market_deals where outcome in ('won', 'lost')
    ),
    places as (
        select
            {{ period }},
            {{ dimension_columns(dimensions) }},
            count(distinct account_id) as known_account_count,
            count(distinct account_id) filter (where has_deal) as active_account_count,
        from accounts
        group by {{ dimension_sets(period, dimensions) }}
    ),
    decided_places as (
        select
            {{ period }},
            {{ dimension_columns(dimensions) }},
            count(*) as decided_count,
            count(*) filter (where is_told) as told_count,
            count(*) filter (where reason_class is not null) as reason_count,
            count(*) filter (where value_proposition is not null) as proposition_count,
            count(distinct account_id) as decided_account_count,
            count(distinct account_id) filter (where is_told) as told_account_count,
            count(distinct account_id) filter (
                where reason_class is not null
            ) as reason_account_count,
            count(distinct rep_id) filter (where is_told) as told_rep_count,
            count(amount_base) as valued_count,
            coalesce(cast(sum(amount_base) as decimal(18, 2)), 0) as decided_amount,
            coalesce(
                cast(sum(amount_base) filter (where is_told) as decimal(18, 2)), 0
            ) as told_amount,
        from decided_deals
        group by {{ dimension_sets(period, dimensions) }}
    ),
    {%- for weighed in ["account", "rep"] %}
        {{ weighed }}_words as (
            select
                {{ period }},
                {{ weighed }}_id,
                {{ dimension_columns(dimensions) }},
                count(*) as told_count,
            from decided_deals
            where is_told and {{ weighed }}_id is not null
            group by {{ dimension_sets(period ~ ", " ~ weighed ~ "_id", dimensions) }}
        ),
        {{ weighed }}_weights as (
            select
                {{ place }},
                -- 1 ÷ Σ share²
                {{
                    safe_ratio(
                        "sum(told_count) * sum(told_count)", "sum(told_count * told_count)"
                    )
                }} as effective_number,
            from {{ weighed }}_words
            group by {{ place }}
        ),
    {%- endfor %}
    class_words as (
        select
            {{ period }}, reason_class, {{ dimension_columns(dimensions) }}, count(*) as lost_count,
        from decided_deals
        where outcome = 'lost' and reason_class not in ('other', 'unlisted')
        group by {{ dimension_sets(period ~ ", reason_class", dimensions) }}
    ),
    -- two lost deals picked by lot: 1 − Σ n(n − 1) ÷ N(N − 1)
    class_lots as (
        select
            {{ place }},
            1
            - {{
                safe_ratio(
                    "sum(lost_count * (lost_count - 1))",
                    "sum(lost_count) * (sum(lost_count) - 1)",
                )
            }} as disagreement_by_lot,
        from class_words
        group by {{ place }}
    ),
    contradicting_places as (
        select
            {{ period }},
            {{ dimension_columns(dimensions) }},
            count(*) filter (where has_reason_contradiction) as contradicting_account_count,
            count(has_reason_contradiction) as paired_account_count,
            cast(sum(reason_pair_count) as bigint) as reason_pair_count,
            cast(sum(reason_contradiction_count) as bigint) as reason_contradiction_count,
        from mart_reason_contradictions
        group by {{ dimension_sets(period, dimensions) }}
    ),
    gathered_places as (
        select
            places.*,
            {%- for count in [
                "decided_count",
                "told_count",
                "reason_count",
                "proposition_count",
                "decided_account_count",
                "told_account_count",
                "reason_account_count",
                "told_rep_count",
                "valued_count",
            ] %}
                coalesce(decided_places.{{ count }}, 0) as {{ count }},
            {%- endfor %}
            coalesce(decided_places.decided_amount, 0) as decided_amount,
            coalesce(decided_places.told_amount, 0) as told_amount,
            account_weights.effective_number as effective_accounts,
            rep_weights.effective_number as effective_reps,
            coalesce(
                contradicting_places.contradicting_account_count, 0
            ) as contradicting_account_count,
            coalesce(contradicting_places.paired_account_count, 0) as paired_account_count,
            coalesce(contradicting_places.reason_pair_count, 0) as reason_pair_count,
            coalesce(
                contradicting_places.reason_contradiction_count, 0
            ) as reason_contradiction_count,
            class_lots.disagreement_by_lot,
        from places
        {%- for joined in [
                "decided_places",
                "account_weights",
                "rep_weights",
                "contradicting_places",
                "class_lots",
            ] %}
            left join
                {{ joined }}
                on places.source_system = {{ joined }}.source_system
                and places.period_kind = {{ joined }}.period_kind
                and places.period_start_date = {{ joined }}.period_start_date
                and places.dimension = {{ joined }}.dimension
                and places.member = {{ joined }}.member
        {%- endfor %}
    ),
    market_places as (
        select
            *,
            cast(
                sum(decided_amount) over (
                    partition by source_system, period_kind, period_start_date, dimension
                ) as decimal(18, 2)
            ) as market_amount,
        from gathered_places
    ),
    mosaic as (
        select
            {{ place }},
            known_account_count,
            active_account_count,
            decided_account_count,
            told_account_count,
            reason_account_count,
            told_rep_count,
            decided_count,
            told_count,
            reason_count,
            proposition_count,
            {{ rate_columns("market_reach_rate", "active_account_count", "known_account_count") }},
            {{ rate_columns("told_rate", "told_count", "decided_count") }},
            {{ rate_columns("told_value_rate", "told_amount", "decided_amount", n="valued_count") }},
            {{
                rate_columns(
                    "market_value_rate", "decided_amount", "market_amount", n="valued_count"
                )
            }},
            round(effective_accounts, 9) as effective_accounts,
            round(effective_reps, 9) as effective_reps,
            case
                when told_count > 0
                then
                    coalesce(effective_accounts, 0) < {{ var("picture_least_accounts") }}
                    or coalesce(effective_reps, 0) < {{ var("picture_least_reps") }}
            end as is_thin,
            {{
                rate_columns(
                    "contradiction_rate", "contradicting_account_count", "paired_account_count"
                )
            }},
            {{
                rate_columns(
                    "reason_disagreement_rate", "reason_contradiction_count", "reason_pair_count"
                )
            }},
            round(disagreement_by_lot, 9) as disagreement_by_lot,
        from market_places
    )
select *
from mosaic
