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
    -- the lines of each group in the order in which they were known to be finished
    {% for group in ["product_id", "product_family"] %}
        {{ group }}_leads as (
            select
                *,
                row_number() over (
                    partition by source_system, {{ group }}
                    order by finish_recorded_date, order_id, line_number, schedule_number
                ) as lead_number,
            from leads
        ),
        {{ group }}_compared as (
            select
                asked.source_system,
                asked.product_id,
                asked.product_family,
                asked.named_date,
                list({{ group }}_leads.lead_days order by {{ group }}_leads.lead_days) as leads,
            from
                (
                    -- each number looked up: a join on between would pair every day of a
                    -- product with all of its lines
                    select
                        asked.*,
                        unnest(
                            range(
                                greatest(
                                    {{ group }}_leads.lead_number
                                    - {{ var("comparable_lines") - 1 }},
                                    1
                                ),
                                {{ group }}_leads.lead_number + 1
                            )
                        ) as lead_number,
                    from asked
                    asof join
                        (
                            select
                                source_system,
                                {{ group }},
                                finish_recorded_date,
                                max(lead_number) as lead_number,
                            from {{ group }}_leads
                            group by source_system, {{ group }}, finish_recorded_date
                        ) as {{ group }}_leads
                        on asked.source_system = {{ group }}_leads.source_system
                        and asked.{{ group }} = {{ group }}_leads.{{ group }}
                        and asked.named_date > {{ group }}_leads.finish_recorded_date
                    {% if group == "product_family" -%}
                        -- of the family only where the product itself tells too little
                        anti join
                            product_id_compared
                            on asked.source_system = product_id_compared.source_system
                            and asked.product_id = product_id_compared.product_id
                            and asked.product_family = product_id_compared.product_family
                            and asked.named_date = product_id_compared.named_date
                    {%- endif %}
                ) as asked
            inner join
                {{ group }}_leads
                on asked.source_system = {{ group }}_leads.source_system
                and asked.{{ group }} = {{ group }}_leads.{{ group }}
                and asked.lead_number = {{ group }}_leads.lead_number
                and {{ group }}_leads.finish_recorded_date
                >= asked.named_date - {{ var("comparable_days") }}
            group by asked.source_system, asked.product_id, asked.product_family, asked.named_date
            having count(*) >= {{ var("comparable_least_lines") }}
        ),
    {% endfor %}
    compared as (
        select *, 'product' as comparable_basis,
        from product_id_compared
        union all by name
        select *, 'family' as comparable_basis,
        from product_family_compared
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
            {% for level in [10, 50, 80, 95] -%}
                cast(
                    list_aggregate(leads, 'quantile_disc', {{ level / 100 }}) as bigint
                ) as feasible_p{{ level }}_days,
            {% endfor %}
        from compared
    )
select *
from final
