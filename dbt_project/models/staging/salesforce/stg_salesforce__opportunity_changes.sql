-- Grain: one row per change of one field of an opportunity
{%- set snapshot_fields = {
    "stage": "stage_name",
    "amount": "amount",
    "currency": "currency_iso_code",
    "expected_close_date": "close_date",
    "probability": "probability",
    "forecast_category": "forecast_category",
} -%}
{%- set tracked_fields = {
    "stagename": "stage",
    "amount": "amount",
    "currencyisocode": "currency",
    "closedate": "expected_close_date",
    "probability": "probability",
    "forecastcategoryname": "forecast_category",
    "owner": "owner_id",
    "ownerid": "owner_id",
    "account": "account_id",
    "accountid": "account_id",
    "recordtype": "pipeline",
    "recordtypeid": "pipeline",
} %}
with
    history_rows as (
        {{
            known_rows(
                source("raw_salesforce", "opportunity_history"),
                known_at="to_utc_instant(created_date)",
                keep_later=true,
            )
        }}
    ),
    field_history_rows as (
        {{
            known_rows(
                source("raw_salesforce", "opportunity_field_history"),
                known_at="to_utc_instant(created_date)",
                keep_later=true,
            )
        }}
    ),
    -- what a deal was after each change, since its creation; the history of a deleted deal is
    -- marked deleted too, and still says what it was
    snapshots as (
        select
            {{ salesforce_id("opportunity_id") }} as opportunity_id,
            to_utc_instant(created_date) as changed_at,
            id as log_id,
            created_by_id,
            _is_later as is_after_as_of,
            {%- for field, column in snapshot_fields.items() %}
                {{ salesforce_logged_value(field, column) }} as {{ field }},
            {%- endfor %}
        from history_rows
        where blank_to_null(opportunity_id) is not null
    ),
    compared_snapshots as (
        select
            *,
            {%- for field in snapshot_fields %}
                lag({{ field }}) over history as old_{{ field }},
            {%- endfor %}
            lag(changed_at) over history is not null as has_predecessor,
        from snapshots
        window history as (partition by opportunity_id order by changed_at, log_id)
    ),
    changed_snapshots as (
        select
            *,
            unnest(
                list_filter(
                    [
                        {%- for field in snapshot_fields %}
                            case
                                when {{ field }} is distinct from old_{{ field }} then '{{ field }}'
                            end
                            {%- if not loop.last %},{% endif %}
                        {%- endfor %}
                    ],
                    lambda field:field is not null
                )
            ) as field,
        from compared_snapshots
        where has_predecessor
    ),
    snapshot_changes as (
        select
            opportunity_id,
            changed_at,
            log_id,
            created_by_id,
            is_after_as_of,
            field,
            case
                field
                {%- for field in snapshot_fields %}
                    when '{{ field }}' then old_{{ field }}
                {%- endfor %}
            end as old_value,
            case
                field
                {%- for field in snapshot_fields %}
                    when '{{ field }}' then {{ field }}
                {%- endfor %}
            end as new_value,
        from changed_snapshots
    ),
    -- a column that no snapshot fills was not exported: it tells of nobody
    told_by_snapshots as (
        {%- for field in snapshot_fields %}
            select distinct opportunity_id, '{{ field }}' as field,
            from snapshots
            where exists (select 1 from snapshots as filled where filled.{{ field }} is not null)
            {% if not loop.last -%}
                union all
            {%- endif -%}
        {%- endfor %}
    ),
    named_field_changes as (
        select
            {{ salesforce_id("opportunity_id") }} as opportunity_id,
            to_utc_instant(created_date) as changed_at,
            id as log_id,
            created_by_id,
            _is_later as is_after_as_of,
            case
                lower(trim(field))
                {%- for tracked, field in tracked_fields.items() %}
                    when '{{ tracked }}' then '{{ field }}'
                {%- endfor %}
            end as field,
            old_value as old_told,
            new_value as new_told,
        from field_history_rows
    ),
    -- a change of owner, account or record type comes twice, by names and by ids
    field_changes as (
        select
            * exclude (old_told, new_told),
            {%- for told in ["old", "new"] %}
                case
                    field
                    {%- for field in tracked_fields.values() | unique %}
                        when '{{ field }}' then {{ salesforce_logged_value(field, told ~ "_told") }}
                    {%- endfor %}
                end as {{ told }}_value,
            {%- endfor %}
        from named_field_changes
        where
            field is not null
            and (
                field not in ('owner_id', 'account_id', 'pipeline')
                or regexp_full_match(
                    trim(coalesce(new_told, old_told)),
                    '(005|00G|001|012)[0-9A-Za-z]{12}([0-9A-Za-z]{3})?'
                )
            )
    ),
    -- the history of all opportunities goes before that of single fields
    logged as (
        select *
        from snapshot_changes
        union all by name
        select field_changes.*
        from field_changes
        anti join
            told_by_snapshots
            on field_changes.opportunity_id = told_by_snapshots.opportunity_id
            and field_changes.field = told_by_snapshots.field
        where field_changes.new_value is distinct from field_changes.old_value
    ),
    changes as (
        select
            opportunity_id,
            changed_at,
            field,
            old_value,
            new_value,
            row_number() over (
                partition by opportunity_id, field, changed_at order by log_id
            ) as sequence,
            {{ salesforce_id("created_by_id") }} as changed_by,
            'salesforce' as source_system,
            changed_at as recorded_at,
            is_after_as_of,
            false as is_history_reconstructed,
        from logged
    )
select *
from changes
