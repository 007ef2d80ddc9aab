"""How a fault run is divided among shops."""

from __future__ import annotations

from itertools import product

import pytest

from tests.faults.shops import SIZE, Semantics, shops, vendors

ALL = ("sqlite", "postgresql", "mariadb")


def test_one_shop_has_the_runs_own_seed() -> None:
    (shop,) = shops(130, 40, ("sqlite",))
    assert (shop.seed, shop.operations, shop.vendor) == (130, 40, "sqlite")


@pytest.mark.parametrize(("operations", "databases"), [(1, ALL), (40, ALL), (1700, ALL[:2])])
def test_all_verbs_are_given_to_shops(operations: int, databases: tuple[str, ...]) -> None:
    found = list(shops(7, operations, databases))
    assert sum(shop.operations for shop in found) == operations
    assert all(0 < shop.operations <= SIZE for shop in found)
    assert len({shop.seed for shop in found}) == len(found)


def test_a_full_run_has_each_sort_of_shop() -> None:
    found = {(s.vendor, s.semantics, s.atomic) for s in shops(7, 10_000, ALL)}
    assert found == set(product(ALL, Semantics, (False, True)))


def test_a_seed_has_one_division() -> None:
    assert list(shops(7, 3000, ALL)) == list(shops(7, 3000, ALL)) != list(shops(8, 3000, ALL))


def test_on_sqlite_nobody_is_stopped_in_a_views_transaction() -> None:
    for shop in shops(7, 10_000, ALL):
        assert shop.may_hold_writers != (shop.atomic and shop.vendor == "sqlite")


def test_the_environment_chooses_the_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DINERO_TEST_DB", "mariadb")
    assert vendors() == ("mariadb",)
    monkeypatch.delenv("DINERO_TEST_DB")
    monkeypatch.setenv("DINERO_TEST_POSTGRES_URL", "postgresql://somewhere/")
    monkeypatch.delenv("DINERO_TEST_MARIADB_URL", raising=False)
    assert vendors() == ("sqlite", "postgresql")
