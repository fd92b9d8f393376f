-- Grain: one row per source system, product, product family and day on which a date was named
with
    int_order_line_lead_times as (select * from {{ ref("int_order_line_lead_times") }}),
    int_promise_events_numbered as (select * from {{ ref("int_promise_events_numbered") }}),
    int_delivery_date_requests as (select * from {{ ref("int_delivery_date_requests") }}),
    leads as (
        select
            source_system,
            product_id,
            product_family,
            finish_recorded_date,
            cast(finished_date - ordered_date as integer) as lead_days,
            order_id,
            line_number,
            schedule_number,
        from int_order_line_lead_times
        where finished_date >= ordered_date and not is_in_parts
    ),
    asked as (
        select source_system, product_id, product_family, said_date as named_date,
        from int_promise_events_numbered
        where said_date is not null
        union
        select source_system, product_id, product_family, decided_date as named_date,
        from int_delivery_date_requests
        where decided_date is not null
    ),
    {% for group in ["product_id", "product_family"] %}
        -- numbered from 1 in the order in which they were known to be finished
        {{ group }}_leads as (
            select
                *,
                row_number() over (
                    partition by source_system, {{ group }}
                    order by finish_recorded_date, order_id, line_number, schedule_number
                ) as lead_number,
                cast(ceil(lead_number / {{ var("comparable_lines") }}) as bigint) as block_number,
            from leads
            where {{ group }} is not null
        ),
        {{ group }}_days as (
            select
                source_system,
                {{ group }},
                finish_recorded_date,
                max(lead_number) as lead_number,
                max(block_number) as block_number,
            from {{ group }}_leads
            group by source_system, {{ group }}, finish_recorded_date
        ),
        -- The numbers in {{ group }}_framed span at most comparable_lines, so each span lies within
        -- a block of that many and the block before it: one look-up a day, not one a line.
        {{ group }}_placed as (
            select * replace (unnest([block_number, block_number + 1]) as block_number),
            from {{ group }}_leads
        ),
        {{ group }}_blocks as (
            select
                source_system,
                {{ group }},
                block_number,
                min(lead_number) as first_number,
                list(lead_days order by lead_number) as leads,
            from {{ group }}_placed
            group by source_system, {{ group }}, block_number
        ),
        {{ group }}_framed as (
            select
                asked.*,
                known.block_number,
                known.lead_number as last_number,
                greatest(
                    known.lead_number - {{ var("comparable_lines") - 1 }},
                    coalesce(outdated.lead_number, 0) + 1
                ) as first_number,
            from asked
            asof join
                {{ group }}_days as known
                on asked.source_system = known.source_system
                and asked.{{ group }} = known.{{ group }}
                and asked.named_date > known.finish_recorded_date
            asof left join
                {{ group }}_days as outdated
                on asked.source_system = outdated.source_system
                and asked.{{ group }} = outdated.{{ group }}
                and asked.named_date - {{ var("comparable_days") }} > outdated.finish_recorded_date
            {% if group == "product_family" -%}
                -- of the family only where the product itself tells too little
                anti join
                    product_id_compared
                    on asked.source_system = product_id_compared.source_system
                    and asked.product_id = product_id_compared.product_id
                    and asked.product_family = product_id_compared.product_family
                    and asked.named_date = product_id_compared.named_date
            {%- endif %}
        ),
        {{ group }}_compared as (
            select
                framed.source_system,
                framed.product_id,
                framed.product_family,
                framed.named_date,
                list_slice(
                    blocks.leads,
                    framed.first_number - blocks.first_number + 1,
                    framed.last_number - blocks.first_number + 1
                ) as leads,
            from {{ group }}_framed as framed
            inner join
                {{ group }}_blocks as blocks
                on framed.source_system = blocks.source_system
                and framed.{{ group }} = blocks.{{ group }}
                and framed.block_number = blocks.block_number
            where
                framed.last_number - framed.first_number + 1 >= {{ var("comparable_least_lines") }}
        ),
    {% endfor %}
    compared as (
        select *, 'product' as comparable_basis,
        from product_id_compared
        union all by name
        select *, 'family' as comparable_basis,
        from product_family_compared
    ),
    measured as (
        select *, list_aggregate(leads, 'quantile_disc', [0.1, 0.5, 0.8, 0.95]) as quantiles,
        from compared
    ),
    final as (
        select
            source_system,
            product_id,
            product_family,
            named_date,
            comparable_basis,
            leads as comparable_lead_days,
            cast(len(leads) as bigint) as comparable_count,
            cast(quantiles[1] as bigint) as feasible_p10_days,
            cast(quantiles[2] as bigint) as feasible_p50_days,
            cast(quantiles[3] as bigint) as feasible_p80_days,
            cast(quantiles[4] as bigint) as feasible_p95_days,
        from measured
    )
select *
from final
