-- Grain: one row per system, quarter, entry kind, confidence level, entry month, source and segment
with
    int_lead_requirement as (select * from {{ ref("int_lead_requirement") }}),
    int_lead_shares as (select * from {{ ref("int_lead_shares") }}),
    shared as (
        select
            needed.source_system,
            needed.period_start,
            needed.entry_kind,
            needed.confidence_level,
            shares.entry_month,
            shares.source,
            shares.segment,
            shares.last_useful_date,
            shares.usual_entries,
            {%- for name in ["needed", "capped"] %}
                needed.{{ name }}_count as {{ name }}_total,
                needed.{{ name }}_count * shares.needed_share as {{ name }}_exact,
                cast(floor({{ name }}_exact) as bigint) as {{ name }}_whole,
            {%- endfor %}
        from int_lead_requirement as needed
        inner join
            int_lead_shares as shares
            on needed.source_system = shares.source_system
            and needed.period_start = shares.period_start
            and needed.entry_kind = shares.entry_kind
        where needed.lever = 'as it is' and shares.needed_share is not null
    ),
    -- whole entries that add up: those left over go where most was cut off
    rounded as (
        select
            source_system,
            period_start,
            entry_kind,
            confidence_level,
            entry_month,
            source,
            segment,
            last_useful_date,
            round(usual_entries, 9) as usual_entries,
            {%- for name in ["needed", "capped"] %}
                cast(
                    {{ name }}_whole + case
                        when
                            row_number() over (
                                plan
                                order by
                                    {{ name }}_exact - {{ name }}_whole desc,
                                    entry_month,
                                    source,
                                    segment
                            )
                            <= {{ name }}_total - sum({{ name }}_whole) over plan
                        then 1
                        else 0
                    end as bigint
                ) as {{ name }}_count,
            {%- endfor %}
        from shared
        window plan as (partition by source_system, period_start, entry_kind, confidence_level)
    )
select *
from rounded
