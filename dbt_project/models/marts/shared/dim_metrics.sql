-- Grain: one row per metric
with
    metrics as (select * from {{ ref("metrics") }}),
    registered as (
        select
            metric,
            definition,
            unit,
            owner,
            version,
            mart_name,
            column_name,
            not_in_layer_reason is null as is_in_semantic_layer,
            not_in_layer_reason,
        from metrics
    )
select *
from registered
