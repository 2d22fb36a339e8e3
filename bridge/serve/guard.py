"""What every request that changes something must pass: it is from our own page or a program, and its body is JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import request
from werkzeug.exceptions import BadRequest, Forbidden, UnsupportedMediaType

from bridge.serve.origin import host_of, is_foreign

if TYPE_CHECKING:
    from bridge.serve.site import Site

_MAX_BODY_BYTES = 4096


def refuse_other_sites(site: Site) -> None:
    """Refuse what another site's page sends with this browser's login.

    Raises:
        Forbidden: it does.
    """
    hosts = {request.host, host_of(site.settings.public_url or "")}
    if is_foreign(request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin"), hosts):
        raise Forbidden("this came from another site's page; only the bridge's own page and programs may change things")


def json_body(expected: str) -> Any:  # noqa: ANN401 - whatever JSON can say
    """The request's body.

    Args:
        expected: what to send instead, for the error's text.

    Raises:
        HTTPException: it is no JSON, or too long.
    """
    # A form of another site's page can send neither this type nor the method, not even where no header tells of it.
    if request.mimetype != "application/json":
        raise UnsupportedMediaType(f"Content-Type must be application/json; {expected}")
    request.max_content_length = _MAX_BODY_BYTES
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise BadRequest(f"the body is no JSON; {expected}") from None
