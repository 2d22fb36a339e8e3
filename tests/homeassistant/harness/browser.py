"""Home Assistant's own page in a headless Chromium, signed in as its owner."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.homeassistant.harness.home import HomeAssistant

_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
_FAR_AWAY_MS = 4_102_444_800_000  # the year 2100: the page must not try to renew a token that lasts for years


@contextmanager
def signed_in(home: HomeAssistant, *, width_px: int = 1280, height_px: int = 1100) -> Iterator[Page]:
    """A page of a new browser, for addresses below ``home.url``."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: sudo apt-get install chromium")
    from playwright.sync_api import sync_playwright

    tokens = {
        "access_token": home.token,
        "token_type": "Bearer",
        "refresh_token": "",
        "expires_in": 1800,
        "expires": _FAR_AWAY_MS,
        "hassUrl": home.url,
        "clientId": f"{home.url}/",
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        try:
            context = browser.new_context(viewport={"width": width_px, "height": height_px})
            context.add_init_script(f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(tokens))})")
            yield context.new_page()
        finally:
            browser.close()
