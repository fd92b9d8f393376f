"""Grain: one row per source system and measure."""

from assets.scoring.operations_contact import compared


def model(dbt, session):
    dbt.config(materialized="table")
    contacts = dbt.ref("int_account_contacts").filter("not_compared_reason is null")
    paired = dbt.ref("int_operations_contact_pairs").order("account_id").df()
    return compared(contacts.order("account_id").df(), paired)
