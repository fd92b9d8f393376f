-- Grain: one row per objective, rep and version of it, with the days on which it counts
with recursive
    objectives as (select * from {{ ref("int_rep_objectives_unioned") }}),
    reps as (select * from {{ ref("dim_reps") }}),
    replacements as (
        select distinct source_system, objective_id, replaces_objective_id
        from objectives
        where replaces_objective_id is not null and replaces_objective_id <> objective_id
    ),
    -- a version leads back to the objective it once was; a circle of replacements ends after 50
    lineages as (
        select
            source_system, objective_id, replaces_objective_id as ancestor_objective_id, 1 as steps
        from replacements
        union all
        select
            lineages.source_system,
            lineages.objective_id,
            replacements.replaces_objective_id as ancestor_objective_id,
            lineages.steps + 1 as steps
        from lineages
        inner join
            replacements
            on replacements.source_system = lineages.source_system
            and replacements.objective_id = lineages.ancestor_objective_id
        where lineages.steps < 50
    ),
    first_versions as (
        select source_system, objective_id, ancestor_objective_id as first_objective_id
        from lineages
        qualify
            row_number() over (
                partition by source_system, objective_id
                order by steps desc, ancestor_objective_id asc
            )
            = 1
    ),
    -- the version that replaces another ends it, whatever the older one says of its own end
    replaced as (
        select
            source_system,
            rep_id,
            replaces_objective_id as objective_id,
            min(valid_from) as replaced_on,
        from objectives
        where replaces_objective_id is not null
        group by source_system, rep_id, replaces_objective_id
    ),
    bounded as (
        select
            objectives.*,
            coalesce(
                first_versions.first_objective_id, objectives.objective_id
            ) as first_objective_id,
            greatest(
                objectives.valid_from, coalesce(reps.hired_on, objectives.valid_from)
            ) as counts_from,
            least(
                coalesce(objectives.valid_to, date '9999-12-31'),
                coalesce(replaced.replaced_on, date '9999-12-31'),
                coalesce(reps.left_on, date '9999-12-31')
            ) as counts_to,
        from objectives
        left join
            first_versions
            on first_versions.source_system = objectives.source_system
            and first_versions.objective_id = objectives.objective_id
        left join
            replaced
            on replaced.source_system = objectives.source_system
            and replaced.rep_id = objectives.rep_id
            and replaced.objective_id = objectives.objective_id
        left join reps on reps.rep_id = objectives.rep_id
    ),
    versioned as (
        select
            source_system,
            objective_id,
            first_objective_id,
            rep_id,
            objective_name,
            issued_by,
            product_id,
            product_change_id,
            cast(weight as decimal(18, 9)) as weight,
            bonus_amount,
            target,
            valid_from,
            counts_from,
            nullif(counts_to, date '9999-12-31') as counts_to,
            replaces_objective_id is not null as is_later_version,
        from bounded
        where counts_from < counts_to
    )
select *
from versioned
