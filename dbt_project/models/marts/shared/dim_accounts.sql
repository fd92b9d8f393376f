-- Grain: one row per account
with
    int_accounts_unioned as (select * from {{ ref("int_accounts_unioned") }}),
    int_account_survivors as (select * from {{ ref("int_account_survivors") }}),
    accounts as (
        select
            int_accounts_unioned.account_id,
            int_accounts_unioned.account_name,
            int_accounts_unioned.parent_account_id,
            coalesce(int_accounts_unioned.segment, 'unknown') as segment,
            coalesce(int_accounts_unioned.industry, 'unknown') as industry,
            coalesce(int_accounts_unioned.region, 'unknown') as region,
            coalesce(int_accounts_unioned.channel, 'unknown') as channel,
            case
                when int_account_survivors.surviving_account_id <> int_accounts_unioned.account_id
                then int_account_survivors.surviving_account_id
            end as merged_into_account_id,
            coalesce(
                int_account_survivors.surviving_account_id <> int_accounts_unioned.account_id, true
            ) as is_merged,
            int_account_survivors.is_in_cycle as is_in_merge_cycle,
            coalesce(int_accounts_unioned.is_listed, true) as is_listed,
            int_accounts_unioned.source_system,
        from int_accounts_unioned
        inner join
            int_account_survivors
            on int_accounts_unioned.account_id = int_account_survivors.account_id
    )
select *
from accounts
