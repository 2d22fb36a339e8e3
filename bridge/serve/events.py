"""Routes for what happened before: past events as JSON, their pictures, exports of all of them."""

from __future__ import annotations

import errno
import hashlib
import itertools
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest, NotFound, ServiceUnavailable

from bridge.errors import HistoryError
from bridge.model import PictureKind
from bridge.serve import eventforms
from bridge.serve.eventquery import FILTERS, PAGING, is_event_id, parse_query, parse_timeline
from bridge.serve.listener import MORE_TIME
from bridge.serve.seats import Seats
from bridge.serve.times import iso_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bridge.model import Event, EventPage, EventQuery
    from bridge.serve.site import PastEvents, Site

    _Form: TypeAlias = Callable[[Iterable[Event]], Iterator[bytes]]

log = logging.getLogger(__name__)

# An export may take minutes, and with it one of the server's eight threads: two leave six for everybody else.
MAX_EXPORTS = 2
_RETRY_AFTER_S = 10

# The picture of an event that lasts may still get better; once it ended, nothing changes any more.
_OPEN_AGE_S = 5
_ENDED_AGE_S = 7 * 86_400


def blueprint(site: Site) -> Blueprint:
    """The routes under ``/api/events``; each answers 503 while no history is kept."""
    routes = Blueprint("events", __name__, url_prefix="/api")
    exports = Seats(MAX_EXPORTS)

    @routes.get("/events")
    def some() -> Response:
        page = _page(_past(site), _query(FILTERS + PAGING))
        return jsonify(events=[eventforms.event_json(event) for event in page.events], next_cursor=page.next_cursor)

    @routes.get("/events/timeline")
    def timeline() -> Response:
        past = _past(site)
        try:
            spans = parse_timeline(request.args.to_dict(flat=False), site.clock.unix_s(), past.first_unix_s)
        except ValueError as error:
            raise BadRequest(str(error)) from None
        return jsonify(
            since=iso_time(spans[0].since_unix_s),
            until=iso_time(spans[-1].until_unix_s),
            counts=[past.count(span) for span in spans],
        )

    @routes.get("/events/<event_id>")
    def one(event_id: str) -> Response:
        return jsonify(eventforms.event_json(_event(_past(site), event_id)))

    @routes.get("/events/<event_id>/thumbnail.jpg")
    def thumbnail(event_id: str) -> Response:
        return _picture(_past(site), event_id, PictureKind.THUMBNAIL)

    @routes.get("/events/<event_id>/snapshot.jpg")
    def snapshot(event_id: str) -> Response:
        return _picture(_past(site), event_id, PictureKind.SNAPSHOT)

    @routes.get("/events.csv")
    def as_csv() -> Response:
        return _export(site, exports, "csv", "text/csv; charset=utf-8; header=present", eventforms.csv_chunks)

    @routes.get("/events.json")
    def as_json() -> Response:
        return _export(site, exports, "json", "application/json", eventforms.json_chunks)

    return routes


def _past(site: Site) -> PastEvents:
    if site.events is None:
        raise ServiceUnavailable("no history is kept; set history.enabled: true to keep past events")
    return site.events


def _query(allowed: Sequence[str]) -> EventQuery:
    try:
        return parse_query(request.args.to_dict(flat=False), allowed)
    except ValueError as error:
        raise BadRequest(str(error)) from None


def _page(past: PastEvents, query: EventQuery) -> EventPage:
    try:
        return past.page(query)
    except ValueError as error:
        if query.cursor is None:
            raise
        detail = (
            f"cursor: {query.cursor!r:.60} is none of ours ({error}); allowed is the next_cursor of the page before"
        )
        raise BadRequest(detail) from None


def _event(past: PastEvents, event_id: str) -> Event:
    event = past.get(event_id) if is_event_id(event_id) else None
    if event is None:
        raise NotFound(f"there is no event {event_id!r:.60}; GET /api/events lists them")
    return event


def _picture(past: PastEvents, event_id: str, kind: PictureKind) -> Response:
    # The event first: when it has ended by now, the picture that is read after it is the last one.
    event = _event(past, event_id)
    jpeg = past.picture(event_id, kind)
    if jpeg is None:
        raise NotFound(f"the event {event_id!r} has no {kind.value}")
    response = Response(jpeg, content_type="image/jpeg")
    response.cache_control.private = True
    response.cache_control.max_age = _OPEN_AGE_S if event.end_unix_s is None else _ENDED_AGE_S
    response.set_etag(hashlib.blake2b(jpeg, digest_size=16).hexdigest())
    response.make_conditional(request)
    return response


def _export(site: Site, exports: Seats, suffix: str, content_type: str, form: _Form) -> Response:
    events = _past(site).stream(_query(FILTERS))
    # While nothing is sent yet, a history that cannot be read is still an answer.
    first = list(itertools.islice(events, 1))
    if not exports.take():
        raise ServiceUnavailable(f"{exports.limit} exports are under way; try again soon", retry_after=_RETRY_AFTER_S)
    chunks = form(itertools.chain(first, events))
    response = Response(_whole_or_broken(chunks, request.environ[MORE_TIME]), content_type=content_type)
    response.call_on_close(exports.give_back)
    today = datetime.fromtimestamp(site.clock.unix_s(), UTC)
    response.headers.set("Content-Disposition", "attachment", filename=f"espcam-events-{today:%Y-%m-%d}.{suffix}")
    return response


def _whole_or_broken(chunks: Iterator[bytes], more_time: Callable[[], None]) -> Iterator[bytes]:
    """The chunks; a history that breaks off takes the connection with it, so that nothing looks complete."""
    try:
        for chunk in chunks:
            more_time()
            yield chunk
    except HistoryError as error:
        log.warning("An export broke off: %s", error)
        raise ConnectionAbortedError(errno.ECONNABORTED, str(error)) from error
