-- Grain: one row per source system with quoted order lines
with
    int_promise_spiral as (select * from {{ ref("int_promise_spiral") }}),
    final as (
        select
            source_system,
            cast(first_quarter_start_date as date) as first_quarter_start_date,
            cast(last_quarter_start_date as date) as last_quarter_start_date,
            cast(family_count as bigint) as family_count,
            cast(quarter_count as bigint) as quarter_count,
            cast(pair_count as bigint) as pair_count,
            padding_effect,
            override_effect,
            spiral_index,
            spiral_index_lower,
            spiral_index_upper,
            case
                when status <> 'measured'
                then null
                -- a loop that feeds itself: both effects go up
                when spiral_index_lower > 0 and padding_effect > 0
                then 'spiral'
                when spiral_index_lower > 0 or spiral_index_upper < 0
                then 'they answer each other, but not upward'
                else 'no spiral seen'
            end as verdict,
            case when status <> 'measured' then status end as spiral_index_suppressed_reason,
        from int_promise_spiral
    )
select *
from final
