-- Grain: one row per kind, whom it is about, and day on which the record changed
with
    int_opportunity_versions_dated as (select * from {{ ref("int_opportunity_versions_dated") }}),
    fct_order_line_deliveries as (select * from {{ ref("fct_order_line_deliveries") }}),
    -- what was won or lost as it was known: what is reopened later counts until then
    spells as (
        select
            source_system,
            account_id,
            owner_id,
            segment,
            cast(status = 'won' as integer) as successes,
            known_from_date,
            known_to_date,
        from int_opportunity_versions_dated
        where status in ('won', 'lost') and coalesce(known_to_date > known_from_date, true)
    ),
    steps as (
        select *, known_from_date as known_date, 1 as step,
        from spells
        union all
        select *, known_to_date as known_date, -1 as step,
        from spells
        where known_to_date is not null
    ),
    changes as (
        {%- for kind, key in [
            ("account", "account_id"),
            ("owner", "owner_id"),
            ("segment", "source_system || ' ' || segment"),
            ("system", "source_system"),
        ] %}
            select
                '{{ kind }}' as track_kind,
                {{ key }} as track_id,
                known_date,
                sum(step * successes) as successes,
                sum(step * (1 - successes)) as failures,
            from steps
            where {{ key }} is not null
            group by {{ key }}, known_date
            union all
        {%- endfor %}
        -- a date kept or not, by what was booked when its window closed, is known the day after
        select
            'deliveries' as track_kind,
            account_id as track_id,
            greatest(window_end_date + 1, business_date(recorded_at)) as known_date,
            count(*) filter (where is_on_time_recorded) as successes,
            count(*) filter (where not is_on_time_recorded) as failures,
        from fct_order_line_deliveries
        where
            basis = 'first_promise'
            and account_id is not null
            and window_end_date is not null
            and is_on_time_recorded is not null
        group by account_id, greatest(window_end_date + 1, business_date(recorded_at))
    ),
    track_records as (
        select
            track_kind,
            track_id,
            known_date,
            cast(sum(successes) over until_then as bigint) as success_count,
            cast(sum(failures) over until_then as bigint) as failure_count,
        from changes
        window
            until_then as (
                partition by track_kind, track_id
                order by known_date
                rows between unbounded preceding and current row
            )
    )
select *
from track_records
