-- Grain: one row per metric
with
    metrics as (select * from {{ ref("metrics") }}),
    registered as (
        select metric, definition, unit, owner, version, mart_name, column_name, from metrics
    )
select *
from registered
