"""What is logged stays in its own line."""

from __future__ import annotations

import logging
import logging.config
import re
from datetime import timedelta
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import django_dinero
from django_dinero import logs, signals
from django_dinero.logs import Lines, escape, get_logger

FORGED = "1\n2026-11-28 CRITICAL root: all is well\r\x1b[2J\x00\x85\u2028\u202e"


@pytest.mark.parametrize("text", ["", "Zürich", "a\\nb", "日本 •••• 1111"])
def test_what_can_be_printed_stays(text: str) -> None:
    assert escape(text) == text


def test_control_characters_are_written_out() -> None:
    assert escape(FORGED) == (
        "1\\n2026-11-28 CRITICAL root: all is well\\r\\x1b[2J\\x00\\x85\\u2028\\u202e"
    )
    assert escape("\ud800") == "\\ud800"


class Receiver:
    """Whatever its text and its name are."""

    def __str__(self) -> str:
        return FORGED

    __repr__ = __str__


def test_no_argument_makes_a_line_whatever_the_projects_configuration() -> None:
    logger = get_logger("django_dinero.tests")
    stream = StringIO()
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"plain": {"format": "%(levelname)s %(message)s"}},
            "handlers": {
                "own": {"class": "logging.StreamHandler", "stream": stream, "formatter": "plain"}
            },
            "loggers": {
                "django_dinero.tests": {"handlers": ["own"], "propagate": False, "filters": []}
            },
        }
    )
    try:
        logger.error("Took %s, %r, %s and %d.", FORGED, Receiver(), ValueError(FORGED), 7)
        logger.error("Traceback:\n%s", Lines("  File 1\n  File 2"))
    finally:
        logger.handlers.clear()
        logger.propagate = True
    first, *rest = stream.getvalue().split("\n")
    assert first.endswith(" and 7.")
    assert first.count("\\n2026-11-28 CRITICAL") == 3
    assert first.isprintable()
    assert rest == ["ERROR Traceback:", "  File 1", "  File 2", ""]


def test_a_receivers_own_text(caplog: pytest.LogCaptureFixture) -> None:
    def receiver(**kwargs: Any) -> None:
        raise ValueError(FORGED)

    signals.charged.connect(receiver)
    try:
        signals.send(signals.charged, object)
    finally:
        signals.charged.disconnect(receiver)
    (record,) = caplog.records
    first, where, *_rest = record.getMessage().split("\n")
    assert first.isprintable()
    assert first.endswith("\\u2028\\u202e')")
    assert where.startswith("  File ")


def test_every_logger_of_ours_does() -> None:
    """Else somebody adds one that does not."""
    package = Path(django_dinero.__file__).parent
    bare = [
        path.name
        for path in package.rglob("*.py")
        if re.search(r"logging\.getLogger|^import logging", path.read_text(), re.MULTILINE)
    ]
    assert bare == ["logs.py"]


# -- Addresses -------------------------------------------------------------------------------------

ADDRESSES = {
    "GET /api/cards/?number=4111111111111111 HTTP/1.1": "GET /api/cards/?number=[secret] HTTP/1.1",
    "GET /admin/?q=4111+1111+1111+1111&p=2": "GET /admin/?q=[secret]&p=2",
    "GET /admin/?q=4111%201111%201111%201111": "GET /admin/?q=[secret]",
    "GET /admin/?q=4111%25201111%25201111%25201111": "GET /admin/?q=[secret]",
    "GET /admin/?q=%34%31%31%31111111111111": "GET /admin/?q=[secret]",
    "/api/cards/4111-1111-1111-1111/": "/api/cards/[secret]/",
    "/api/?cvv=0417&token=abc&x=1": "/api/?cvv=[secret]&token=[secret]&x=1",
    "cvv=0417&number=4111111111111111": "cvv=[secret]&number=[secret]",
    "/api/transactions/?transaction_id=60012300401&code_of=1": None,
    "/api/?email=a%40example.com&q=two+beers": None,
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_card_numbers_in_addresses_are_masked(address: str) -> None:
    masked = ADDRESSES[address] or address
    handler = logging.Handler()
    handler.addFilter(logs.MaskCardNumbers())
    for args, text in (
        ((address, 200), "%s %s"),
        (({"r": address, "s": 200},), "%(r)s %(s)s"),
        ((), f"{address} 200"),
    ):
        record = logging.LogRecord("x", logging.INFO, "x", 1, text, args, None)
        assert handler.filter(record)
        assert record.getMessage() == f"{masked} 200"
        assert len(record.args or ()) == (2 if args else 0)


class Request:
    headers = (("USER-AGENT", "curl"), ("COOKIE", "sessionid=s3cr3t"))


class Response:
    status, sent, headers = "200 OK", 12, ()


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ('%(s)s "%({X-Forwarded-For}i)s"', '200 "-"'),
        ('%(s)s "%({User-Agent}i)s" %(no such)s', '200 "curl" -'),
        ("%(m)s %(U)s?%(q)s", "GET /api/?cvv=[secret]&number=[secret]"),
        ("%(r)s", "GET /api/?cvv=[secret]&number=[secret] HTTP/1.1"),
    ],
)
def test_the_access_log_of_gunicorn_keeps_its_own_rules(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str, line: str
) -> None:
    glogging = pytest.importorskip("gunicorn.glogging")
    config = pytest.importorskip("gunicorn.config").Config()
    config.set("accesslog", "-")
    config.set("access_log_format", form)
    query = "cvv=123&number=4111111111111111"
    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": f"/api/?{query}",
        "PATH_INFO": "/api/",
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    stream, masked = StringIO(), logs.MaskCardNumbers()
    server = glogging.Logger(config)
    monkeypatch.setattr(server.access_log, "handlers", [logging.StreamHandler(stream)])
    monkeypatch.setattr(server.access_log, "filters", [masked])
    monkeypatch.setattr(server.error_log, "handlers", [])
    server.access(Response, Request, environ, timedelta(seconds=1))
    assert (stream.getvalue(), capsys.readouterr().err) == (f"{line}\n", "")


def test_fields_that_nobody_can_change_are_masked() -> None:
    fields = MappingProxyType({"r": "GET /?cvv=123"})
    record = logging.LogRecord("x", logging.INFO, "x", 1, "%(r)s", (fields,), None)
    assert logs.MaskCardNumbers().filter(record)
    assert (record.getMessage(), fields["r"]) == ("GET /?cvv=[secret]", "GET /?cvv=123")


def test_loggers_keep_their_handlers_and_get_the_filter_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loggers = [logging.getLogger(name) for name in (*logs.ACCESS_LOGGERS, "tests.another.server")]
    handlers = [logger.handlers[:] for logger in loggers]
    for logger in loggers:
        monkeypatch.setattr(logger, "filters", [])
    for _again in range(2):
        logs.mask_access_logs("tests.another.server")
    assert [logger.handlers for logger in loggers] == handlers
    assert [[type(each) for each in logger.filters] for logger in loggers] == [
        [logs.MaskCardNumbers]
    ] * len(loggers)
