-- Grain: one row per objective and rep
with
    known_rows as (
        {{
            known_rows(
                source("raw_standard", "rep_objectives"),
                known_at="to_instant(recorded_at)",
                vanished_key="objective_id, rep_id",
            )
        }}
    ),
    renamed as (
        select
            blank_to_null(objective_id) as objective_id,
            blank_to_null(rep_id) as rep_id,
            blank_to_null(objective_name) as objective_name,
            blank_to_null(issued_by) as issued_by,
            blank_to_null(product_id) as product_id,
            blank_to_null(product_change_id) as product_change_id,
            cast(to_decimal(weight) as double) as weight,
            {{ money("bonus_amount") }} as bonus_amount,
            cast(to_decimal(target) as double) as target,
            to_date(valid_from) as valid_from,
            -- withdrawn on the day on which it is missing
            least(to_date(valid_to), business_date(_vanished_at)) as valid_to,
            blank_to_null(replaces_objective_id) as replaces_objective_id,
            'standard' as source_system,
            _known_at as recorded_at,
            _is_reconstructed as is_history_reconstructed,
        from known_rows
    )
select *
from renamed
