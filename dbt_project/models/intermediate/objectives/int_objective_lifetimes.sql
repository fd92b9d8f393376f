-- Grain: one row per rep and objective, all its versions taken together
with
    objectives as (select * from {{ ref("int_rep_objectives_versioned") }}),
    lifetimes as (
        select
            rep_id,
            first_objective_id,
            arg_min(coalesce(issued_by, 'unknown'), (valid_from, objective_id)) as issued_by,
            arg_min(product_change_id, (valid_from, objective_id)) as product_change_id,
            min(counts_from) as counts_from,
            case when count(*) = count(counts_to) then max(counts_to) end as counts_to,
        from objectives
        group by rep_id, first_objective_id
    )
select *
from lifetimes
