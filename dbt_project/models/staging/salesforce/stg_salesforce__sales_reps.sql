-- Grain: one row per rep
with
    users as ({{ salesforce_records("user") }}),
    user_roles as ({{ salesforce_records("user_role") }}),
    renamed as (
        select
            {{ salesforce_id("users.id") }} as rep_id,
            coalesce(
                blank_to_null(users.name),
                blank_to_null(concat_ws(' ', trim(users.first_name), trim(users.last_name)))
            ) as rep_name,
            {{ salesforce_id("users.manager_id") }} as manager_id,
            blank_to_null(user_roles.name) as territory,
            -- nothing says when a user was switched off; not after the last modification
            case
                when not {{ salesforce_flag("users.is_active") }}
                then business_date(coalesce(users._modified_at, users._seen_at))
            end as left_on,
            not users._is_deleted as is_listed,
            'salesforce' as source_system,
            users._known_at as recorded_at,
            users._is_reconstructed as is_history_reconstructed,
        from users
        left join user_roles on left(trim(users.user_role_id), 15) = user_roles._record
        -- visitors of portals and processes are users too
        where coalesce(blank_to_null(users.user_type), 'Standard') in ('Standard', 'PowerPartner')
    )
select *
from renamed
