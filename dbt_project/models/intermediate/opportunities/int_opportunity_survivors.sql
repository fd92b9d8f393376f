-- Grain: one row per opportunity that was merged into another
with recursive
    int_opportunity_versions as (select * from {{ ref("int_opportunity_versions") }}),
    links as (
        select opportunity_id, merged_into_opportunity_id,
        from int_opportunity_versions
        where valid_to is null and merged_into_opportunity_id is not null
    ),
    chains as (
        select
            opportunity_id,
            opportunity_id as reached_opportunity_id,
            [opportunity_id] as visited_opportunity_ids,
            false as is_in_cycle,
        from links
        union all
        select
            chains.opportunity_id,
            links.merged_into_opportunity_id as reached_opportunity_id,
            list_append(
                chains.visited_opportunity_ids, links.merged_into_opportunity_id
            ) as visited_opportunity_ids,
            list_contains(
                chains.visited_opportunity_ids, links.merged_into_opportunity_id
            ) as is_in_cycle,
        from chains
        inner join links on chains.reached_opportunity_id = links.opportunity_id
        where not chains.is_in_cycle
    ),
    survivors as (
        select
            opportunity_id,
            case when not is_in_cycle then reached_opportunity_id end as surviving_opportunity_id,
            is_in_cycle,
        from chains
        qualify
            row_number() over (
                partition by opportunity_id order by len(visited_opportunity_ids) desc
            )
            = 1
    )
select *
from survivors
