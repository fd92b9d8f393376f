"""What must hold of the objects of `salesforce`, and what orgs are known for.

Salesforce itself keeps keys, types and references in order, so little blocks here: what an export
gets wrong on the way.
"""

from expectations.suites import Rule, Suite, suite

SYSTEM = "salesforce"
SEEN = "2026-11-22: single rows; they are kept and counted, and the owner of the org is told"
#: a replicator that keeps versions of a record tells them apart by when they began
KEY = "id _fivetran_start"


def of_record(filled: str, *rules: Rule) -> Suite:
    return suite(KEY, f"id {filled}", *rules)


def orphans(name: str, key: str, parent: str) -> Rule:
    """Rows whose `key` is the Id of no row of `parent`; a short id begins the long one."""
    return Rule(
        name,
        f"""
        select child.*
        from {{batch}} as child
        anti join (
            select id from raw_salesforce.{parent} where _valid_from is not null
        ) as parent on left(parent.id, 15) = left(child.{key}, 15)
        where blank_to_null(child.{key}) is not null
        """,
        f"name a row of {parent} that was not delivered",
        f"deliver {parent}; until then these rows stay out of the marts",
        warn=SEEN,
        keeps_rows=False,
    )


OPPORTUNITY_IS_DELIVERED = orphans("opportunity_is_delivered", "opportunity_id", "opportunity")

SUITES = {
    "account": of_record(""),
    "account_history": of_record(""),
    "lead": of_record(""),
    "opportunity": of_record(
        "stage_name",
        Rule(
            "probability_is_a_percentage",
            "to_decimal(probability) not between 0 and 100",
            "have a probability outside 0 to 100",
            "correct it in the org; it counts as not given",
            warn=SEEN,
        ),
        Rule(
            "created_date_is_given",
            "blank_to_null(created_date) is null",
            "have no CreatedDate",
            "export CreatedDate: without it a deal is in the cohort `unknown` and out of all times",
            warn=SEEN,
            keeps_rows=False,
        ),
        Rule(
            "last_modified_date_is_given",
            "blank_to_null(coalesce(last_modified_date, system_modstamp, _fivetran_start)) is null",
            "have neither LastModifiedDate nor SystemModstamp",
            "export one: it dates deletions and answers, and shows that a custom field changed",
            warn=SEEN,
            keeps_rows=False,
        ),
    ),
    "opportunity_history": of_record("stage_name"),
    "opportunity_field_history": of_record(
        "opportunity_id field created_date",
        OPPORTUNITY_IS_DELIVERED,
        Rule(
            "owners_come_by_their_ids",
            """
            select * from {batch}
            where lower(field) in ('owner', 'account')
            qualify not bool_or(
                length(trim(coalesce(new_value, old_value))) in (15, 18)
                and regexp_full_match(trim(coalesce(new_value, old_value)), '00[0-9A-Za-z]+')
            ) over (partition by opportunity_id, field, created_date)
            """,
            "tell a change of owner or account by names alone",
            "export through the API, which gives the ids beside the names; names are not used",
            warn=SEEN,
        ),
    ),
    "opportunity_line_item": of_record("opportunity_id", OPPORTUNITY_IS_DELIVERED),
    "opportunity_split": of_record(
        "opportunity_id split_owner_id split_percentage", OPPORTUNITY_IS_DELIVERED
    ),
    "opportunity_stage": of_record("master_label"),
    "product2": of_record(""),
    "user": of_record(""),
    "user_role": of_record(""),
    "task": of_record("owner_id"),
    "event": of_record("owner_id"),
    "order": of_record(""),
    "order_item": of_record(
        "order_id quantity", orphans("order_is_delivered", "order_id", '"order"')
    ),
    "dated_conversion_rate": of_record(
        "iso_code conversion_rate start_date",
        Rule(
            "rate_is_positive",
            "to_decimal(conversion_rate) <= 0",
            "have a conversion rate of 0 or less",
            "correct the rate in the org",
        ),
    ),
    "currency_type": of_record(
        "iso_code conversion_rate",
        Rule(
            "rate_is_positive",
            "to_decimal(conversion_rate) <= 0",
            "have a conversion rate of 0 or less",
            "correct the rate in the org",
        ),
    ),
}
