{#
    Kaplan–Meier, as the CTEs `at_risk` and `survival`, of the relation `counts`: a row per `keys` and
    `days`, with how many were `watched` up to so many days and how many `ended` then. `survival` has
    the share that stays longer as staying_rate. Source: E. L. Kaplan and P. Meier, Journal of the
    American Statistical Association 53 (1958).
#}
{% macro kaplan_meier(counts, keys, days="days", ended="ended_count", watched="watched_count") %}
    at_risk as (
        select
            *,
            sum({{ watched }}) over (
                partition by {{ keys }}
                order by {{ days }}
                rows between current row and unbounded following
            ) as risk_count,
        from {{ counts }}
    ),
    survival as (
        select
            *,
            product(1 - {{ safe_ratio(ended, "risk_count") }}) over (
                partition by {{ keys }}
                order by {{ days }}
                rows between unbounded preceding and current row
            ) as staying_rate,
        from at_risk
    )
{% endmacro %}
