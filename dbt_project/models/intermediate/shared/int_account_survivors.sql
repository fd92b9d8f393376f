-- Grain: one row per account
with recursive
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    int_accounts_unioned as (select * from {{ ref("int_accounts_unioned") }}),
    -- a merge that has happened at the as_of, into an account that was delivered
    known_merges as (
        select merged.account_id, survivors.account_id as merged_into_account_id,
        from int_accounts_unioned as merged
        inner join
            int_accounts_unioned as survivors
            on merged.merged_into_account_id = survivors.account_id
        cross join run_settings
        where merged.merged_at is null or merged.merged_at < run_settings.as_of_at
    ),
    chains as (
        select
            account_id,
            account_id as reached_account_id,
            list_value(account_id) as visited_account_ids,
            false as is_in_cycle,
        from int_accounts_unioned
        union all
        select
            chains.account_id,
            known_merges.merged_into_account_id as reached_account_id,
            list_append(
                chains.visited_account_ids, known_merges.merged_into_account_id
            ) as visited_account_ids,
            list_contains(
                chains.visited_account_ids, known_merges.merged_into_account_id
            ) as is_in_cycle,
        from chains
        inner join known_merges on chains.reached_account_id = known_merges.account_id
        where not chains.is_in_cycle
    ),
    survivors as (
        select
            account_id,
            case when not is_in_cycle then reached_account_id end as surviving_account_id,
            is_in_cycle,
        from chains
        qualify
            row_number() over (partition by account_id order by len(visited_account_ids) desc) = 1
    )
select *
from survivors
