"""Why a call broke, in words that quote nothing of the request."""

from __future__ import annotations

import http.client
import socket
import ssl

import pytest
from urllib3.exceptions import ProtocolError

from django_dinero.gateways.http.failures import BadReply, reason


def verification_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "4111111111111111")
    error.verify_message = "certificate has expired"
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BadReply("HTTP status 500"), "HTTP status 500"),
        (TimeoutError("4111111111111111"), "timed out"),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (verification_error(), "bad certificate: certificate has expired"),
        (ssl.SSLError(1, "4111111111111111"), "TLS failed: SSLError"),
        (OSError("Tunnel connection failed: 407 No"), "Tunnel connection failed: 407 No"),
        (OSError("4111111111111111"), "OSError"),
        (http.client.RemoteDisconnected(""), "the connection was closed without a reply"),
        (http.client.IncompleteRead(b"4111111111111111"), "the reply was cut off"),
        (http.client.BadStatusLine("4111111111111111"), "this is no HTTP"),
        (ValueError("4111111111111111"), "ValueError"),
        (ProtocolError("4111111111111111", TimeoutError()), "timed out"),
        (ProtocolError("a", ProtocolError("b", ConnectionError(104, "Reset"))), "Reset"),
    ],
)
def test_each_kind_of_error(error: Exception, said: str) -> None:
    assert reason(error) == said


def test_the_cause_of_an_error_counts() -> None:
    error = ValueError("outer")
    error.__cause__ = TimeoutError()
    assert reason(error) == "timed out"


def test_its_context_does_not() -> None:
    error = ValueError("outer")
    error.__context__ = TimeoutError()
    assert reason(error) == "ValueError"


def test_errors_that_wrap_each_other() -> None:
    one, two = ValueError(), KeyError()
    one.__cause__, two.__cause__ = two, one
    assert reason(one) in ("ValueError", "KeyError")
