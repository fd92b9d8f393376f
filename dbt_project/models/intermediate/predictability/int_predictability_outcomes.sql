-- Grain: one row per subject, measure, source system, month and month in which it became known
with
    int_output_made as (select * from {{ ref("int_output_made") }}),
    fct_opportunities as (select * from {{ ref("fct_opportunities") }}),
    int_opportunity_versions_dated as (select * from {{ ref("int_opportunity_versions_dated") }}),
    won as (
        select opportunity_id, max(known_from_date) as known_date,
        from int_opportunity_versions_dated
        where status = 'won' and previous_status is distinct from 'won'
        group by opportunity_id
    ),
    bookings as (
        select
            'bookings' as subject,
            'value' as measure,
            fct_opportunities.source_system,
            fct_opportunities.close_month as outcome_month,
            cast(
                date_trunc(
                    'month',
                    greatest(
                        fct_opportunities.closed_date,
                        coalesce(won.known_date, fct_opportunities.closed_date)
                    )
                ) as date
            ) as known_month,
            cast(coalesce(sum(fct_opportunities.amount_base), 0) as decimal(18, 2)) as amount,
        from fct_opportunities
        left join won on fct_opportunities.opportunity_id = won.opportunity_id
        where fct_opportunities.outcome = 'won' and fct_opportunities.close_month is not null
        group by fct_opportunities.source_system, outcome_month, known_month
    ),
    outputs as (
        {%- for measure in ["quantity", "value"] %}
            select
                subject,
                '{{ measure }}' as measure,
                source_system,
                made_month as outcome_month,
                known_month,
                {{ measure }} as amount,
            from int_output_made
            where {{ measure }} is not null
            {% if not loop.last -%}
                union all
            {%- endif -%}
        {%- endfor %}
    ),
    outcomes as (
        select *
        from bookings
        union all by name
        select *
        from outputs
    )
select *
from outcomes
