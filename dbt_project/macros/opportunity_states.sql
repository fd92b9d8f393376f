{#
    The change log of every opportunity turned into states: what its `fields` were from one
    instant to the next, in their text. `instant` is the clock (changed_at or known_at),
    `condition` says which changes count. Needs the CTEs int_opportunities_unioned and
    int_opportunity_changes_ordered. State 1 is what the deal began with.
    Several fields changed in one instant make one state; two changes of one field make two.
    In between, '' stands for "the log says: empty", so that NULL can say "the log is silent".
#}
{% macro opportunity_states(fields, instant, condition="true") %}
    with
        first_values as (
            select
                opportunity_id,
                min({{ instant }}) filter (where not is_after_as_of) as first_at,
                bool_or(is_history_reconstructed) as is_history_reconstructed,
                {%- for field in fields %}
                    max(
                        coalesce(case when is_initial then new_value else old_value end, '')
                    ) filter (where change_number = 1 and field = '{{ field }}') as {{ field }},
                {%- endfor %}
            from int_opportunity_changes_ordered
            group by opportunity_id
        ),
        counted_changes as (
            select
                *,
                row_number() over (
                    partition by opportunity_id, field, {{ instant }} order by change_number
                ) as step_number,
            from int_opportunity_changes_ordered
            where
                not is_after_as_of
                and not is_initial
                and field in ('{{ fields | join("', '") }}')
                and {{ condition }}
        ),
        changed_values as (
            select
                opportunity_id,
                {{ instant }} as starts_at,
                step_number,
                bool_or(is_history_reconstructed) as is_history_reconstructed,
                {%- for field in fields %}
                    max(coalesce(new_value, '')) filter (
                        where field = '{{ field }}'
                    ) as {{ field }},
                {%- endfor %}
            from counted_changes
            group by opportunity_id, {{ instant }}, step_number
            union all by name
            select
                int_opportunities_unioned.opportunity_id,
                case
                    when int_opportunities_unioned.created_at is not null
                    then least(int_opportunities_unioned.created_at, first_values.first_at)
                end as starts_at,
                0 as step_number,
                int_opportunities_unioned.is_history_reconstructed
                or coalesce(
                    first_values.is_history_reconstructed, false
                ) as is_history_reconstructed,
                {%- for field in fields %} first_values.{{ field }}, {%- endfor %}
            from int_opportunities_unioned
            left join
                first_values
                on int_opportunities_unioned.opportunity_id = first_values.opportunity_id
        )
    select
        opportunity_id,
        row_number() over history as state_number,
        starts_at,
        lead(starts_at) over history as ends_at,
        is_history_reconstructed,
        {%- for field in fields %}
            last_value({{ field }} ignore nulls) over (
                history rows between unbounded preceding and current row
            ) as {{ field }},
        {%- endfor %}
    from changed_values
    window history as (partition by opportunity_id order by starts_at nulls first, step_number)
{% endmacro %}


{# A field of such a state as its own type: the log wins, where it speaks, over the current row. #}
{% macro logged_or_current(states, field, type="text") -%}
    {%- set logged = states ~ "." ~ field -%}
    case
        when {{ logged }} is null
        then int_opportunities_unioned.{{ field }}
        when {{ logged }} <> ''
        then
            {% if type == "money" -%} {{ money(logged) }}
            {%- elif type == "date" -%} to_date({{ logged }})
            {%- elif type == "double" -%} cast(to_decimal({{ logged }}) as double)
            {%- elif type == "boolean" -%} to_boolean({{ logged }})
            {%- else -%} {{ logged }}
            {%- endif %}
    end
{%- endmacro %}
