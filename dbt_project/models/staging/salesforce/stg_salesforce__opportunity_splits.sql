-- Grain: one row per opportunity and rep
with
    records as ({{ salesforce_records("opportunity_split") }}),
    splits as (
        select
            {{ salesforce_id("opportunity_id") }} as opportunity_id,
            {{ salesforce_id("split_owner_id") }} as rep_id,
            coalesce(left(trim(split_type_id), 15), '') as split_type,
            to_decimal(split_percentage) as split_percentage,
            _known_at,
            _is_reconstructed,
        from records
        where not _is_deleted
    ),
    -- of the types that an org has, only that of revenue must add to 100 % on each opportunity
    whole_splits as (
        select split_type, opportunity_id, sum(split_percentage) = 100 as is_whole,
        from splits
        group by split_type, opportunity_id
    ),
    revenue_type as (
        select split_type
        from whole_splits
        group by split_type
        qualify
            row_number() over (
                order by avg(cast(is_whole as integer)) desc, count(*) desc, split_type
            )
            = 1
    ),
    renamed as (
        select
            splits.opportunity_id,
            splits.rep_id,
            cast(sum(splits.split_percentage) as double) / 100 as split_share,
            'salesforce' as source_system,
            {{ first_known() }},
        from splits
        inner join revenue_type on splits.split_type = revenue_type.split_type
        group by splits.opportunity_id, splits.rep_id
    )
select *
from renamed
