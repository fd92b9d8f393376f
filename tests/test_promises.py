"""From lead times to what the marts say: which models there are, open lines, quotes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from assets.scoring import promises
from assets.scoring.champions import MODELS, Champion
from assets.scoring.promise_dates import LEVELS, NAMES
from assets.scoring.promises import LATE, ORDER, QUOTE, SLIP, WORK_ORDER, Evidence
from tests.line import REAL, REAL_FOLDERS

AS_OF = date(2026, 6, 30)
WORKING_DAYS = [day for day in pd.date_range("2026-06-30", "2026-09-30") if day.day_of_week < 5]
DATES = ("ordered_date", "finished_date", "finish_recorded_date", "withdrawn_date", "due_date")


def order_lines(count: int, system: str = "s", seed: int = 1) -> pd.DataFrame:
    """Lines of two products of one family, one twice as slow, over two years, as
    `int_order_line_lead_times` gives them; what would finish after the as_of is open."""
    random = np.random.default_rng(seed)
    ordered = pd.Timestamp("2024-07-01") + pd.to_timedelta(
        np.sort(random.integers(0, (AS_OF - date(2024, 7, 1)).days, count)), "D"
    )
    product = random.choice(["fast", "slow"], count)
    middle = np.where(product == "slow", 16, 8)
    days = np.rint(middle * np.exp(0.3 * random.normal(size=count)))
    finished = pd.Series(ordered + pd.to_timedelta(days, "D"))
    finished = finished.where(finished <= pd.Timestamp(AS_OF))
    due_days = middle + random.integers(0, 8, count)
    return pd.DataFrame(
        {
            "order_id": [f"O{number}" for number in range(count)],
            "line_number": "1",
            "schedule_number": "1",
            "source_system": system,
            "product_id": product,
            "product_family": "family",
            "quantity": random.integers(1, 50, count).astype(float),
            "route": None,
            "ordered_date": ordered,
            "requested_days": np.nan,
            "due_date": ordered + pd.to_timedelta(due_days, "D"),
            "due_days": due_days,
            "finished_date": finished,
            "finish_recorded_date": finished,
            "withdrawn_date": pd.NaT,
            "is_open": finished.isna(),
            "is_in_parts": False,
            "true_days": days,
        }
    ).astype(dict.fromkeys(DATES, "datetime64[us]"))


def work_orders(lines: pd.DataFrame) -> pd.DataFrame:
    """The same as work orders."""
    return lines.rename(columns={"order_id": "work_order_id", "ordered_date": "started_date"})


def known(orders: pd.DataFrame, made: pd.DataFrame | None = None) -> Evidence:
    made = work_orders(orders.head(0)) if made is None else made
    # a column of nothing but None has no type of its own
    texts = "product_id, product_family, source_system"
    with duckdb.connect() as connection:

        def relation(frame: pd.DataFrame, texts: str) -> Any:
            cast = (f"cast({name} as varchar) as {name}" for name in texts.split(", "))
            return connection.from_df(frame).project(f"* replace ({', '.join(cast)})")

        return promises.evidence(
            connection.sql(f"select date '{AS_OF}' as as_of_date"),
            relation(orders, f"order_id, route, {texts}"),
            relation(made, f"work_order_id, {texts}"),
        )


def said(table: Any) -> dict[str, dict[str, Any]]:
    return {row["order_id"]: row for row in table.to_pylist()}


def cases(**columns: Any) -> pd.DataFrame:
    row = {"source_system": "s", "product_id": "slow", "product_family": "family"}
    return pd.DataFrame([row | {"quantity": 5.0, "route": None} | columns])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return known(order_lines(2500))


@pytest.fixture(scope="module")
def speaking(home: Path, evidence: Evidence) -> Mapping[tuple[str, str], Champion]:
    return promises.speaking(home, evidence)


def test_each_system_has_the_models_that_it_asks_for() -> None:
    def kinds(evidence: Evidence) -> list[tuple[str, str]]:
        return [(kind, system) for kind, system, _ in promises._scores(evidence)]

    orders = order_lines(300)
    made = work_orders(order_lines(300, "mes"))
    assert kinds(known(orders, made)) == [(WORK_ORDER, "mes"), (ORDER, "s")]
    # with requests or parts, a quote is of lines that were not asked for yet, in one piece
    asked = orders.assign(requested_days=9.0)
    assert kinds(known(asked)) == [(ORDER, "s"), (QUOTE, "s")]
    assert kinds(known(orders.assign(is_in_parts=True))) == [(ORDER, "s"), (QUOTE, "s")]
    # scheduled lines without an order date
    undated = orders.assign(ordered_date=orders["ordered_date"].where(orders.index > 100))
    assert kinds(known(undated)) == [(ORDER, "s"), (LATE, "s"), (SLIP, "s")]
    # order lines that tell too little leave it to the work orders
    never = orders.assign(finished_date=pd.NaT, is_open=True)
    assert kinds(known(never, work_orders(orders))) == [(ORDER, "s"), (WORK_ORDER, "s")]
    assert kinds(known(orders.head(0))) == []
    assert promises.models_of({}).schema == MODELS


def test_a_load_is_what_is_open_when_the_day_begins() -> None:
    table = order_lines(3).assign(
        ordered_date=pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-05"]),
        finished_date=pd.to_datetime(["2026-01-04", None, None]),
        withdrawn_date=pd.to_datetime([None, "2026-01-06", None]),
    )
    other = table.assign(source_system="other")
    days = pd.DataFrame({"source_system": ["s", "s", "s", "none"]})
    days["day"] = pd.to_datetime(["2026-01-04", "2026-01-07", None, "2026-01-07"])
    spans = known(pd.concat([table, other]), work_orders(table)).spans
    found = promises.with_load(days, "day", spans)
    assert found["open_order_line_count"].tolist()[:2] == [2, 1]
    assert found["open_work_order_count"].tolist()[:2] == [2, 1]
    assert np.isnan(found["open_order_line_count"][2])
    assert found["open_order_line_count"][3] == 0


def test_of_many_lines_whole_orders_are_drawn_and_loads_count_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = order_lines(3000)
    lines["line_number"] = (lines.index % 2 + 1).astype(str)
    lines["order_id"] = [f"O{number // 2}" for number in lines.index]
    both = pd.concat([lines, order_lines(900, "small")])
    whole = known(both)
    assert len(whole.orders) == len(both)
    monkeypatch.setattr(promises, "MOST_LINES", 1000)
    drawn = known(both)
    assert drawn.line_counts == whole.line_counts
    assert drawn.line_counts[promises.LOADS[0], "s"] == 3000
    sizes = drawn.orders.groupby("source_system").size()
    assert abs(sizes["s"] - 1000) < 120 and sizes["small"] == 900
    mine = drawn.orders[drawn.orders["source_system"] == "s"]
    assert (mine.groupby("order_id").size() == 2).all()
    # each quarter keeps its share
    quarters = both["ordered_date"].dt.to_period("Q")
    shares = mine["ordered_date"].dt.to_period("Q").value_counts(normalize=True)
    expected = quarters[both["source_system"] == "s"].value_counts(normalize=True)
    assert (shares - expected).abs().max() < 0.04
    # what is said of a line, and the load that it met, know all lines
    key = ["source_system", "order_id", "line_number"]
    loads = whole.orders.set_index(key)[list(promises.LOADS)]
    assert loads.loc[pd.MultiIndex.from_frame(drawn.orders[key])].equals(
        drawn.orders.set_index(key)[list(promises.LOADS)]
    )
    assert len(drawn.open_orders) == both["is_open"].sum()


def test_what_is_measured_stands_with_the_model(
    speaking: Mapping[tuple[str, str], Champion],
) -> None:
    [row] = promises.models_of(speaking).to_pylist()
    assert row["score_name"] == "order_lead_time_s" and row["is_champion"]
    assert row["case_count"] < row["known_count"] == 2500
    figures = {
        (each["method"], each["measure"]): each
        for each in row["performance"]
        if each["slice"] == "all"
    }
    for level, name in zip(LEVELS, NAMES, strict=True):
        coverage = figures[name, "coverage"]
        assert coverage["value"] == pytest.approx(level, abs=0.04)
        assert coverage["lower_bound"] < coverage["value"] < coverage["upper_bound"]
        loss = figures[name, "pinball_days"]["value"]
        assert loss < 0.9 * figures[name, "marginal_pinball_days"]["value"]
    assert {each["slice"] for each in row["performance"]} == {"all", "group", "fitted_on"}


def test_open_lines_have_dates_ahead_and_probabilities_that_come_true(
    evidence: Evidence, speaking: Mapping[tuple[str, str], Champion]
) -> None:
    lines = evidence.orders[evidence.orders["is_open"]].set_index("order_id")
    found = said(promises.scores(evidence, speaking))
    assert set(found) == set(lines.index) and len(found) > 20
    for order, row in found.items():
        dates = [row[f"{name}_finish_date"] for name in NAMES]
        if row["score_status"] == "scored":
            assert AS_OF < dates[0] <= dates[1] <= dates[2] <= dates[3]
            assert row["model_version"] == speaking[ORDER, "s"].version
        if lines["due_date"][order].date() <= AS_OF:
            assert row["late_probability"] == 1
    ahead = [order for order in found if lines["due_date"][order].date() > AS_OF]
    late = [lines["true_days"][order] > lines["due_days"][order] for order in ahead]
    chance = [found[order]["late_probability"] for order in ahead]
    assert np.mean(chance) == pytest.approx(np.mean(late), abs=0.15)


def test_a_line_alone_is_scored_as_among_others(
    evidence: Evidence, speaking: Mapping[tuple[str, str], Champion]
) -> None:
    among = said(promises.scores(evidence, speaking))
    for order, row in list(among.items())[:10]:
        alone = replace(
            evidence,
            open_orders=evidence.open_orders[evidence.open_orders["order_id"] == order],
        )
        assert said(promises.scores(alone, speaking)) == {order: row}
    # and by the model as it was stored
    again = {key: replace(each) for key, each in speaking.items()}
    assert said(promises.scores(evidence, again)) == among


def test_the_second_run_says_the_same_and_trains_nothing(
    home: Path, evidence: Evidence, speaking: Mapping[tuple[str, str], Champion]
) -> None:
    files = sorted((home / "models").rglob("*"))
    again = promises.speaking(home, evidence)
    assert sorted((home / "models").rglob("*")) == files
    assert promises.models_of(again).equals(promises.models_of(speaking))
    assert promises.scores(evidence, again).equals(promises.scores(evidence, speaking))


@pytest.mark.parametrize(
    ("change", "status", "has_probability", "has_dates"),
    [
        ({"product_family": "new"}, "too few lines of its product family", False, False),
        ({"product_family": None}, "too few lines of its product family", False, False),
        ({"due_days": np.nan, "due_date": pd.NaT}, "no promised date", False, True),
        (
            {"ordered_date": pd.Timestamp("2025-07-01"), "due_days": 900},
            "open longer than 99 of 100 lines like it",
            False,
            False,
        ),
        ({"ordered_date": pd.NaT}, "no start date", False, False),
        ({"product_id": "new", "route": "new", "quantity": np.nan}, "scored", True, True),
    ],
)
def test_what_cannot_be_said_is_said(
    evidence: Evidence,
    speaking: Mapping[tuple[str, str], Champion],
    change: dict[str, Any],
    status: str,
    has_probability: bool,
    has_dates: bool,
) -> None:
    line = evidence.open_orders.tail(1).assign(**{"due_days": 20} | change)
    [row] = promises.scores(replace(evidence, open_orders=line), speaking).to_pylist()
    assert row["score_status"] == status
    assert (row["late_probability"] is not None) == has_probability
    assert (row["p50_finish_date"] is not None) == has_dates


def test_too_few_lines_give_a_status_and_no_number(tmp_path: Path) -> None:
    few = known(order_lines(80))
    champions = promises.speaking(tmp_path, few)
    [row] = promises.models_of(champions).to_pylist()
    assert (row["status"], row["model_version"]) == ("too few finished lines", None)
    for row in promises.scores(few, champions).to_pylist():
        assert row["score_status"] == "too few finished lines" and not row["model_version"]
        assert row["p95_finish_date"] is None
    [quote] = promises.quotes(few, champions, cases(), WORKING_DAYS).to_pylist()
    assert quote["quote_status"] == "too few finished lines" and quote["p50_date"] is None


def test_nothing_comes_of_nothing(tmp_path: Path) -> None:
    nothing = known(order_lines(5).head(0))
    champions = promises.speaking(tmp_path, nothing)
    assert promises.scores(nothing, champions).num_rows == 0
    assert promises.quotes(nothing, champions, cases().head(0), WORKING_DAYS).num_rows == 0


def test_all_missing_and_constant_features_build(tmp_path: Path) -> None:
    bare = order_lines(900).assign(
        product_id=None, product_family="unknown", quantity=np.nan, due_days=np.nan
    )
    champions = promises.speaking(tmp_path, known(bare.assign(due_date=pd.NaT)))
    assert champions[ORDER, "s"].version
    # constant lead times are told as such
    same = order_lines(900)
    same["finished_date"] = same["ordered_date"] + pd.Timedelta(days=9)
    same["finished_date"] = same["finished_date"].where(
        same["finished_date"] <= pd.Timestamp(AS_OF)
    )
    same = same.assign(
        finish_recorded_date=same["finished_date"], is_open=same["finished_date"].isna()
    )
    constant = known(same)
    champions = promises.speaking(tmp_path / "constant", constant)
    assert champions[ORDER, "s"].models["status"].to_pylist() == ["constant lead time"]
    [quote] = promises.quotes(constant, champions, cases(), WORKING_DAYS).to_pylist()
    assert (quote["p50_days"], quote["p50_date"]) == (9, date(2026, 7, 9))


def test_late_or_not_where_the_order_has_no_date(tmp_path: Path) -> None:
    lines = order_lines(1500, seed=3).assign(ordered_date=pd.NaT)
    lines["route"] = np.where(lines["product_id"] == "slow", "sea", "air")
    late = known(lines)
    champions = promises.speaking(tmp_path, late)
    assert list(champions) == [(LATE, "s"), (SLIP, "s")]
    model, _ = promises.models_of(champions).to_pylist()
    figures = {each["method"] for each in model["performance"] if each["measure"] == "brier"}
    assert {"model", "base_rate", "group_rate"} <= figures
    rows = promises.scores(late, champions).to_pylist()
    assert len(rows) == late.orders["is_open"].sum()
    due = late.orders.set_index("order_id")["due_date"]
    for row in rows:
        assert row["lead_time_basis"] == "scheduled lines"
        assert AS_OF < row["p10_finish_date"] <= row["p95_finish_date"]
        # half of the lines that are due later are finished about then
        if due[row["order_id"]].date() > AS_OF:
            assert abs((row["p50_finish_date"] - due[row["order_id"]].date()).days) < 20
        # where the rates per route say as much, the model is refused, in words
        assert row["score_status"] == (model["refused_because"] or "scored")
        assert (row["late_probability"] is None) == (not model["is_champion"])
    # one outcome only: no model, and the words for it
    never = known(lines.assign(finished_date=lines["due_date"]))
    champions = promises.speaking(tmp_path / "never", never)
    assert champions[LATE, "s"].status == "too few late lines"


def test_dates_that_do_not_hold_are_refused() -> None:
    def against(covered: int, known_count: int) -> list[str]:
        levels = {
            name: {
                "covered_count": round(level * known_count),
                "earlier_count": round(level * known_count),
                "known_count": known_count,
            }
            for name, level in zip(NAMES, LEVELS, strict=True)
        }
        levels["p80"] |= {"covered_count": covered, "earlier_count": covered}
        return promises._against_dates({"levels": levels})

    assert against(8000, 10_000) == [] and against(7550, 10_000) == []
    assert against(7300, 10_000) == [
        "dates to be kept 80% of the time were kept 7,300 of 10,000 times"
    ]
    assert against(9000, 10_000)
    # of few lines so much is chance
    assert against(22, 30) == []
    figures = {"brier_scores": {"model": 0.12, "base_rate": 0.13, "group_rate": 0.12}}
    assert promises._against_late(figures) == [
        "no better than the group rate: Brier score 0.1200 against 0.1200"
    ]


def test_work_orders_alone_give_quotes(tmp_path: Path) -> None:
    made = known(order_lines(5).head(0), work_orders(order_lines(900, "mes")))
    champions = promises.speaking(tmp_path, made)
    [quote] = promises.quotes(made, champions, cases(source_system="mes"), WORKING_DAYS).to_pylist()
    assert quote["lead_time_basis"] == "work orders"
    assert quote["score_name"] == "work_order_lead_time_mes"
    assert 14 <= quote["p50_days"] <= 19
    assert quote["p50_date"] <= quote["p80_date"] <= quote["p95_date"]


def test_a_real_production_log_gives_dates(tmp_path: Path) -> None:
    folder = REAL / REAL_FOLDERS["levy"]
    if not folder.is_dir():
        pytest.skip(f"the real extracts are not here: {folder}")
    log = pd.read_csv(folder / "Production_Data.csv", dtype=str)
    form = "%Y/%m/%d %H:%M:%S.%f"
    log = log.assign(
        started_date=pd.to_datetime(log["Start Timestamp"], format=form).dt.normalize(),
        finished_date=pd.to_datetime(log["Complete Timestamp"], format=form).dt.normalize(),
        quantity=pd.to_numeric(log["Work Order Qty"]).astype(float),
    )
    made = log.groupby("Case ID").agg(
        started_date=("started_date", "min"),
        finished_date=("finished_date", "max"),
        product_id=("Part Desc.", "min"),
        quantity=("quantity", "max"),
    )
    made = made.reset_index(names="work_order_id").assign(
        source_system="levy", product_family="unknown", withdrawn_date=pd.NaT, is_open=False
    )
    made["finish_recorded_date"] = made["finished_date"]
    evidence = replace(
        known(order_lines(5).head(0), made), as_of=made["finished_date"].max().date()
    )
    champions = promises.speaking(tmp_path, evidence)
    part = cases(source_system="levy", product_id="Cable Head", product_family="unknown")
    days = pd.date_range("2012-01-01", "2012-12-31")
    [quote] = promises.quotes(evidence, champions, part, days).to_pylist()
    # three months are too short to check what half of 225 orders took
    assert quote["quote_status"] == promises.UNCHECKED
    took = (made["finished_date"] - made["started_date"]).dt.days
    shares = [(took <= quote[f"{name}_days"]).mean() for name in ("p50", "p80", "p95")]
    assert shares == pytest.approx([0.50, 0.80, 0.95], abs=0.03)


@pytest.fixture
def published(
    tmp_path: Path, evidence: Evidence, speaking: Mapping[tuple[str, str], Champion]
) -> Path:
    quotes = promises.quotes(evidence, speaking, cases(), WORKING_DAYS)
    path = tmp_path / "marts.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts.marts")
        connection.register("quotes", quotes)
        connection.execute(
            "create table marts.marts.mart_promise_quotes as select *, 'Slow pump' as product_name,"
            " 'family' as product_family, 's' as source_system, null::varchar as route,"
            " 1200 as finished_line_count from quotes"
        )
        connection.execute(
            "create table marts.marts.dim_products as from (values ('slow', 'Slow pump'),"
            " ('idle', 'Idle pump')) as products(product_id, product_name)"
        )
        connection.register("days", pd.DataFrame({"date_day": WORKING_DAYS}))
        connection.execute(
            "create table marts.marts.dim_dates as"
            " select cast(date_day as date) as date_day, true as is_working_day from days"
        )
    return path


def test_a_quote_is_told_for_any_quantity_and_day(
    published: Path, home: Path, evidence: Evidence, speaking: Mapping[tuple[str, str], Champion]
) -> None:
    [mart] = promises.quotes(evidence, speaking, cases(), WORKING_DAYS).to_pylist()
    found = promises.quote(published, home / "models", "slow pump", 5, AS_OF)
    assert found.dates == tuple(mart[f"{name}_date"] for name in ("p50", "p80", "p95"))
    assert (found.product_id, found.finished_line_count) == ("slow", 1200)
    later = promises.quote(published, home / "models", "slow", 40, date(2026, 7, 13))
    assert all(day and day > first for day, first in zip(later.dates, found.dates, strict=True))
    # where the calendar ends there is no date
    last = promises.quote(published, home / "models", "slow", 5, date(2026, 9, 25))
    assert last.dates == (None, None, None)


def test_what_cannot_be_quoted_is_said_in_words(
    published: Path, home: Path, tmp_path: Path
) -> None:
    models = home / "models"

    def words(product: str = "slow", quantity: float = 5, folder: Path = models) -> str:
        with pytest.raises(LookupError) as problem:
            promises.quote(published, folder, product, quantity, AS_OF)
        return str(problem.value.args[0])

    assert words("slwo pump").startswith(
        "No product is called 'slwo pump'. Near it: Slow pump, Idle pump, slow."
    )
    assert words("idle").startswith("No line of idle was ever ordered or made")
    assert words(quantity=0) == "A quantity is more than 0, not 0."
    assert words(folder=tmp_path / "gone").endswith("make retrain")
    with duckdb.connect(str(published)) as connection:
        connection.execute(
            "update marts.marts.mart_promise_quotes"
            " set model_version = null, quote_status = 'too few finished lines'"
        )
    assert words() == "No date can be promised for slow: too few finished lines."
    with duckdb.connect(str(published)) as connection:
        connection.execute("drop table marts.marts.mart_promise_quotes")
    assert words() == "What is published has no quotes yet: make run"
    published.unlink()
    assert words() == "Nothing is published yet: make run"
