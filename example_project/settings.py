"""Settings of the example project; what a deployment would change is read from the environment."""

from __future__ import annotations

import contextlib
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import django

BASE_DIR = Path(__file__).resolve().parent.parent
#: Databases and bank files of the demonstration: made by the commands, ignored by git.
VAR_DIR = Path(os.environ.get("EXAMPLE_VAR", BASE_DIR / "var"))
with contextlib.suppress(OSError):  # a checkout that cannot be written is good for the demo
    VAR_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = os.environ.get("DEBUG", "1").lower() in ("1", "true", "yes", "on")
SECRET_KEY = os.environ.get("SECRET_KEY", "the example project guards nothing")
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost").split(",")

ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
LANGUAGE_CODE = "en"
# What the app speaks. The browser's own language is taken.
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español"), ("fr", "Français")]
TIME_ZONE = "UTC"
USE_TZ = True
LOGIN_URL = "shop:sign-in"
LOGIN_REDIRECT_URL = "shop:shelf"
# Receipts are read in a folder.
IN_FILES, MAIL_DIR = "django.core.mail.backends.filebased.EmailBackend", str(VAR_DIR / "mail")
if DEBUG and django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": IN_FILES, "OPTIONS": {"file_path": MAIL_DIR}}}
elif DEBUG:
    EMAIL_BACKEND, EMAIL_FILE_PATH = IN_FILES, MAIL_DIR
DEFAULT_FROM_EMAIL = "Harbour Tea <shop@example.com>"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_dinero",
    "example_project.demo",
    # The schema of the API and its page: there where `make serve` or a developer installs them.
    *(name for name in ("drf_spectacular", "drf_spectacular_sidecar") if find_spec(name)),
    "example_project.shop",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "example_project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("EXAMPLE_DATABASE", VAR_DIR / "example.sqlite3"),
        # SQLite has one writer. A block that reads first and writes later fails at once when
        # another one wrote in between, whatever the timeout; IMMEDIATE makes it wait its turn.
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
        "rest_framework.authentication.BasicAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}
# The page's scripts and styles come from this server, and from no other.
SPECTACULAR_SETTINGS = {"SWAGGER_UI_DIST": "SIDECAR", "SWAGGER_UI_FAVICON_HREF": "SIDECAR"}

#: Seconds, for a demonstration that cannot wait minutes until a killed worker counts as dead.
QUICK: dict[str, Any] = {}
if "EXAMPLE_QUICK" in os.environ:
    QUICK = {"deadline": 2, "lease_seconds": 4, "quarantine_seconds": 4}

AUTHORIZENET = "django_dinero.gateways.authorizenet.AuthorizeNetGateway"
GATEWAYS: dict[str, dict[str, Any]] = {
    # The real Authorize.Net client, talking to `manage.py dinero_sandbox` on this machine.
    "authorizenet": {
        "BACKEND": AUTHORIZENET,
        "OPTIONS": {
            "endpoint": os.environ.get(
                "DINERO_SANDBOX_ENDPOINT", "http://127.0.0.1:8765/xml/v1/request.api"
            ),
            "login_id": os.environ.get("DINERO_SANDBOX_LOGIN_ID", "sandbox-login"),
            "transaction_key": os.environ.get("DINERO_SANDBOX_TRANSACTION_KEY", "sandbox-key"),
            "signature_key": os.environ.get("DINERO_SANDBOX_SIGNATURE_KEY", "5A4B" * 32),
            "client_key": os.environ.get("DINERO_SANDBOX_CLIENT_KEY", "sandbox-client-key"),
            **QUICK,
        },
    },
}
# A test bank inside this process, its books in a file: nothing to install, nothing to start. It
# refuses to be a gateway in production.
if DEBUG:
    GATEWAYS["default"] = {
        "BACKEND": "django_dinero.gateways.sandbox.SandboxGateway",
        "OPTIONS": {"store": os.environ.get("EXAMPLE_STORE", str(VAR_DIR / "sandbox.sqlite3"))},
    }
# An account of your own, at Authorize.Net itself. AUTHORIZENET_ENVIRONMENT=sandbox is its test
# system; without it real money moves.
if "AUTHORIZENET_LOGIN_ID" in os.environ:
    GATEWAYS["production"] = {
        "BACKEND": AUTHORIZENET,
        "OPTIONS": {
            "environment": os.environ.get("AUTHORIZENET_ENVIRONMENT", "production"),
            "login_id": os.environ["AUTHORIZENET_LOGIN_ID"],
            "transaction_key": os.environ["AUTHORIZENET_TRANSACTION_KEY"],
            "signature_key": os.environ["AUTHORIZENET_SIGNATURE_KEY"],
        },
    }
    if "AUTHORIZENET_CLIENT_KEY" in os.environ:  # for the shop's page
        GATEWAYS["production"]["OPTIONS"]["client_key"] = os.environ["AUTHORIZENET_CLIENT_KEY"]
DINERO = {
    "GATEWAYS": GATEWAYS,
    # Test numbers, typed into curl. A shop takes tokens.
    "API_ACCEPTS_RAW_CARDS": DEBUG,
    "API_BROWSABLE": DEBUG,
}
#: Where the shop's customers have their cards. Only the bank in the process asks for confirmations.
SHOP_GATEWAY = os.environ.get("SHOP_GATEWAY", "default" if DEBUG else "authorizenet")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {
        # The demonstration kills a worker on purpose: what is logged of it would break its table.
        "django_dinero": {"handlers": ["console"], "level": "ERROR" if QUICK else "WARNING"}
    },
}
