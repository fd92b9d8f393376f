"""`salesforce`: a Salesforce org, as CSV exports or as tables that a replicator keeps.

Columns are listed by their API names; a replicated table writes them in snake case, which is what
raw calls them. Both write instants without an offset in UTC and booleans as words or as 0 and 1.
A replicator that keeps versions of a record (history mode) adds when each began and ended, so that
a row is told apart by both its Id and that beginning. Custom fields need no line here: a column
nobody lists is kept in raw, and the seed `salesforce_qualification_fields` says which ones matter.
"""

import re
from dataclasses import replace

from assets.systems import Column, Delivery, Entity, System, columns

BOOLEAN = "in true|false|0|1"
SYSTEM_FIELDS = f"""
    IsDeleted {BOOLEAN}
    CreatedDate utc_instant
    LastModifiedDate utc_instant
    SystemModstamp utc_instant
    _fivetran_start utc_instant key?
    _fivetran_end utc_instant
    _fivetran_active {BOOLEAN}
    _fivetran_deleted {BOOLEAN}
"""
ACCOUNT = "Name; ParentId; Type; Industry; Segment__c; BillingCountry; MasterRecordId"
PERSON = "Name naming; FirstName naming; LastName naming; Email naming"
OPPORTUNITY = f"""
    AccountId; OwnerId person; StageName required; Amount decimal; CurrencyIsoCode
    CloseDate utc_date; Probability decimal; ForecastCategory; ForecastCategoryName; RecordTypeId
    Type; LeadSource; IsClosed {BOOLEAN}; IsWon {BOOLEAN}; LastStageChangeDate utc_instant
    Loss_Reason__c
"""


def api_columns(notation: str) -> tuple[Column, ...]:
    """Columns by their API names (`Product2Id`), which raw calls in snake case (`product_2_id`)."""
    found = []
    for column in columns(notation):
        name = snake_case(column.name)
        where = column.person_where and (snake_case(column.person_where[0]), column.person_where[1])
        found.append(replace(column, name=name, headers=(column.name, name), person_where=where))
    return tuple(found)


def snake_case(name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])", "_", name)
    return re.sub("_+", "_", words).lower()


def entity(name: str, notation: str, delivery: Delivery = "full", of: str = "") -> Entity:
    """An object: its Id, its fields, and those that every object has; `of` = "person" or blank."""
    return Entity(name, api_columns(f"Id key {of}; {notation}; {SYSTEM_FIELDS}"), delivery)


SYSTEM = System(
    name="salesforce",
    description="A Salesforce org by its API names, exported or replicated.",
    entities=(
        entity("account", ACCOUNT),
        # a replicator calls the versions of a record so, and Salesforce the log of its fields
        entity("account_history", f"{ACCOUNT}; AccountId", "delta"),
        entity(
            "lead",
            f"{PERSON}; OwnerId person; LeadSource; Industry; Segment__c; Status;"
            f"IsConverted {BOOLEAN}; ConvertedDate utc_date; ConvertedOpportunityId;"
            "MasterRecordId person",
            of="person",
        ),
        entity("opportunity", OPPORTUNITY),
        # as above: versions of the record, or with an OpportunityId the object of that name
        entity("opportunity_history", f"{OPPORTUNITY}; OpportunityId; CreatedById person", "delta"),
        entity(
            "opportunity_field_history",
            "OpportunityId required; Field required; OldValue person where Field=Owner|OwnerId;"
            "NewValue person where Field=Owner|OwnerId; CreatedById person",
            "delta",
        ),
        entity(
            "opportunity_line_item",
            "OpportunityId required; Product2Id; Quantity decimal; UnitPrice decimal;"
            "TotalPrice decimal",
        ),
        entity(
            "opportunity_split",
            "OpportunityId required; SplitOwnerId required person;"
            "SplitPercentage decimal required; SplitTypeId",
        ),
        entity(
            "opportunity_stage",
            f"MasterLabel required; ApiName; SortOrder integer; IsActive {BOOLEAN};"
            f"IsClosed {BOOLEAN}; IsWon {BOOLEAN}",
        ),
        entity("product2", "Name; Family"),
        entity(
            "user",
            f"{PERSON}; ManagerId person personal; UserRoleId personal; UserType;"
            f"IsActive {BOOLEAN} personal",
            of="person",
        ),
        entity("user_role", "Name"),
        # what is archived falls out of an export without being deleted
        entity(
            "task",
            "OwnerId required person; WhoId person; WhatId; AccountId; Type; TaskSubtype; Status;"
            f"IsClosed {BOOLEAN}; IsRecurrence {BOOLEAN}; ActivityDate utc_date;"
            "CompletedDateTime utc_instant; CallDurationInSeconds decimal",
            "delta",
        ),
        entity(
            "event",
            "OwnerId required person; WhoId person; WhatId; AccountId; Type; EventSubtype;"
            f"IsRecurrence {BOOLEAN}; ActivityDate utc_date; ActivityDateTime utc_instant;"
            "StartDateTime utc_instant; DurationInMinutes decimal",
            "delta",
        ),
        entity(
            "order",
            "AccountId; OpportunityId; OwnerId person; CurrencyIsoCode; Status; StatusCode;"
            f"ActivatedDate utc_instant; IsReductionOrder {BOOLEAN}",
        ),
        entity(
            "order_item",
            "OrderId required; Product2Id; Quantity decimal required; UnitPrice decimal",
        ),
        entity(
            "dated_conversion_rate",
            "IsoCode required; ConversionRate decimal required; StartDate utc_date required;"
            "NextStartDate utc_date",
        ),
        entity(
            "currency_type",
            f"IsoCode required; ConversionRate decimal required; IsCorporate {BOOLEAN}",
        ),
    ),
)
