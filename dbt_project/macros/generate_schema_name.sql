{# The schema is the folder's own name, in every target: an asset is called as it is found. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
