"""What must hold of the production log `levy`, and what it is known for."""

from expectations.suites import Rule, suite

SYSTEM = "levy"
CLOCK = "'%Y/%m/%d %H:%M:%S.%g'"
SUITES = {
    "production_data": suite(
        "",
        "case_id activity resource start_timestamp report_type",
        Rule(
            "quantities_are_not_negative",
            "least(to_decimal(qty_completed), to_decimal(qty_rejected), to_decimal(qty_for_mrb))"
            " < 0",
            "report a negative quantity",
            "correct the report at the source",
        ),
        Rule(
            "reported_once",
            "select * from raw_levy.production_data where _is_exact_duplicate",
            "are alike to an earlier row to the last column",
            "they are loaded, flagged, and used once",
            warn="2026-11-22: the log repeats reports of nothing done",
        ),
        Rule(
            "operations_do_not_overlap",
            f"""
            select *
            from (
                select
                    *,
                    max(to_instant_as(complete_timestamp, {CLOCK})) over (
                        partition by resource
                        order by to_instant_as(start_timestamp, {CLOCK}), _row_number
                        rows between unbounded preceding and 1 preceding
                    ) as ended_before
                from {{batch}}
            )
            where to_instant_as(start_timestamp, {CLOCK}) < ended_before
            """,
            "start before an earlier report on the same resource has ended",
            "read hours per resource with care: one worker may tend several machines",
            warn="2026-11-22: a third of the log is so",
            keeps_rows=False,
        ),
    ),
}
