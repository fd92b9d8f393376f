-- Grain: one row per product change
with
    product_changes as (select * from {{ ref("int_product_changes_unioned") }}),
    objectives as (select * from {{ ref("int_rep_objectives_versioned") }}),
    dim_products as (select * from {{ ref("dim_products") }}),
    run_settings as (select * from {{ ref("stg_run_settings") }}),
    issued as (
        select
            product_change_id,
            count(distinct objective_id) as issued_objective_count,
            count(distinct objective_id) filter (where not is_later_version) as new_objective_count,
            count(*) as issued_assignment_count,
            count(distinct rep_id) as rep_count,
        from objectives
        where product_change_id is not null
        group by product_change_id
    ),
    changes as (
        select
            product_changes.product_change_id,
            product_changes.source_system,
            product_changes.product_id,
            coalesce(dim_products.product_family, 'unknown') as product_family,
            product_changes.product_manager_id,
            coalesce(product_changes.change_type, 'unknown') as change_type,
            coalesce(product_changes.size_class, 'unknown') as size_class,
            product_changes.effective_on as effective_date,
            coalesce(
                product_changes.effective_on <= run_settings.as_of_date, false
            ) as is_in_effect,
            {% for function in ["operations", "sales"] %}
                product_changes.{{ function }}_signed_off_on as {{ function }}_signed_off_date,
                -- as long as the change is not in effect, who has not signed still can
                case
                    when product_changes.{{ function }}_signed_off_on < product_changes.effective_on
                    then true
                    when product_changes.effective_on <= run_settings.as_of_date
                    then false
                end as is_signed_off_by_{{ function }}_before_effect,
            {% endfor %}
            coalesce(issued.issued_objective_count, 0) as issued_objective_count,
            coalesce(issued.new_objective_count, 0) as new_objective_count,
            coalesce(issued.issued_assignment_count, 0) as issued_assignment_count,
            coalesce(issued.rep_count, 0) as rep_count,
            product_changes.recorded_at,
            product_changes.is_history_reconstructed,
        from product_changes
        cross join run_settings
        left join dim_products on dim_products.product_id = product_changes.product_id
        left join issued on issued.product_change_id = product_changes.product_change_id
    )
select *
from changes
