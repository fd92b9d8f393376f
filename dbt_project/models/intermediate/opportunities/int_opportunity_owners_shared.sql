-- Grain: one row per opportunity and rep who shares in it
with
    int_opportunity_versions as (select * from {{ ref("int_opportunity_versions") }}),
    int_opportunity_splits_unioned as (select * from {{ ref("int_opportunity_splits_unioned") }}),
    opportunities as (
        select opportunity_id, owner_id, from int_opportunity_versions where valid_to is null
    ),
    splits as (
        select
            opportunities.opportunity_id,
            int_opportunity_splits_unioned.rep_id,
            cast(int_opportunity_splits_unioned.split_share as decimal(9, 6)) as split_share,
        from opportunities
        inner join
            int_opportunity_splits_unioned
            on opportunities.opportunity_id = int_opportunity_splits_unioned.opportunity_id
    ),
    -- thirds are written as 0.333: what rounding took away goes to the largest share; a gap larger
    -- than rounding stays, for the check that blocks
    rounded as (
        select
            opportunity_id,
            rep_id,
            split_share,
            1 - sum(split_share) over (partition by opportunity_id) as missing_share,
            row_number() over (
                partition by opportunity_id order by split_share desc, rep_id asc
            ) as share_rank,
        from splits
    ),
    owners as (
        select
            opportunity_id,
            rep_id,
            cast(
                split_share + case
                    when share_rank = 1 and abs(missing_share) <= 0.001 then missing_share else 0
                end as decimal(9, 6)
            ) as split_share,
        from rounded
        union all
        select
            opportunities.opportunity_id,
            opportunities.owner_id as rep_id,
            cast(1 as decimal(9, 6)) as split_share,
        from opportunities
        where
            not exists (
                select 1 from splits where splits.opportunity_id = opportunities.opportunity_id
            )
    )
select *
from owners
