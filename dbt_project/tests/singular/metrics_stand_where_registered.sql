-- A metric that names a mart or column which is not published leads its reader nowhere.
with
    dim_metrics as (select * from {{ ref("dim_metrics") }}),
    published_columns as (
        {%- for model in graph.nodes.values() if model.access == "public" and execute %}
            select
                '{{ model.alias }}' as mart_name, unnest({{ model.columns | list }}) as column_name,
            union all
        {%- endfor %}
        select null as mart_name, null as column_name,
    )
select dim_metrics.metric, dim_metrics.mart_name, dim_metrics.column_name,
from dim_metrics
anti join
    published_columns
    on dim_metrics.mart_name = published_columns.mart_name
    and dim_metrics.column_name = published_columns.column_name
