"""Early contact of operations: pairs of like accounts, worlds without an effect, planted ones."""

import numpy as np
import pandas as pd
import pytest

from assets.scoring.operations_contact import MEASURES, compared, difference, pairs

COUNT = 160


def world(seed: int, *, helps: float = 0.0, is_favoured: bool = False) -> pd.DataFrame:
    """Accounts of three segments and two quarters. Where `is_favoured`, operations hurries to the
    large ones of Enterprise, which grow more and are served at less whoever meets them."""
    random = np.random.default_rng(seed)
    segment = random.choice(["Enterprise", "Mid-market", "Small"], COUNT)
    is_large = segment == "Enterprise"
    size = random.lognormal(np.where(is_large, 5.0, 4.0), 0.8)
    chance = np.where(is_large & (size > 100), 0.85, 0.3) if is_favoured else np.full(COUNT, 0.5)
    is_early = random.random(COUNT) < chance
    met = random.poisson(size / 10)
    growth = np.where(is_large, 1.4, 1.0) + helps * is_early
    eligible = random.poisson(20, COUNT) + 1
    revenue = size * growth * 365 * random.lognormal(0, 0.2, COUNT)
    cost = np.where(is_large, 0.06, 0.1) - 0.2 * helps * is_early * 0.1
    return pd.DataFrame(
        {
            "source_system": "s",
            "account_id": [f"A{number:03}" for number in random.permutation(COUNT)],
            "segment": segment,
            "entry_quarter_start_date": pd.Timestamp("2024-01-01"),
            "is_early": is_early,
            "before_order_amount": size * 90,
            "before_contact_count": met,
            "before_daily_amount": size,
            "after_daily_amount": size * growth * random.lognormal(0, 0.3, COUNT),
            "net_revenue_amount": revenue,
            "cost_to_serve_amount": revenue * cost * random.lognormal(0, 0.2, COUNT),
            "eligible_count": eligible.astype(float),
            "on_time_count": random.binomial(eligible, 0.8 + 0.2 * helps * is_early).astype(float),
        }
    )


def told(accounts: pd.DataFrame) -> pd.DataFrame:
    return compared(accounts, pairs(accounts), draws=400).set_index("measure")


def test_pairs_are_alike() -> None:
    """In segment and quarter, within a fifth of the ranks, each account once, gaps the smallest."""
    rows = [
        ("E1", "x", True, 10), ("E2", "x", True, 20), ("E3", "y", True, 10), ("E4", "x", True, 900),
        ("L1", "x", False, 21), ("L2", "x", False, 11), ("L3", "z", False, 10),
        ("L4", "x", False, 30), ("L5", "x", False, 31), ("L6", "x", False, 32),
    ]  # fmt: skip
    accounts = pd.DataFrame(
        rows, columns=["account_id", "segment", "is_early", "before_order_amount"]
    ).assign(
        source_system="s",
        entry_quarter_start_date=pd.Timestamp("2024-01-01"),
        before_contact_count=3,
    )
    found = pairs(accounts)
    assert list(zip(found["account_id"], found["late_account_id"], strict=True)) == [
        ("E1", "L2"),
        ("E2", "L1"),
        ("E4", "L6"),
    ]
    other = accounts["entry_quarter_start_date"].where(
        ~accounts["is_early"], pd.Timestamp("2024-04-01")
    )
    assert pairs(accounts.assign(entry_quarter_start_date=other)).empty
    met = np.where(accounts["is_early"], 9, 3)
    assert pairs(accounts.assign(before_contact_count=met)).empty


def test_a_difference_by_hand() -> None:
    """Ratios of sums: 6 of 10 and 9 of 30 early, 5 of 10 and 6 of 30 late: .375 − .275."""
    found, [(lower, upper)] = difference(
        np.array([[6.0, 5.0], [9.0, 6.0]]), np.array([[10.0, 10.0], [30.0, 30.0]])
    )
    assert found == pytest.approx(0.1)
    assert lower == pytest.approx(0.1) == upper


def test_worlds_without_an_effect_are_silent() -> None:
    """Also those in which operations hurries to the accounts that would have grown anyway: told
    unmatched, it would look like an effect of it."""
    for is_favoured in (False, True):
        found = [told(world(seed, is_favoured=is_favoured)) for seed in range(20)]
        shown = sum((each["verdict"] != "not shown").sum() for each in found)
        assert shown <= 4
        for measure in MEASURES:
            ends = [each.loc[measure] for each in found]
            assert sum(x["difference_lower"] <= 0 <= x["difference_upper"] for x in ends) >= 17
        growth = [each.loc["order_growth"] for each in found]
        assert np.mean([x["difference"] for x in growth]) == pytest.approx(0, abs=0.04)
        if is_favoured:
            assert np.mean([x["unmatched_difference"] for x in growth]) > 0.15


def test_planted_effects_are_found() -> None:
    """Growth half as much again; on time a tenth more; served at less."""
    for is_favoured in (False, True):
        found = [told(world(seed, helps=0.5, is_favoured=is_favoured)) for seed in range(12)]
        growth = [each.loc["order_growth"] for each in found]
        assert np.mean([x["difference"] for x in growth]) == pytest.approx(0.5, abs=0.08)
        assert sum(x["difference_lower"] <= 0.5 <= x["difference_upper"] for x in growth) >= 9
        assert sum(each.loc["order_growth", "verdict"] == "more" for each in found) >= 10
        assert sum(each.loc["on_time_rate", "verdict"] == "more" for each in found) >= 10
        cost = [each.loc["cost_to_serve_rate", "difference"] for each in found]
        assert np.mean(cost) == pytest.approx(-0.01, abs=0.005)


def test_few_pairs_tell_no_difference_and_order_of_rows_does_not_count() -> None:
    accounts = world(1)
    few = told(accounts.head(12))
    assert few["pair_count"].max() < 10
    assert few["difference"].isna().all()
    assert few["verdict"].isna().all()
    pd.testing.assert_frame_equal(told(accounts), told(accounts.sample(frac=1, random_state=2)))


def test_what_is_not_known_of_an_account_leaves_its_pair_out() -> None:
    accounts = world(1)
    paired = pairs(accounts)
    gone = accounts["account_id"] == paired["late_account_id"].iloc[0]
    less = accounts.assign(on_time_count=accounts["on_time_count"].where(~gone))
    rows = compared(less, paired).set_index("measure")
    assert rows.loc["on_time_rate", "pair_count"] == len(paired) - 1
    assert rows.loc["order_growth", "pair_count"] == len(paired)


def test_whoever_is_met_often_meets_operations_sooner() -> None:
    """An activity in twenty is with operations by chance, and who is met often orders more later.
    Matched on what they ordered alone, that would look like what operations did."""
    unmatched, found = [], []
    for seed in range(15):
        random = np.random.default_rng(seed)
        accounts = world(seed)
        size = random.lognormal(4.0, 0.8, COUNT)
        met = random.poisson(size / 8)
        before = random.poisson(size / 20) * 20.0 + 1
        after = size * random.lognormal(0, 0.3, COUNT)
        accounts = accounts.assign(
            before_contact_count=met,
            is_early=random.random(COUNT) < 1 - 0.93**met,
            before_order_amount=before * 90,
            before_daily_amount=before,
            after_daily_amount=after,
        )
        growth = told(accounts).loc["order_growth"]
        found.append(growth)
        alone = pairs(accounts.assign(before_contact_count=0))
        unmatched.append(compared(accounts, alone, draws=50).set_index("measure"))
    by_amount = np.mean([x.loc["order_growth", "difference"] for x in unmatched])
    assert by_amount > 0.1
    assert abs(np.mean([x["difference"] for x in found])) < by_amount / 2
    assert sum(x["verdict"] == "more" for x in found) <= 2
