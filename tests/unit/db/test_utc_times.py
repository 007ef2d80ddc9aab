"""Times of ours are in UTC and aware, whatever the project's settings say."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db.models import F

from django_dinero.db.fields import UtcDateTimeField, UtcIn, UtcNow
from django_dinero.models import Customer, Operation
from django_dinero.testing.factories import OperationFactory

pytestmark = pytest.mark.django_db

MOMENT = datetime.datetime(2026, 7, 1, 10, 30, 0, 250000, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland"]


@pytest.fixture(params=[(use, zone) for use in (True, False) for zone in ZONES], ids=str)
def zoned(request: pytest.FixtureRequest, settings: Any) -> str:
    """The project's settings; returns its time zone."""
    settings.USE_TZ, settings.TIME_ZONE = request.param
    return str(settings.TIME_ZONE)


def aware_in_utc(moment: datetime.datetime | None) -> bool:
    return moment is not None and moment.tzinfo is datetime.UTC


def test_what_is_written_is_read_in_utc(zoned: str) -> None:
    operation = OperationFactory(sent_at=MOMENT.astimezone(datetime.timezone(2 * HOUR)))
    operation.refresh_from_db()
    assert operation.sent_at == MOMENT
    assert aware_in_utc(operation.sent_at)
    assert aware_in_utc(operation.created_at)


def test_a_time_is_found_by_the_same_moment_in_any_zone(zoned: str) -> None:
    OperationFactory(sent_at=MOMENT)
    rows = Operation.objects.all()
    elsewhere = MOMENT.astimezone(datetime.timezone(-5 * HOUR))
    assert rows.filter(sent_at=elsewhere).count() == 1
    assert rows.filter(sent_at__gte=elsewhere, sent_at__lt=elsewhere + HOUR).count() == 1
    assert rows.filter(sent_at__in=[elsewhere]).count() == 1
    assert not rows.filter(sent_at__lt=elsewhere).exists()


def test_the_databases_clock_is_compared_with_what_is_stored(zoned: str) -> None:
    now = datetime.datetime.now(datetime.UTC)
    OperationFactory(sent_at=now - HOUR, lease_until=now + HOUR)
    rows = Operation.objects.filter(sent_at__lt=UtcNow(), lease_until__gt=UtcNow())
    assert rows.count() == 1
    told = rows.values_list(UtcNow(), flat=True).get()
    assert aware_in_utc(told)
    assert abs(told - now) < HOUR / 60


def test_what_the_database_adds_up_is_what_is_stored(zoned: str) -> None:
    OperationFactory(sent_at=MOMENT)
    Operation.objects.update(
        lease_until=F("sent_at") + HOUR,
        next_check_at=UtcNow() + HOUR,
        quarantine_until=UtcIn(HOUR),
    )
    operation = Operation.objects.get()
    assert operation.lease_until == MOMENT + HOUR
    for later in (operation.next_check_at, operation.quarantine_until):
        assert later is not None
        left = later - datetime.datetime.now(datetime.UTC)
        assert HOUR * 0.9 < left < HOUR * 1.1


def test_so_long_from_now_is_compared_with_what_is_stored(zoned: str) -> None:
    OperationFactory(sent_at=datetime.datetime.now(datetime.UTC) - HOUR)
    rows = Operation.objects.all()
    assert rows.filter(sent_at__gt=UtcIn(-1.5 * HOUR)).count() == 1
    assert rows.filter(sent_at__gt=UtcIn(-0.5 * HOUR)).count() == 0
    OperationFactory(lease_until=UtcIn(datetime.timedelta(milliseconds=1500)))
    left = Operation.objects.get(lease_until__isnull=False).lease_until
    assert left is not None
    assert left - datetime.datetime.now(datetime.UTC) < datetime.timedelta(seconds=1.5)


def test_a_row_gets_its_times_in_utc(zoned: str) -> None:
    before = datetime.datetime.now(datetime.UTC)
    customer = Customer(email="ada@example.com", sync_state="synced")
    customer.save()
    stored = Customer.objects.get()
    for row in (customer, stored):
        assert aware_in_utc(row.created_at)
        assert before <= row.created_at < before + HOUR
    created = stored.created_at
    stored.save()
    stored.refresh_from_db()
    assert stored.created_at == created
    assert stored.updated_at > created


@pytest.mark.parametrize("zone", ZONES)
def test_a_time_without_a_zone_is_the_projects_local_time(zone: str, settings: Any) -> None:
    settings.USE_TZ, settings.TIME_ZONE = False, zone
    field: Any = UtcDateTimeField()
    found = field.get_prep_value("2026-07-01 10:30:00")
    offsets = {"UTC": 0, "Europe/Berlin": 2, "America/New_York": -4, "Pacific/Auckland": 12}
    assert (
        found == datetime.datetime(2026, 7, 1, 10, 30, tzinfo=datetime.UTC) - offsets[zone] * HOUR
    )


def test_nothing_stays_nothing(zoned: str) -> None:
    operation = OperationFactory(sent_at=None)
    operation.refresh_from_db()
    assert operation.sent_at is None
