-- Grain: one row per source system, month, kind of demand and account
with
    fct_throughput_lines as (select * from {{ ref("fct_throughput_lines") }}),
    {{ throughput_by("account_id") }}
select *
from rated
