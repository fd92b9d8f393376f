"""Salesforce through the whole line: a small org, as CSV exports and as replicated tables.

The org is told once, in rows by API names. Both forms are written from it, each in its own way, and
must give the same marts to the byte; what these say is worked out by hand beside the rows.
"""

import csv
import io
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assets.settings import Settings
from tests.landing_helpers import put, query, take_in
from tests.line import REAL, Line

Row = dict[str, Any]
SHAPES = REAL / "salesforce-shape"


# --- The org


def long_id(short: str) -> str:
    """The 18 characters that a Salesforce id of 15 has: three more say which are capitals."""
    chunks = (short[start : start + 5] for start in (0, 5, 10))
    capitals = (sum(2**place * letter.isupper() for place, letter in enumerate(c)) for c in chunks)
    return short + "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[number] for number in capitals)


def ids(prefix: str, *names: str) -> Iterator[str]:
    """Ids of one object; alike to the letter, if capitals did not count."""
    for name in names:
        yield long_id(f"{prefix}5G00000aB{name:>03}")


def at(text: str) -> datetime:
    """An instant of 2026, in UTC: `05-15 14:00`."""
    return datetime.fromisoformat(f"2026-{text}")


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


ANN, BOB, MAX, ZOE, GUEST = ids("005", "xY1", "Xy1", "u3", "u4", "u5")
ACME, ACME_OLD, GLOBEX = ids("001", "a1", "A1", "a2")
PRESS, KIT = ids("01t", "p1", "p2")
WON, LOST, OPEN, DELETED, GIVEN_UP, FOREIGN = ids("006", "d1", "D1", "d3", "d4", "d5", "d6")
REVENUE, OVERLAY = ids("149", "s1", "s0")
[ORDER, DRAFT] = ids("801", "o1", "o2")


def numbered(prefix: str, rows: Sequence[Row]) -> list[Row]:
    return [
        {"Id": id_} | row
        for id_, row in zip(ids(prefix, *(f"{n}" for n in range(100, 999))), rows, strict=False)
    ]


def deal(id_: str, owner: str, account: str, amount: int, created: str, **more: Any) -> Row:
    return {
        "Id": id_,
        "OwnerId": owner,
        "AccountId": account,
        "Amount": amount,
        "CreatedDate": at(created),
        "StageName": "Prospecting",
        "CurrencyIsoCode": "USD",
        "CloseDate": day("09-30"),
        "Probability": 10,
        "ForecastCategory": "Pipeline",
        "ForecastCategoryName": "Pipeline",
        "Type": "New Business",
        "LeadSource": "Web",
        "IsClosed": False,
        "IsWon": False,
        "IsDeleted": False,
        "Loss_Reason__c": None,
        "Budget_Confirmed__c": False,
        "Discovery_Completed__c": False,
        "ROI_Analysis_Completed__c": False,
        "LastModifiedDate": at(created),
    } | more


CLOSED = {"IsClosed": True, "Probability": 0, "ForecastCategory": "Omitted"}
#: what the records were at the end of May, and those that are new or otherwise at the end of June
MAY = [
    deal(
        *(WON, ANN, ACME, 100_000, "03-02 02:30"),
        StageName="Closed Won",
        CurrencyIsoCode="EUR",
        CloseDate=day("05-15"),
        **CLOSED | {"IsWon": True, "Probability": 100, "ForecastCategory": "Closed"},
        Budget_Confirmed__c=True,
        Discovery_Completed__c=True,
        ROI_Analysis_Completed__c=True,
        LastModifiedDate=at("05-15 14:00"),
    ),
    deal(
        *(LOST, BOB, GLOBEX, 40_000, "04-01 10:00"),
        StageName="Closed Lost",
        CloseDate=day("05-05"),
        **CLOSED,
        Loss_Reason__c="Price",
        LastModifiedDate=at("05-05 09:00"),
    ),
    deal(
        *(OPEN, BOB, GLOBEX, 10_000, "05-04 12:00"),
        LastModifiedDate=at("05-20 13:00"),
    ),
    deal(DELETED, BOB, GLOBEX, 5_000, "05-10 09:00"),
    deal(
        *(GIVEN_UP, ANN, ACME_OLD, 7_000, "03-15 09:00"),
        StageName="Given up",
        **CLOSED,
        LastModifiedDate=at("04-30 17:00"),
    ),
]
JUNE = [
    deal(
        *(OPEN, BOB, ACME, 25_000, "05-04 12:00"),
        StageName="Demo",
        Probability=40,
        Budget_Confirmed__c=True,
        Discovery_Completed__c=True,
        LastModifiedDate=at("06-10 11:00"),
    ),
    deal(
        *(DELETED, BOB, GLOBEX, 5_000, "05-10 09:00"),
        IsDeleted=True,
        LastModifiedDate=at("06-15 10:00"),
    ),
    deal(FOREIGN, BOB, GLOBEX, 9_000, "06-01 09:00", CurrencyIsoCode="GBP"),
]


def snapshot(deal_: str, told: str, stage: str, amount: int, close: str, **more: Any) -> Row:
    return {
        "OpportunityId": deal_,
        "CreatedDate": at(told),
        "StageName": stage,
        "Amount": amount,
        "CloseDate": day(close),
        "Probability": 10,
        "ForecastCategory": "Pipeline",
        "CurrencyIsoCode": "USD",
        "CreatedById": BOB,
        "IsDeleted": deal_ == DELETED,
    } | more


EUR = {"CurrencyIsoCode": "EUR"}
SNAPSHOTS = [
    # 02:30 on 8 March is a time that the clocks of New York skip
    snapshot(WON, "03-02 02:30", "Prospecting", 80_000, "05-31", **EUR),
    snapshot(WON, "03-08 02:30", "Discovery", 80_000, "05-31", **EUR),
    snapshot(
        *(WON, "04-01 15:00", "Proposal/Price Quote", 100_000, "05-31"),
        **EUR | {"Probability": 75, "ForecastCategory": "BestCase"},
    ),
    snapshot(
        *(WON, "05-15 14:00", "Closed Won", 100_000, "05-15"),
        **EUR | {"Probability": 100, "ForecastCategory": "Closed"},
    ),
    snapshot(LOST, "04-01 10:00", "Prospecting", 40_000, "06-30"),
    # two stages in one second
    snapshot(LOST, "04-20 08:15", "Discovery", 40_000, "06-30"),
    snapshot(LOST, "04-20 08:15", "Qualification", 40_000, "06-30"),
    snapshot(
        *(LOST, "05-05 09:00", "Closed Lost", 40_000, "05-05"),
        Probability=0,
        ForecastCategory="Omitted",
    ),
    snapshot(OPEN, "05-04 12:00", "Prospecting", 10_000, "09-30"),
    snapshot(OPEN, "06-01 16:00", "Demo", 25_000, "09-30", Probability=40),
    snapshot(DELETED, "05-10 09:00", "Prospecting", 5_000, "09-30"),
    snapshot(GIVEN_UP, "03-15 09:00", "Prospecting", 7_000, "09-30"),
    snapshot(
        *(GIVEN_UP, "04-30 17:00", "Given up", 7_000, "09-30"),
        Probability=0,
        ForecastCategory="Omitted",
    ),
    snapshot(FOREIGN, "06-01 09:00", "Prospecting", 9_000, "09-30", CurrencyIsoCode="GBP"),
]


def field_change(deal_: str, told: str, field: str, old: Any, new: Any, by: str = BOB) -> Row:
    return {
        "OpportunityId": deal_,
        "CreatedDate": at(told),
        "Field": field,
        "OldValue": old,
        "NewValue": new,
        "CreatedById": by,
        "IsDeleted": False,
    }


def org() -> dict[str, list[Row]]:
    """Every object but Opportunity, of which there are versions."""
    changes = [
        # the same moves that the snapshots tell
        field_change(LOST, "04-01 10:00", "created", None, None),
        field_change(LOST, "04-20 08:15", "StageName", "Prospecting", "Discovery"),
        field_change(LOST, "04-20 08:15", "StageName", "Discovery", "Qualification"),
        field_change(OPEN, "06-01 16:00", "Amount", "10000.0", "25000.0"),
        # a change of owner comes twice
        field_change(OPEN, "05-20 13:00", "Owner", "Ann Field", "Bob Gates"),
        field_change(OPEN, "05-20 13:00", "Owner", ANN, BOB),
        field_change(WON, "04-02 15:00", "Budget_Confirmed__c", "false", "true", ANN),
        field_change(OPEN, "06-03 15:00", "Budget_Confirmed__c", "false", "true", BOB),
    ]
    stages = [
        ("Prospecting", 1, True, False, False),
        ("Discovery", 2, True, False, False),
        ("Qualification", 3, True, False, False),
        ("Demo", 4, True, False, False),
        ("Proposal/Price Quote", 5, True, False, False),
        ("Verbal", 6, True, False, False),
        ("Closed Won", 7, True, True, True),
        ("Closed Lost", 8, True, True, False),
        ("Given up", 9, True, True, False),
        ("Long ago", 10, False, False, False),
    ]
    shares = [
        *((WON, ANN, 60, REVENUE), (WON, BOB, 40, REVENUE), (WON, ZOE, 100, OVERLAY)),
        *((LOST, BOB, 100, REVENUE), (OPEN, BOB, 100, REVENUE), (GIVEN_UP, ANN, 100, REVENUE)),
    ]
    rates = [
        ("EUR", Decimal("0.8"), day("01-01"), day("05-01")),
        ("EUR", Decimal("0.9"), day("05-01"), day("06-01")),
        ("EUR", Decimal("0.95"), day("06-01"), date(9999, 12, 31)),
        ("USD", Decimal(1), day("01-01"), date(9999, 12, 31)),
    ]
    people = [
        (ANN, "Ann Field", MAX, True, "Standard"),
        (BOB, "Bob Gates", MAX, True, "Standard"),
        (MAX, "Max Head", None, True, "Standard"),
        (ZOE, "Zoe Past", MAX, False, "Standard"),
        (GUEST, "Site Guest User", None, True, "Guest"),
    ]
    [west] = ids("00E", "r1")
    mute = {"IsDeleted": False, "LastModifiedDate": at("05-20 08:00")}
    return {
        "Account": [
            mute | {"Id": id_, "Name": name, "Industry": industry, "BillingCountry": "US"} | more
            for id_, name, industry, more in (
                (ACME, "Acme", "Machinery", {"Type": "Customer - Direct"}),
                (GLOBEX, "Globex", "Energy", {"Type": "Customer - Channel"}),
                (ACME_OLD, "Acme Inc", "Other", {"IsDeleted": True, "MasterRecordId": ACME}),
            )
        ],
        "OpportunityHistory": numbered("008", SNAPSHOTS),
        "OpportunityFieldHistory": numbered("017", changes),
        "OpportunityLineItem": numbered(
            "00k",
            [
                {"OpportunityId": WON, "Product2Id": KIT, "TotalPrice": 20_000, "Quantity": 1},
                {"OpportunityId": WON, "Product2Id": PRESS, "TotalPrice": 80_000, "Quantity": 2},
            ],
        ),
        "OpportunitySplit": numbered(
            "147",
            [
                {"OpportunityId": d, "SplitOwnerId": who, "SplitPercentage": p, "SplitTypeId": kind}
                for d, who, p, kind in shares
            ],
        ),
        "OpportunityStage": numbered(
            "01J",
            [
                {
                    "MasterLabel": name,
                    "ApiName": name,
                    "SortOrder": order,
                    "IsActive": is_active,
                    "IsClosed": is_closed,
                    "IsWon": is_won,
                }
                for name, order, is_active, is_closed, is_won in stages
            ],
        ),
        "Product2": [
            mute | {"Id": PRESS, "Name": "Press", "Family": "Presses"},
            mute | {"Id": KIT, "Name": "Spare kit", "Family": "Parts"},
        ],
        "User": [
            {
                "Id": id_,
                "Name": name,
                "ManagerId": manager,
                "UserRoleId": west,
                "IsActive": is_active,
                "UserType": kind,
                "LastModifiedDate": at("05-20 02:00"),
            }
            for id_, name, manager, is_active, kind in people
        ],
        "UserRole": [{"Id": west, "Name": "West"}],
        "DatedConversionRate": numbered(
            "04w",
            [
                {"IsoCode": code, "ConversionRate": rate, "StartDate": start, "NextStartDate": end}
                for code, rate, start, end in rates
            ],
        ),
        "Task": numbered(
            "00T",
            [
                {
                    "OwnerId": ANN,
                    "WhatId": WON,
                    "TaskSubtype": "Call",
                    "IsClosed": is_closed,
                    "ActivityDate": day("03-05"),
                    "CreatedDate": at("03-05 15:00"),
                }
                for is_closed in (True, False)
            ],
        ),
        "Event": numbered(
            "00U",
            [
                {
                    "OwnerId": BOB,
                    "WhatId": OPEN,
                    "ActivityDateTime": begins,
                    "DurationInMinutes": 60,
                    "CreatedDate": at("05-30 15:00"),
                }
                for begins in (at("06-02 14:00"), at("07-15 14:00"))
            ],
        ),
        "Lead": numbered(
            "00Q",
            [
                {
                    "OwnerId": ANN,
                    "Status": "Qualified",
                    "IsConverted": True,
                    "ConvertedDate": day("05-04"),
                    "ConvertedOpportunityId": OPEN,
                    "CreatedDate": at("05-01 15:00"),
                }
            ],
        ),
        "Order": [
            {
                "Id": id_,
                "AccountId": ACME,
                "OpportunityId": WON,
                "OwnerId": ANN,
                "EffectiveDate": day("05-16"),
                "StatusCode": status,
                "ActivatedDate": activated,
                "CurrencyIsoCode": "EUR",
            }
            for id_, status, activated in (
                (ORDER, "Activated", at("05-16 10:00")),
                (DRAFT, "Draft", None),
            )
        ],
        "OrderItem": numbered(
            "802",
            [
                {"OrderId": order, "Product2Id": PRESS, "Quantity": 2, "UnitPrice": 40_000}
                for order in (ORDER, DRAFT)
            ],
        ),
    }


# --- Its two forms


def exported(value: Any) -> str:
    """A value as the API writes it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return str(value)


def exported_weekly(value: Any) -> str:
    """A value as the weekly Data Export writes it: 0 and 1, and ids of 15 characters in places."""
    match value:
        case bool():
            return str(int(value))
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case str() if len(value) == 18 and long_id(value[:15]) == value:
            return value[:15]
    return exported(value)


def replicated(value: Any) -> str:
    """A value as a replicator's warehouse writes it: dates with a time, no offset."""
    match value:
        case bool():
            return str(value).upper()
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case date():
            return f"{value} 00:00:00"
    return exported(value)


def csv_text(rows: Sequence[Mapping[str, Any]], written: Callable[[Any], str]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([written(row.get(name)) for name in names] for row in rows)
    return text.getvalue()


def snake_case(name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])", "_", name)
    return re.sub("_+", "_", words).lower()


def versions() -> Iterator[Row]:
    """The opportunities as a replicator in history mode keeps them."""
    rows = sorted((*MAY, *JUNE), key=lambda row: (row["Id"], row["LastModifiedDate"]))
    for row, following in zip(rows, [*rows[1:], {"Id": None}], strict=True):
        is_last = following["Id"] != row["Id"]
        end = None if is_last else following["LastModifiedDate"] - timedelta(seconds=1)
        yield row | {
            "_fivetran_start": row["LastModifiedDate"],
            "_fivetran_end": end or datetime.fromisoformat("9999-12-31T23:59:59"),
            "_fivetran_active": is_last,
        }


def export(line: Line) -> None:
    for name, rows in org().items():
        weekly = name in ("Account", "OpportunitySplit", "Task")
        written = exported_weekly if weekly else exported
        line.put(f"salesforce/{name}__2026-06-30.csv", csv_text(rows, written))
    line.put("salesforce/Opportunity__2026-05-31.csv", csv_text(MAY, exported_weekly))
    line.put("salesforce/Opportunity.delta__2026-06-30.csv", csv_text(JUNE, exported))


def replicate(line: Line) -> None:
    synced = {"_fivetran_synced": at("06-30 20:00")}
    tables = {
        name: [row | synced | {"_fivetran_deleted": row.get("IsDeleted", False)} for row in rows]
        for name, rows in org().items()
    }
    tables["Opportunity"] = [row | synced for row in versions()]
    for name, rows in tables.items():
        renamed = [{snake_case(column): value for column, value in row.items()} for row in rows]
        line.put(f"salesforce/{snake_case(name)}__2026-06-30.csv", csv_text(renamed, replicated))


@pytest.fixture(scope="module")
def exported_org(tmp_path_factory: pytest.TempPathFactory) -> Line:
    line = Line(tmp_path_factory.mktemp("exported"), timezone="America/New_York")
    export(line)
    line.publishes()
    return line


# --- Taking it in


def test_headers_by_api_name_and_in_snake_case(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, as_of=day("06-30"), timezone="America/New_York")
    forms = {
        # 02:30 on 8 March is a time that the clocks of New York skip
        "Opportunity.delta__2026-06-01.csv": "Id,StageName,IsDeleted,CloseDate,CreatedDate\n"
        "006A,Demo,false,2026-03-08,2026-03-08T02:30:00.000Z\n"
        "006B,Demo,0,2026-03-08,2026-03-07T21:30:00.000-0500\n",
        "OPPORTUNITY.delta__2026-06-02.csv": "ID,STAGENAME,ISDELETED,CLOSEDATE,CREATEDDATE\n"
        "006C,Demo,FALSE,2026-03-08,2026-03-08 02:30:00\n",
        "opportunity.delta__2026-06-03.csv": "id,stage_name,is_deleted,close_date,created_date,"
        "_fivetran_start,_fivetran_end,_fivetran_active\n"
        "006D,Demo,FALSE,2026-03-08 00:00:00,2026-03-08 02:30:00.0,"
        "2026-03-08 02:30:00 UTC,9999-12-31 23:59:59,TRUE\n",
    }
    for name, text in forms.items():
        put(settings, f"salesforce/{name}", text)
    landed = take_in(settings, "opportunity", "salesforce")
    assert (landed.rows_loaded, landed.rows_quarantined, landed.refused) == (4, 0, {})
    assert landed.extra_columns == []
    assert query(
        settings,
        "select distinct to_utc_instant(created_date), to_utc_date(close_date)"
        " from raw_salesforce.opportunity",
    ) == [(at("03-08 02:30"), day("03-08"))]


def test_what_salesforce_cannot_mean_is_set_aside(settings: Settings) -> None:
    put(
        settings,
        "salesforce/Opportunity__2026-06-30.csv",
        "Id,StageName,IsClosed,Amount,CloseDate,CreatedDate,Budget_Confirmed__c\n"
        "006A,Demo,maybe,1,2026-06-30,,\n"
        "006B,Demo,true,1.000.000,2026-06-30,,\n"
        "006C,Demo,true,1,30.06.2026,,\n"
        "006D,Demo,true,1,2026-06-30,2026-02-30T08:00:00Z,\n"
        "006E,,true,1,2026-06-30,,\n"
        ",Demo,true,1,2026-06-30,,\n"
        "006F,Demo,true,1E3,2026-06-30,2026-06-01,anything\n",
    )
    landed = take_in(settings, "opportunity", "salesforce")
    assert (landed.rows_loaded, landed.rows_quarantined) == (1, 6)
    assert query(
        settings, "select reason, column_name from landing.quarantined_rows order by row_number"
    ) == [
        ("not_in_list", "is_closed"),
        ("not_a_number", "amount"),
        ("not_a_date", "close_date"),
        ("not_an_instant", "created_date"),
        ("missing_required_value", "stage_name"),
        ("missing_key", "id"),
    ]


def test_a_required_field_is_asked_for_by_its_api_name(settings: Settings) -> None:
    put(settings, "salesforce/Opportunity__2026-06-30.csv", "Id,Stage\n006A,Demo\n")
    [message] = take_in(settings, "opportunity", "salesforce").refused.values()
    assert "lacks the required column 'StageName' (the nearest header is 'Stage')" in message


# --- What comes of it


def test_nothing_is_set_aside_or_left(exported_org: Line) -> None:
    """Instants without an offset are UTC: none falls into the hour that New York skips."""
    assert exported_org.query("from quarantined_rows where is_set_aside") == []
    assert (
        exported_org.query(
            "select check_name from data_quality_checks where not is_passed"
            " and not (check_name = 'amounts_are_priced' and severity = 'warn')"
        )
        == []
    )


def test_deals(exported_org: Line) -> None:
    found = exported_org.query(
        "select opportunity_id[12:], outcome, closed_date, cycle_days, amount_original, currency,"
        " fx_rate, fx_rate_date, amount_base, is_unpriced, product_family, account_id[12:],"
        " owner_current_id[12:], outcome_reason"
        " from fct_opportunities"
    )
    assert sorted(found, key=str) == sorted(
        [
            (
                # closed on a day on which one dollar bought 0.90 euro; created on 1 March in New
                # York, and the larger line is the press
                *(WON, "won", day("05-15"), 75, Decimal(100_000), "EUR"),
                *(Decimal("1.11111111"), day("05-15"), Decimal("111111.11"), False, "Presses"),
                *(ACME, ANN, None),
            ),
            (
                *(LOST, "lost", day("05-05"), 34, Decimal(40_000), "USD"),
                *(Decimal(1), None, Decimal(40_000), False, "unknown", GLOBEX, BOB, "Price"),
            ),
            (
                # moved to another account and another owner
                *(OPEN, "open", None, None, Decimal(25_000), "USD"),
                *(Decimal(1), None, Decimal(25_000), False, "unknown", ACME, BOB, None),
            ),
            (
                *(DELETED, "deleted", None, None, Decimal(5_000), "USD"),
                *(Decimal(1), None, Decimal(5_000), False, "unknown", GLOBEX, BOB, None),
            ),
            (
                # of an account that was merged into Acme; the org says that its stage closes
                *(GIVEN_UP, "lost", day("04-30"), 46, Decimal(7_000), "USD"),
                *(Decimal(1), None, Decimal(7_000), False, "unknown", ACME, ANN, None),
            ),
            (
                # a currency that the org has no rate for
                *(FOREIGN, "open", None, None, Decimal(9_000), "GBP"),
                *(None, None, None, True, "unknown", GLOBEX, BOB, None),
            ),
        ],
        key=str,
    )
    months = exported_org.query(
        "select close_month, sum(win_rate_numerator), sum(win_rate_denominator)"
        " from mart_sales_outcomes_monthly where close_month is not null"
        " group by 1 having sum(win_rate_denominator) > 0 order by 1"
    )
    assert months == [(day("04-01"), 0, 1), (day("05-01"), 1, 2)]
    assert exported_org.query(
        "select removed_at from fct_opportunities where outcome = 'deleted'"
    ) == [(at("06-15 10:00"),)]


def test_each_move_counts_once(exported_org: Line) -> None:
    """Two histories tell of some moves; two moves of one second stay two, in their order."""
    visits = exported_org.query(
        "select stage, entered_at, move_type, owner_at_entry_id[12:], segment"
        f" from fct_opportunity_stage_events where opportunity_id[12:] in ('{LOST}', '{OPEN}')"
        " order by opportunity_id, visit_number"
    )
    assert visits == [
        ("Prospecting", at("04-01 10:00"), "entry", BOB, "Energy"),
        ("Discovery", at("04-20 08:15"), "forward", BOB, "Energy"),
        ("Qualification", at("04-20 08:15"), "forward", BOB, "Energy"),
        ("Closed Lost", at("05-05 09:00"), "close", BOB, "Energy"),
        # then it was another rep's deal, and another account's
        ("Prospecting", at("05-04 12:00"), "entry", ANN, "Energy"),
        ("Demo", at("06-01 16:00"), "skip", BOB, "Energy"),
    ]


def test_past_days_are_told_as_they_were_known(exported_org: Line) -> None:
    """At the end of May: the later deleted deal is open, the other not yet Acme's or 25,000."""
    assert exported_org.query(
        "select opportunity_id[12:], account_id[12:], amount_base from fct_pipeline_snapshots"
        " where snapshot_date = date '2026-05-31' and snapshot_kind = 'month_end' order by 1"
    ) == [(OPEN, GLOBEX, Decimal(10_000)), (DELETED, GLOBEX, Decimal(5_000))]
    # 80,000 euro at the rate of that day, 0.80 to the dollar
    assert exported_org.query(
        "select stage, amount_base from fct_pipeline_snapshots"
        f" where snapshot_date = date '2026-03-31' and opportunity_id[12:] = '{WON}'"
    ) == [("Discovery", Decimal(100_000))]


def test_stages_are_in_the_order_of_the_org(exported_org: Line) -> None:
    """The seed orders its own names and marks the proposal; the org has the rest."""
    stages = exported_org.query(
        "select stage, stage_order, stage_type, is_proposal from dim_stages"
        " where source_system = 'salesforce' and (stage_order is not null or stage_type <> 'open')"
        " order by stage_order nulls last, stage"
    )
    assert stages == [
        ("Prospecting", 1, "open", False),
        ("Discovery", 2, "open", False),
        ("Qualification", 3, "open", False),
        ("Demo", 4, "open", False),
        ("Proposal/Price Quote", 5, "open", True),
        ("Verbal", 6, "open", False),
        ("Closed Lost", None, "lost", False),
        ("Closed Won", None, "won", False),
        ("Given up", None, "lost", False),
    ]


def test_boxes_are_answers_of_the_scorecard(exported_org: Line) -> None:
    """Budget from the log, the others as the record was last modified; two of three are yes."""
    scores = exported_org.query(
        "select landmark, landmark_at, round(score, 3), rater_count from fct_qualification_scores"
        f" where opportunity_id[12:] = '{OPEN}' order by landmark_at"
    )
    assert scores == [
        # since its creation the budget was open; the rest is known from the end of May, which
        # saw the record as it was modified on the 20th
        ("first_complete", at("05-20 13:00"), 0, 0),
        ("stage_2_entry", at("06-01 16:00"), 0, 0),
        ("as_of", at("07-01 04:00"), 66.667, 1),
    ]
    assert exported_org.query(
        "select landmark, score, evidence_excluded_reason from fct_qualification_scores"
        f" where opportunity_id[12:] = '{WON}' and landmark = 'first_complete'"
    ) == [("first_complete", 100, "scored after the close")]


def test_people_and_accounts(exported_org: Line) -> None:
    people = exported_org.query("select rep_name, territory, left_on from dim_reps order by 1")
    assert people == [
        ("Ann Field", "West", None),
        ("Bob Gates", "West", None),
        ("Max Head", "West", None),
        # still 19 May in New York
        ("Zoe Past", "West", day("05-19")),
    ]
    assert exported_org.query(
        "select account_id[12:], merged_into_account_id[12:], is_listed from dim_accounts"
        " where is_merged"
    ) == [(ACME_OLD, ACME, False)]
    # a draft is no order, and Salesforce promises no date
    assert exported_org.query(
        "select distinct order_id[12:], product_family, quantity_ordered, ineligible_reason"
        " from fct_order_line_deliveries"
    ) == [(ORDER, "Presses", 2, "no_date")]


@pytest.mark.slow
def test_both_forms_give_the_same_marts(exported_org: Line, tmp_path: Path) -> None:
    line = Line(tmp_path, timezone=exported_org.timezone)
    replicate(line)
    line.publishes()
    assert line.checksums() == exported_org.checksums()


@pytest.mark.slow
def test_real_shapes_go_through(tmp_path: Path) -> None:
    """Hashed values whose keys do not join: what counts is that nothing is lost on the way."""
    if not SHAPES.is_dir():
        pytest.skip(f"the samples in the shape of the API are not here: {SHAPES}")
    line = Line(tmp_path)
    landing = line.home / "landing" / "salesforce"
    landing.mkdir(parents=True)
    rows: Counter[str] = Counter()
    for path in SHAPES.glob("sf_*_data.csv"):
        name = path.stem.removeprefix("sf_").removesuffix("_data")
        shutil.copy(path, landing / f"{name}__2020-01-31.csv")
        with path.open(newline="") as file:
            rows[name.replace("_", "")] = sum(1 for _ in csv.DictReader(file))
    assert "landing/salesforce/contact__2020-01-31.csv: no system claims this file" in (
        line.publishes()
    )
    assert line.query("from quarantined_rows where is_set_aside") == []
    counts = {
        mart: line.one(f"select count(*) from {mart}")[0] for mart in line.manifest()["marts"]
    }
    # the versions of accounts and opportunities are of the same records
    assert counts["fct_opportunities"] == rows["opportunity"] == rows["opportunityhistory"]
    assert counts["dim_accounts"] == rows["account"] == rows["accounthistory"]
    assert counts["dim_products"] == rows["product2"]
    # deals that were deleted, and what the org says of their stages without a list of them
    assert line.query(
        "select outcome, stage_type, count(*) from fct_opportunities group by all"
        " order by all nulls last"
    ) == [
        ("deleted", "lost", 4),
        ("deleted", "won", 5),
        ("deleted", None, 1),
    ]
