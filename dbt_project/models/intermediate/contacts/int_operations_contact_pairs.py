"""Grain: one row per account that operations met early and that has a like one it met late."""

from assets.scoring.operations_contact import pairs


def model(dbt, session):
    dbt.config(materialized="table")
    contacts = dbt.ref("int_account_contacts").filter("not_compared_reason is null")
    return pairs(contacts.order("account_id").df())
