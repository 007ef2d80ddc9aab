"""What a pool's connections trust, and how many it keeps."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

from django_dinero.gateways.http import pool as http_pool
from django_dinero.gateways.http.client import HttpClient
from django_dinero.gateways.http.pool import open_pool, tls_context


def test_tls_is_verified_and_modern() -> None:
    context = tls_context(None)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert len(context.get_ca_certs()) > 50


def test_the_usual_authorities_are_read_once_for_all_gateways() -> None:
    assert http_pool.usual_tls_context() is http_pool.usual_tls_context()
    assert http_pool.usual_tls_context().verify_mode is ssl.CERT_REQUIRED
    one, other = (HttpClient(f"https://{host}.invalid/") for host in "ab")
    one._connections()
    other._connections()
    assert one._context is other._context is http_pool.usual_tls_context()


def test_a_bundle_replaces_the_usual_authorities(tmp_path: Path) -> None:
    trustme.CA(organization_name="Ours").cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (found,) = tls_context(str(tmp_path / "ca.pem")).get_ca_certs()
    assert "Ours" in repr(found["subject"])
    # The certificates of a folder are read when they are needed.
    assert tls_context(str(tmp_path)).get_ca_certs() == []


def test_a_pool_never_waits_for_a_free_connection() -> None:
    pool = open_pool("http://localhost:1/", context=None, proxy=None, size=3)
    assert not pool.block
    assert pool.pool is not None
    assert pool.pool.maxsize == 3
    assert pool.ConnectionCls is http_pool._Plain
