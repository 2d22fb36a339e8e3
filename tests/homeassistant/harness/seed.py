"""A configuration folder as Home Assistant leaves it behind when somebody has set it up, logged in and added MQTT."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_TOKEN_LIFE_S = 10 * 365 * 86_400


def seed(config_dir: Path, *, mqtt_port: int) -> str:
    """Write the files that its first-run pages and the MQTT integration's form would write.

    Args:
        config_dir: gets a folder ``.storage``.
        mqtt_port: of the broker on 127.0.0.1.

    Returns:
        A long-lived access token of the owner.
    """
    now, user_id, token_id, key = (
        datetime.now(UTC).isoformat(), secrets.token_hex(16), secrets.token_hex(16), secrets.token_hex(64),
    )  # fmt: skip
    storage = config_dir / ".storage"
    storage.mkdir(parents=True, exist_ok=True)
    files = {
        ("auth", 1, 1): _auth(now, user_id, token_id, key),
        ("onboarding", 4, 1): {"done": ["user", "core_config", "analytics", "integration"]},
        ("core.analytics", 1, 1): {"onboarded": True, "preferences": {}, "uuid": None},
        ("core.config_entries", 1, 5): {"entries": [_mqtt_entry(now, mqtt_port)]},
    }
    for (name, version, minor_version), data in files.items():
        content = {"version": version, "minor_version": minor_version, "key": name, "data": data}
        (storage / name).write_text(json.dumps(content))
    return _signed_token(token_id, key)


def _auth(now: str, user_id: str, token_id: str, key: str) -> dict[str, Any]:
    owner = {
        "id": user_id,
        "group_ids": ["system-admin"],
        "is_owner": True,
        "is_active": True,
        "name": "owner",
        "system_generated": False,
        "local_only": False,
    }
    token = {
        "id": token_id,
        "user_id": user_id,
        "client_id": None,
        "client_name": "tests",
        "client_icon": None,
        "token_type": "long_lived_access_token",
        "created_at": now,
        "access_token_expiration": float(_TOKEN_LIFE_S),
        "token": secrets.token_hex(64),
        "jwt_key": key,
        "last_used_at": None,
        "last_used_ip": None,
        "expire_at": None,
        "credential_id": None,
        "version": "0",
    }
    groups = {"system-admin": "Administrators", "system-users": "Users", "system-read-only": "Read Only"}
    return {
        "users": [owner],
        "groups": [{"id": group_id, "name": name} for group_id, name in groups.items()],
        "credentials": [],
        "refresh_tokens": [token],
    }


def _mqtt_entry(now: str, mqtt_port: int) -> dict[str, Any]:
    return {
        "created_at": now,
        "modified_at": now,
        "data": {"broker": "127.0.0.1", "port": mqtt_port},
        "disabled_by": None,
        "discovery_keys": {},
        "domain": "mqtt",
        "entry_id": secrets.token_hex(16),
        "minor_version": 2,
        "options": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "subentries": [],
        "title": "Broker",
        "unique_id": None,
        "version": 1,
    }


def _signed_token(token_id: str, key: str) -> str:
    """A JSON Web Token (HS256) that names the token in the file ``auth``."""
    now_s = int(time.time())
    parts = ({"alg": "HS256", "typ": "JWT"}, {"iss": token_id, "iat": now_s, "exp": now_s + _TOKEN_LIFE_S})
    text = ".".join(_base64(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_base64(hmac.digest(key.encode(), text.encode(), hashlib.sha256))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
