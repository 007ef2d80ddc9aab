"""A Celery worker on Redis with two processes, one of them killed in the middle."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from celery import Celery, current_app

from tests.databases import VENDOR
from tests.integration.tasks.shop import Shop, leaks, wait_until

ALIASES = ["default"] if VENDOR == "sqlite" else ["default", "journal"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.django_db(transaction=True, databases=ALIASES),
]

QUEUE = "payments"


@pytest.fixture
def prefix() -> str:
    """What all keys of this test begin with, so that the server can be shared."""
    return f"dinero-{uuid.uuid4()}-"


@pytest.fixture
def broker(redis_url: str, prefix: str) -> Iterator[redis.Redis]:
    """The server, and a Celery app of the shop's that uses it."""
    before = current_app._get_current_object()
    app = Celery("shop", broker=redis_url, set_as_current=False)
    app.conf.broker_transport_options = {"global_keyprefix": prefix}
    app.set_current()
    client = redis.Redis.from_url(redis_url)
    yield client
    app.close()
    before.set_current()
    for key in client.scan_iter(f"{prefix}*"):
        client.delete(key)
    client.close()


def test_what_a_worker_does_and_what_a_dead_process_leaves(
    open_shop: Callable[..., Shop], broker: redis.Redis, prefix: str, redis_url: str
) -> None:
    shop = open_shop({"ENGINE": "celery", "QUEUE": QUEUE})
    shop.fill()
    messages = [_told(raw) for raw in _listed(broker, prefix)]
    assert {told["headers"]["task"] for told in messages} == {
        f"django_dinero.{job}"
        for job in ("apply_webhook", "push_row", "push_delete", "pull_page", "reconcile")
    }
    assert leaks(repr(messages)) == []
    shop.start(
        *("celery", "-A", "tests.support.workers.celery_app", "worker"),
        *("--queues", QUEUE, "--concurrency", "2", "--pool", "prefork", "--loglevel", "ERROR"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        DINERO_TEST_REDIS=redis_url,
        DINERO_KEY_PREFIX=prefix,
    )
    shop.kill_the_held_one()
    wait_until(shop.is_done, "all is done but what the dead process had")
    wait_until(lambda: not broker.exists(f"{prefix}unacked"), "nothing is left in the queue")
    shop.stop()
    shop.come_to_an_end()
    shop.check()


def _listed(broker: redis.Redis, prefix: str) -> list[bytes]:
    found: Any = broker.lrange(f"{prefix}{QUEUE}", 0, -1)
    return list(found)


def _told(raw: bytes) -> dict[str, Any]:
    """Return a message with its body as text."""
    message: dict[str, Any] = json.loads(raw)
    assert message["content-type"] == "application/json"
    return {**message, "body": base64.b64decode(message["body"]).decode()}
