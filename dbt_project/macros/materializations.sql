{#
    How tables and views are made: put in the place of the old ones in one transaction. Those that
    dbt-duckdb brings build beside it and rename twice, and ask for indexes and foreign keys, which
    nothing here has: statements that cost more than most of the models themselves.
#}
{% materialization table, adapter = "duckdb", supported_languages = ["sql", "python"] %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type="table") -%}
    {{ run_hooks(pre_hooks) }}
    {%- if existing is not none %}
        {% call statement("drop") -%} drop {{ existing.type }} {{ existing }}
        {%- endcall %}
        {#- a Python model writes through a connection of its own, which has to see that -#}
        {%- if model["language"] == "python" %} {% do adapter.commit() %} {% endif -%}
    {%- endif %}
    {% call statement("main", language=model["language"]) -%}
        {{ create_table_as(false, target, compiled_code, model["language"]) }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}


{% materialization view, adapter = "duckdb" %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type="view") -%}
    {{ run_hooks(pre_hooks) }}
    {%- if existing is not none %}
        {% call statement("drop") -%} drop {{ existing.type }} {{ existing }}
        {%- endcall %}
    {%- endif %}
    {% call statement("main") -%} {{ get_create_view_as_sql(target, sql) }} {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}
