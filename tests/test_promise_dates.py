"""Lead times and promise dates on simulated plants where the truth is known, and at edges."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assets.scoring.promise_dates import (
    LEVELS,
    NAMES,
    Columns,
    Fitted,
    censored_quantiles,
    finish_days,
    fit,
    fit_late,
    late_probability,
    late_probability_when_scheduled,
    lead_time_quantiles,
    load,
    open_counts,
    promise_quote,
    save,
    score_status,
)

AS_OF = date(2026, 6, 30)
FIRST = date(2024, 1, 1)
COLUMNS = Columns(
    "ordered_date", "delivered_date", ("family", "quantity", "load", "route"), group="family"
)
FAMILIES = {"Pumps": 8.0, "Seals": 14.0, "Valves": 25.0}


def plant(
    seed: int,
    lines: int,
    *,
    first: date = FIRST,
    as_of: date = AS_OF,
    shift_on: date | None = None,
    shift: float = 1.0,
) -> pd.DataFrame:
    """Order lines of a plant whose times hang on family, quantity and load, and scatter the more
    the longer they are; what would be delivered after the as_of is open. `true_days` is kept."""
    random = np.random.default_rng(seed)
    span = (as_of - first).days
    day = np.sort(random.integers(0, span, lines))
    # the load wanders up and down with the season and by itself
    wander = np.cumsum(random.normal(0, 0.12, span))
    season = np.sin(np.arange(span) / 58)
    load = 40 + 15 * season + 6 * (wander - np.linspace(wander[0], wander[-1], span))
    family = random.choice(list(FAMILIES), lines)
    quantity = random.lognormal(3, 0.8, lines).round() + 1
    route = random.choice(["stock", "plant"], lines, p=[0.3, 0.7])
    middle = np.array([FAMILIES[name] for name in family]) * np.exp(0.012 * (load[day] - 40))
    middle *= (quantity / 20) ** 0.15 * np.where(route == "stock", 0.7, 1.0)
    scatter = np.array([0.2 if name == "Seals" else 0.4 for name in family])
    days = middle * np.exp(scatter * random.standard_t(8, lines))
    if shift_on is not None:
        days *= np.where(day >= (shift_on - first).days, shift, 1.0)
    days = days.round()
    ordered = np.datetime64(first) + day
    delivered = ordered + days.astype(int)
    return pd.DataFrame(
        {
            "ordered_date": ordered,
            "delivered_date": np.where(
                delivered <= np.datetime64(as_of), delivered, np.datetime64("NaT")
            ),
            "family": family,
            "quantity": quantity,
            "load": load[day].round(),
            "route": route,
            "true_days": days,
        }
    )


def row(fitted: Fitted, kind: str = "all", value: str | None = None) -> dict[str, Any]:
    """The row of the validation for a slice."""
    (found,) = [
        row
        for row in fitted.facts["validation"]
        if row["slice"] == kind and (value is None or row["slice_value"] == value)
    ]
    return found


def coverage(measured: dict[str, Any]) -> dict[str, float]:
    return {name: measured["levels"][name]["coverage_rate"] for name in NAMES}


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    return plant(1, 6000)


@pytest.fixture(scope="module")
def fitted(lines: pd.DataFrame) -> Fitted:
    return fit(lines, COLUMNS, AS_OF, refits=5)


def test_quantiles_of_times_that_are_open_still() -> None:
    # barriers closed at 2, 4, 6 days and two open at 10: the median is 6, not 4
    values, is_observed = [2, 4, 6, 10, 10], [True, True, True, False, False]
    assert censored_quantiles(values, is_observed, [0.5, 0.6]).tolist() == [6, 6]
    assert np.isnan(censored_quantiles(values, is_observed, [0.7])).all()
    # open at 4 was at risk when another closed at 4
    assert censored_quantiles([4, 4, 9], [True, False, True], [1 / 3, 0.9]).tolist() == [4, 9]
    assert np.isnan(censored_quantiles([], [], [0.5])).all()


def test_open_lines_are_counted_when_the_day_begins() -> None:
    counts = open_counts(
        ["2026-01-01", "2026-01-02", "2026-01-05"],
        ["2026-01-01", "2026-01-01", "2026-01-04"],
        ["2026-01-04", "NaT", "NaT"],
    )
    assert counts.tolist() == [0, 2, 2]


def test_coverage_out_of_time_is_what_the_level_says(fitted: Fitted) -> None:
    assert fitted.status == "fitted"
    everything = row(fitted)
    for name, level in zip(NAMES, LEVELS, strict=True):
        assert everything["levels"][name]["known_count"] > 1900
        assert coverage(everything)[name] == pytest.approx(level, abs=0.03)
        for family in FAMILIES:
            assert coverage(row(fitted, "group", family))[name] == pytest.approx(level, abs=0.05)
        loss = everything["levels"][name]
        assert loss["pinball_days"] < 0.8 * loss["marginal_pinball_days"]
    assert fitted.facts["is_better_than_marginal"]


def test_coverage_holds_on_lines_never_seen(fitted: Fitted) -> None:
    others = plant(2, 3000)
    quantiles = lead_time_quantiles(fitted, others)
    covered = (others["true_days"].to_numpy()[:, None] <= quantiles).mean(axis=0)
    assert covered[2] == pytest.approx(0.80, abs=0.06)
    assert covered[3] == pytest.approx(0.95, abs=0.03)
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_a_shift_in_the_last_quarter_is_followed() -> None:
    shift_on = AS_OF - timedelta(days=91)
    shifted = plant(3, 6000, shift_on=shift_on, shift=1.35)
    followed = fit(shifted, COLUMNS, AS_OF, refits=5)
    # of the year with the shift in it: the lines before it is seen are late
    assert coverage(row(followed))["p80"] == pytest.approx(0.80, abs=0.06)
    assert coverage(row(followed))["p95"] == pytest.approx(0.95, abs=0.03)
    # of the lines that start now, most would miss the dates of the old plant
    new = shifted[shifted["ordered_date"] > np.datetime64(AS_OF - timedelta(days=30))]
    truth = new["true_days"].to_numpy()[:, None]
    old = fit(shifted, COLUMNS, shift_on, refits=5)
    assert (truth <= lead_time_quantiles(old, new)).mean(axis=0)[2] < 0.60
    now = (truth <= lead_time_quantiles(followed, new)).mean(axis=0)
    assert now[2] == pytest.approx(0.80, abs=0.08)
    assert now[3] == pytest.approx(0.95, abs=0.04)


def test_lines_that_are_open_still_do_not_make_times_look_short(
    lines: pd.DataFrame, fitted: Fitted
) -> None:
    newest = lines[lines["ordered_date"] > np.datetime64(AS_OF - timedelta(days=25))]
    assert newest["delivered_date"].isna().mean() > 0.4
    finished_median = (newest["delivered_date"] - newest["ordered_date"]).dt.days.median()
    medians = lead_time_quantiles(fitted, newest)[:, 1]
    assert finished_median < 0.8 * newest["true_days"].median()
    assert np.median(medians) == pytest.approx(newest["true_days"].median(), rel=0.12)


def test_what_was_recorded_later_is_not_known_earlier(lines: pd.DataFrame) -> None:
    at = date(2025, 12, 31)
    known = lines.assign(recorded=lines["delivered_date"] + pd.Timedelta(days=5))
    columns = replace(COLUMNS, recorded="recorded")
    later = known["recorded"] > np.datetime64(at)
    # what was not recorded by then may be anything
    changed = known.assign(
        delivered_date=known["delivered_date"].where(~later, known["recorded"]),
        recorded=known["recorded"].where(~later),
    )
    changed = changed[changed["ordered_date"] <= np.datetime64(at)]
    # without a stamp it is known when it happened, which is after the day too
    first, second = fit(known, columns, at, refits=2), fit(changed, columns, at, refits=2)
    assert first.facts["correction"] == second.facts["correction"]
    assert first.facts["training"] == second.facts["training"]
    assert first.facts["validation"] == second.facts["validation"]


def test_withdrawn_lines_are_open_until_then(lines: pd.DataFrame) -> None:
    # given up at random, on average the earlier the longer they would have taken
    random = np.random.default_rng(4)
    given_up = lines["ordered_date"] + pd.to_timedelta(random.integers(0, 60, len(lines)), "D")
    gone = given_up < lines["ordered_date"] + pd.to_timedelta(lines["true_days"], "D")
    table = lines.assign(
        given_up=given_up.where(gone), delivered_date=lines["delivered_date"].where(~gone)
    )
    assert gone.mean() > 0.2
    weighed = fit(table, replace(COLUMNS, withdrawn="given_up"), AS_OF, refits=3)
    rest = lines[lines["ordered_date"] > np.datetime64(AS_OF - timedelta(days=120))]
    covered = (rest["true_days"].to_numpy()[:, None] <= lead_time_quantiles(weighed, rest)).mean(
        axis=0
    )
    assert covered[2] == pytest.approx(0.80, abs=0.05)
    assert covered[3] == pytest.approx(0.95, abs=0.03)


def test_a_row_alone_is_scored_as_in_a_batch(lines: pd.DataFrame, fitted: Fitted) -> None:
    batch = lead_time_quantiles(fitted, lines)
    assert np.isfinite(batch).all()
    promised, elapsed = np.arange(len(lines)) % 40, np.arange(len(lines)) % 17
    late = late_probability(fitted, lines, promised, elapsed)
    for position in range(0, len(lines), 101):
        alone = lines.iloc[[position]]
        assert (lead_time_quantiles(fitted, alone)[0] == batch[position]).all()
        (chance,) = late_probability(fitted, alone, promised[[position]], elapsed[[position]])
        assert chance == late[position]


def test_the_same_lines_in_another_order_give_the_same_models(lines: pd.DataFrame) -> None:
    few = lines[:1500]
    first = fit(few, COLUMNS, date(2024, 8, 31), refits=2)
    again = fit(few.copy(), COLUMNS, date(2024, 8, 31), refits=2)
    assert first.facts == again.facts
    assert (lead_time_quantiles(first, few) == lead_time_quantiles(again, few)).all()


def test_a_stored_model_says_the_same_to_the_last_bit(
    lines: pd.DataFrame, fitted: Fitted, tmp_path: Path
) -> None:
    save(tmp_path / "v1", fitted)
    loaded = load(tmp_path / "v1")
    assert loaded.facts == fitted.facts
    assert (lead_time_quantiles(loaded, lines) == lead_time_quantiles(fitted, lines)).all()
    with pytest.raises(FileExistsError, match="choose another version"):
        save(tmp_path / "v1", fitted)


def test_late_given_that_it_is_open_still(lines: pd.DataFrame, fitted: Fitted) -> None:
    line = lines.iloc[[3000] * 5]
    quantiles = lead_time_quantiles(fitted, line)[0]
    # the day of a quantile is the first by which so many are finished
    for quantile, level in zip(quantiles, LEVELS, strict=True):
        before, by = late_probability(fitted, line[:2], [quantile - 1, quantile], [0, 0])
        assert by <= 1 - level < before
    # the longer it is open, the less likely the promise; once it has passed it is broken
    promise = [quantiles[2]] * 5
    waited = [0, quantiles[1], quantiles[2] - 1, quantiles[2], quantiles[3] * 3]
    late = late_probability(fitted, line, promise, waited)
    assert (np.diff(late) > 0)[:3].all()
    by, open_so_long = late_probability(fitted, line[:2], quantiles[[2, 1]], [0, 0])
    assert late[1] == pytest.approx(by / open_so_long, abs=1e-6)
    assert late[3:].tolist() == [1, 1]
    # beyond P95 there is a number still; where hardly a line stays open so long there is none
    assert 0 < late_probability(fitted, line[:1], [quantiles[3] * 2], [quantiles[3] + 1])[0] < 1
    assert np.isnan(late_probability(fitted, line[:1], [quantiles[3] * 9], [quantiles[3] * 8]))
    assert np.isnan(late_probability(fitted, line[:1], [np.nan], [3])).all()


def test_finish_dates_of_what_is_open_still(lines: pd.DataFrame, fitted: Fitted) -> None:
    line = lines.iloc[[3000] * 4]
    quantiles = lead_time_quantiles(fitted, line)[0]
    waited = [-1, quantiles[0], quantiles[2], quantiles[3] * 9]
    found = finish_days(fitted, line, waited)
    # before anything was seen they are the quantiles; later they are later, never in the past
    assert (found[0] == quantiles).all()
    assert (np.diff(found[:3], axis=0) >= 0).all() and (found[2] > quantiles[2]).all()
    assert np.isnan(found[3]).all()
    # half of those that are open are finished by then
    for elapsed, days in zip(waited[1:3], found[1:3], strict=True):
        before, by = late_probability(fitted, line[:2], [days[1] - 1, days[1]], [elapsed] * 2)
        assert by <= 0.5 < before


def test_late_probabilities_of_open_lines_come_true(lines: pd.DataFrame) -> None:
    at = date(2026, 3, 31)
    known = lines[lines["ordered_date"] <= np.datetime64(at)]
    past = fit(known, COLUMNS, at, refits=3)
    elapsed = (np.datetime64(at) - known["ordered_date"]).dt.days.to_numpy()
    is_open = known["true_days"].to_numpy() > elapsed
    some, waited = known[is_open], elapsed[is_open]
    promised = waited + np.random.default_rng(2).integers(1, 25, len(some))
    chance = late_probability(past, some, promised, waited)
    told = ~np.isnan(chance)
    assert told.mean() > 0.95
    some, chance, promised = some[told], chance[told], promised[told]
    is_late = some["true_days"].to_numpy() > promised
    assert len(some) > 80
    assert chance.mean() == pytest.approx(is_late.mean(), abs=0.08)
    base = np.mean((is_late.mean() - is_late) ** 2)
    assert np.mean((chance - is_late) ** 2) < 0.85 * base


def test_dates_that_are_kept(lines: pd.DataFrame, fitted: Fitted) -> None:
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2026-07-20"))
    working_days = days[np.is_busday(days)]
    quotes = promise_quote(fitted, lines[-50:], working_days)
    quantiles = lead_time_quantiles(fitted, lines[-50:])[:, 1:]
    started = lines["ordered_date"][-50:].to_numpy("datetime64[D]")[:, None]
    told = ~np.isnat(quotes)
    assert told[:, 0].any() and not told.all()
    assert np.is_busday(quotes[told]).all()
    after = (quotes - started).astype(float)[told] - quantiles[told]
    # the next working day, at most a day's part and a weekend later
    assert (after >= -1e-6).all() and (after < 3).all()
    # beyond the calendar there is no date
    assert ((started + np.ceil(quantiles).astype(int))[~told] > working_days[-1]).all()


def test_too_few_lines_say_so() -> None:
    for count in (0, 1, 30, 120):
        few = plant(5, 6000)[:count]
        model = fit(few, COLUMNS, AS_OF)
        assert model.status == "too few finished lines"
        assert model.facts["line_count"] == count
        assert set(score_status(model, few)) <= {"too few finished lines"}
        assert np.isnan(lead_time_quantiles(model, few)).all()
        assert np.isnan(late_probability(model, few, np.full(count, 3), np.ones(count))).all()


def test_where_lines_are_few_the_group_speaks_or_nobody(lines: pd.DataFrame) -> None:
    # five months: enough to correct a model by, not enough to see which one is better
    at = date(2024, 5, 30)
    model = fit(lines, COLUMNS, at, refits=3)
    assert model.status == "fitted on the group alone"
    assert row(model)["line_count"] == 0 and coverage(row(model))["p80"] is None
    assert set(model.facts["unused_features"].values()) == {"no gain"}
    # a year and a half, but nothing to be learned from the features
    random = np.random.default_rng(0)
    noise = {name: random.normal(size=3000) for name in ("quantity", "load")}
    few = lines[:3000].assign(**noise, route=random.choice(["a", "b"], 3000))
    at = date(2025, 3, 31)
    model = fit(few, COLUMNS, at, refits=3)
    assert model.status == "fitted on the group alone"
    losses = model.facts["relative_pinball_loss"]
    assert losses["group alone"] < losses["all features"] and losses["group alone"] < 1
    plain = fit(few, replace(COLUMNS, features=("quantity",), group=None), at, refits=3)
    assert plain.status == "fitted without features"
    assert len(np.unique(lead_time_quantiles(plain, few), axis=0)) == 1


def test_a_family_never_seen_gets_no_number(lines: pd.DataFrame, fitted: Fitted) -> None:
    table = lines[:3].assign(family=["Pumps", "Rockets", None])
    never = "too few lines of its family"
    assert score_status(fitted, table).tolist() == ["scored", never, never]
    quantiles = lead_time_quantiles(fitted, table)
    assert np.isfinite(quantiles[0]).all() and np.isnan(quantiles[1:]).all()
    late = late_probability(fitted, table, [20, 20, 5], [9, 9, 9])
    assert 0 < late[0] < 1 and np.isnan(late[1])
    # that a promise has passed takes no model
    assert late[2] == 1
    assert np.isnat(promise_quote(fitted, table, ["2030-01-01"])[1:]).all()
    # another feature that is new is missing, and no reason to say nothing
    assert score_status(fitted, lines[:1].assign(route="ship")).tolist() == ["scored"]


def test_a_feature_that_is_always_missing_is_left_out(lines: pd.DataFrame) -> None:
    few = lines[:1500].assign(
        load=np.nan, route=None, quantity=7.0, note=pd.Series([None] * 1500, dtype=object)
    )
    columns = replace(COLUMNS, features=(*COLUMNS.features, "note"))
    model = fit(few, columns, date(2024, 8, 31), refits=2)
    assert model.estimators
    assert model.facts["unused_features"] == {
        "load": "all missing",
        "route": "all missing",
        "quantity": "one value",
        "note": "all missing",
    }
    assert np.isfinite(lead_time_quantiles(model, few)).all()


def test_constant_lead_times_are_said_to_be_constant(lines: pd.DataFrame) -> None:
    few = lines[:1500]
    constant = few.assign(delivered_date=few["ordered_date"] + pd.Timedelta(days=9))
    model = fit(constant, COLUMNS, date(2024, 8, 31), refits=2)
    assert model.status == "constant lead time"
    assert (lead_time_quantiles(model, constant) == 9).all()
    line = constant.iloc[[0] * 4]
    late = late_probability(model, line, [8, 9, 20, 20], [0, 0, 0, 12])
    # open after twelve days when all took nine: no one can say
    assert late[:3].tolist() == [1, 0, 0] and np.isnan(late[3])


def test_lines_that_never_end_leave_a_level_untold(lines: pd.DataFrame) -> None:
    lost = np.random.default_rng(1).random(3000) < 0.12
    few = lines[:3000]
    table = few.assign(delivered_date=few["delivered_date"].where(~lost))
    model = fit(table, COLUMNS, date(2025, 3, 31), refits=2)
    assert model.status == "too many lines stay open"
    assert np.isnan(lead_time_quantiles(model, table)).all()


def test_impossible_lines_are_set_aside_and_missing_columns_named(lines: pd.DataFrame) -> None:
    table = lines[:1500].copy()
    table.loc[:9, "delivered_date"] = np.datetime64("2020-01-01")
    table.loc[10:14, "ordered_date"] = pd.NaT
    model = fit(table, COLUMNS, date(2024, 8, 31), refits=2)
    later = (table["ordered_date"] > np.datetime64("2024-08-31")).sum()
    assert model.facts["set_aside_count"] == 15 + later
    assert score_status(model, table)[12] == "no start date"
    with pytest.raises(ValueError, match="no column load, route"):
        fit(table.drop(columns=["load", "route"]), COLUMNS, AS_OF)
    with pytest.raises(ValueError, match="no column load"):
        lead_time_quantiles(model, table.drop(columns="load"))
    with pytest.raises(ValueError, match="1 or more"):
        fit(table, COLUMNS, AS_OF, refits=0)


def late_lines(seed: int, count: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Scheduled lines with a known probability of being late."""
    random = np.random.default_rng(seed)
    due = np.datetime64(FIRST) + np.sort(random.integers(0, (AS_OF - FIRST).days + 20, count))
    route = random.choice(["air", "sea"], count)
    notice = random.integers(2, 40, count)
    chance = 1 / (1 + np.exp(1.5 - 1.2 * (route == "sea") + 0.09 * (notice - 20)))
    slip = np.where(
        random.random(count) < chance, random.integers(1, 12, count), -random.integers(0, 6, count)
    )
    delivered = due + slip
    known = delivered <= np.datetime64(AS_OF)
    table = pd.DataFrame(
        {
            "due_date": due,
            "delivered_date": np.where(known, delivered, np.datetime64("NaT")),
            "route": route,
            "notice_days": notice,
        }
    )
    return table, chance


LATE_COLUMNS = Columns("due_date", "delivered_date", ("route", "notice_days"), group="route")


def test_late_or_not_is_told_better_than_by_rates() -> None:
    table, truth = late_lines(1, 4000)
    model = fit_late(table, LATE_COLUMNS, AS_OF, refits=4)
    assert model.status == "fitted"
    brier = row(model)["brier_scores"]
    assert brier["model"] < brier["group_rate"] < brier["base_rate"]
    assert brier["model"] < brier["recent_group_rate"]
    # additive is the truth here
    assert model.facts["candidate"] == "additive"
    measured = row(model)
    assert measured["mean_probability"] == pytest.approx(
        measured["late_count"] / measured["line_count"], abs=0.03
    )
    chance = late_probability_when_scheduled(model, table)
    assert np.abs(chance - truth).mean() < 0.05
    for position in range(0, len(table), 97):
        alone = late_probability_when_scheduled(model, table.iloc[[position]])
        assert alone[0] == chance[position]


def test_a_late_model_is_stored_like_the_others(tmp_path: Path) -> None:
    table, _ = late_lines(2, 1500)
    model = fit_late(table, LATE_COLUMNS, AS_OF, refits=2)
    save(tmp_path / "late", model)
    loaded = load(tmp_path / "late")
    assert (
        late_probability_when_scheduled(loaded, table)
        == late_probability_when_scheduled(model, table)
    ).all()
    strange = late_probability_when_scheduled(loaded, table[:1].assign(route="mule"))
    assert np.isnan(strange).all()


def test_late_or_not_needs_both() -> None:
    table, _ = late_lines(3, 1500)
    never = table.assign(delivered_date=table["due_date"])
    assert fit_late(never, LATE_COLUMNS, AS_OF).status == "too few late lines"
    always = table.assign(delivered_date=table["due_date"] + pd.Timedelta(days=1))
    assert fit_late(always, LATE_COLUMNS, AS_OF).status == "too few lines on time"
    assert np.isnan(
        late_probability_when_scheduled(fit_late(never, LATE_COLUMNS, AS_OF), table)
    ).all()


def test_what_was_withdrawn_after_its_due_date_was_late() -> None:
    table, _ = late_lines(4, 1500)
    before = table.assign(delivered_date=pd.NaT, gone=table["due_date"] - pd.Timedelta(days=1))
    after = before.assign(gone=table["due_date"] + pd.Timedelta(days=1))
    columns = replace(LATE_COLUMNS, withdrawn="gone")
    both = pd.concat([table.assign(gone=pd.NaT), before[:700], after[700:1400]])
    model = fit_late(both, columns, AS_OF, refits=1)
    kept = fit_late(
        pd.concat([table.assign(gone=pd.NaT), after[700:1400]]), columns, AS_OF, refits=1
    )
    assert model.facts["training"]["line_count"] == kept.facts["training"]["line_count"]


def test_storage_refuses_what_it_does_not_know(fitted: Fitted, tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    from assets.scoring import storage

    storage.save(tmp_path / "m", {"odd": COLUMNS, "plain": LinearRegression()}, {"n": 1})
    with pytest.raises(ValueError, match=r"odd\.skops cannot be used: .*promise_dates\.Columns"):
        storage.load(tmp_path / "m", ())
    (tmp_path / "m" / "odd.skops").write_bytes(b"half")
    with pytest.raises(ValueError, match=r"odd\.skops cannot be used"):
        storage.load(tmp_path / "m", ())
    (tmp_path / "m" / "odd.skops").unlink()
    with pytest.raises(FileNotFoundError, match="fit the model again"):
        storage.load(tmp_path / "m", ())
    facts = tmp_path / "m" / "metrics.json"
    facts.write_text(facts.read_text().replace('"scikit-learn": "', '"scikit-learn": "0.'))
    with pytest.raises(ValueError, match="was fitted with scikit-learn 0"):
        storage.load(tmp_path / "m", ())
    with pytest.raises(ValueError, match="JSON"):
        storage.save(tmp_path / "n", {}, {"n": float("nan")})
    assert not (tmp_path / "n").exists()
    # a draft that a killed run left is no obstacle
    (tmp_path / ".n.draft").mkdir()
    (tmp_path / ".n.draft" / "half.skops").write_bytes(b"")
    storage.save(tmp_path / "n", {}, {"n": None})
    assert [file.name for file in (tmp_path / "n").iterdir()] == ["metrics.json"]
