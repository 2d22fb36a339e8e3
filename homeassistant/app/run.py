"""Starts the bridge as an app of Home Assistant: its broker, its sidebar, its folders.

The Supervisor tells the broker's address and login (``GET /services/mqtt``); what the user wrote into the app's
options goes before. The rest of the configuration is ``espcam-bridge.yaml`` in the app's folder, written at the first
start.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

INGRESS_PORT = 8099
# The Supervisor's own network, from which its ingress proxy comes.
INGRESS_NETWORK = "172.30.32.0/23"
_TIMEOUT_S = 10.0


def broker(options: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, str]:
    """The environment variables for the broker.

    Args:
        options: what the user wrote.
        told: what the Supervisor knows of its MQTT service; empty when there is none.
    """
    found = {
        "HOST": options.get("mqtt_host") or told.get("host"),
        "PORT": options.get("mqtt_port") or told.get("port"),
        "USERNAME": options.get("mqtt_username") or told.get("username"),
        "PASSWORD": options.get("mqtt_password") or told.get("password"),
    }
    if told.get("ssl") and not options.get("mqtt_host"):
        found["TLS__ENABLED"] = "true"
    return {f"ESPCAM_BRIDGE__MQTT__{key}": str(value) for key, value in found.items() if value}


def sidebar() -> dict[str, str]:
    """The environment variables for the page: where the sidebar's proxy finds it, and that it is believed."""
    return {
        "ESPCAM_BRIDGE__HTTP__HOST": "0.0.0.0",  # noqa: S104 - the proxy comes over the Supervisor's network
        "ESPCAM_BRIDGE__HTTP__PORT": str(INGRESS_PORT),
        "ESPCAM_BRIDGE__HTTP__INGRESS": "true",
        "ESPCAM_BRIDGE__HTTP__TRUSTED_PROXIES__0": INGRESS_NETWORK,
    }


def ask_supervisor(address: str, token: str) -> dict[str, Any]:
    """What the Supervisor knows of its MQTT service; empty when there is none."""
    request = urllib.request.Request(  # noqa: S310 - the Supervisor's
        f"{address}/services/mqtt", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - likewise
            told = json.load(answer)
    except urllib.error.HTTPError as error:
        print(f"no MQTT service ({error.code}): install the Mosquitto app, or set mqtt_host", file=sys.stderr)
        return {}
    except (OSError, ValueError) as error:
        print(f"the Supervisor does not answer: {error}", file=sys.stderr)
        return {}
    data = told.get("data") if isinstance(told, dict) else None
    return data if isinstance(data, dict) else {}


def main(environ: Mapping[str, str] = os.environ) -> None:
    """Write a configuration if there is none, then become the bridge."""
    options_file = Path(environ.get("APP_OPTIONS", "/data/options.json"))
    config = Path(environ.get("APP_CONFIG", "/config")) / "espcam-bridge.yaml"
    options = json.loads(options_file.read_text()) if options_file.exists() else {}
    told = {}
    if token := environ.get("SUPERVISOR_TOKEN"):
        told = ask_supervisor(environ.get("SUPERVISOR", "http://supervisor"), token)
    if not config.exists():
        init = [sys.executable, "-m", "bridge", "init", str(config.parent)]
        subprocess.run(init, check=True)  # noqa: S603 - our own program
    program = [sys.executable, "-m", "bridge", "run", "--log-level", str(options.get("log_level", "info"))]
    environment = {**environ, **sidebar(), **broker(options, told)}
    os.execvpe(program[0], [*program, "-c", str(config)], environment)  # noqa: S606 - our own program


if __name__ == "__main__":
    main()
