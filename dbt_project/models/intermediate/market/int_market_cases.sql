-- Grain: one row per metric, source system, period, what is held together, and member
{%- set period = "source_system, period_kind, period_start_date" %}
with
    int_market_deals as (select * from {{ ref("int_market_deals") }}),
    -- within a segment, propositions are held against each other
    proposition_cases as (
        select
            'proposition_win_rate' as metric,
            {{ period }},
            case when grouping(segment) = 0 then segment else 'all' end as held_together,
            value_proposition as member,
            count(*) filter (where outcome = 'won') as rate_numerator,
            count(*) as rate_denominator,
        from int_market_deals
        where outcome in ('won', 'lost') and value_proposition is not null
        group by
            grouping sets (
                ({{ period }}, segment, value_proposition), ({{ period }}, value_proposition)
            )
    ),
    lost_deals as (
        select *, from int_market_deals where outcome = 'lost' and reason_class is not null
    ),
    lost_segments as (
        select {{ period }}, segment, count(*) as lost_count,
        from lost_deals
        group by {{ period }}, segment
    ),
    lost_classes as (select distinct {{ period }}, reason_class, from lost_deals),
    lost_counts as (
        select {{ period }}, segment, reason_class, count(*) as lost_count,
        from lost_deals
        group by {{ period }}, segment, reason_class
    ),
    -- of a reason, segments are: one that never gives it, too
    reason_cases as (
        select
            'loss_reason_rate' as metric,
            lost_segments.source_system,
            lost_segments.period_kind,
            lost_segments.period_start_date,
            lost_classes.reason_class as held_together,
            lost_segments.segment as member,
            coalesce(lost_counts.lost_count, 0) as rate_numerator,
            lost_segments.lost_count as rate_denominator,
        from lost_segments
        inner join
            lost_classes
            on lost_segments.source_system = lost_classes.source_system
            and lost_segments.period_kind = lost_classes.period_kind
            and lost_segments.period_start_date = lost_classes.period_start_date
        left join
            lost_counts
            on lost_segments.source_system = lost_counts.source_system
            and lost_segments.period_kind = lost_counts.period_kind
            and lost_segments.period_start_date = lost_counts.period_start_date
            and lost_segments.segment = lost_counts.segment
            and lost_classes.reason_class = lost_counts.reason_class
    ),
    cases as (
        select *,
        from proposition_cases
        union all by name
        select *,
        from reason_cases
    )
select *
from cases
