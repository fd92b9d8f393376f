"""Grain: one row per source system with quoted order lines."""

from assets.scoring.promise_spiral import spirals


def model(dbt, session):
    dbt.config(materialized="table")
    return spirals(dbt.ref("int_padding_quarters").df())
