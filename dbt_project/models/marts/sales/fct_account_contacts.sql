-- Grain: one row per account that sales has met
with
    int_account_contacts as (select * from {{ ref("int_account_contacts") }}),
    int_operations_contact_pairs as (select * from {{ ref("int_operations_contact_pairs") }}),
    partners as (
        select account_id, late_account_id as matched_account_id,
        from int_operations_contact_pairs
        union all
        select late_account_id as account_id, account_id as matched_account_id,
        from int_operations_contact_pairs
    ),
    contacts as (
        select
            int_account_contacts.account_id,
            int_account_contacts.source_system,
            int_account_contacts.segment,
            int_account_contacts.first_sales_date,
            int_account_contacts.first_operations_date,
            int_account_contacts.days_to_operations_contact,
            int_account_contacts.entry_quarter_start_date,
            int_account_contacts.is_early,
            int_account_contacts.outcome_from_date,
            int_account_contacts.outcome_to_date,
            int_account_contacts.before_contact_count,
            int_account_contacts.before_order_amount,
            int_account_contacts.after_order_amount,
            int_account_contacts.net_revenue_amount,
            int_account_contacts.cost_to_serve_amount,
            int_account_contacts.on_time_count,
            int_account_contacts.eligible_count,
            partners.matched_account_id,
            coalesce(
                int_account_contacts.not_compared_reason,
                case when partners.matched_account_id is null then 'no like account' end
            ) as not_compared_reason,
        from int_account_contacts
        left join partners on int_account_contacts.account_id = partners.account_id
    )
select *
from contacts
