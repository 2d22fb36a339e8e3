"""Signing in and out: a page for people, and a signed cookie that no script can read."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, session
from werkzeug.exceptions import TooManyRequests

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as AnyResponse

    from bridge.serve.site import Site

_MAX_FORM_BYTES = 4096


def blueprint(site: Site) -> Blueprint:
    """The routes for who signs in and out; every one of them is open to all."""
    routes = Blueprint("sessions", __name__)

    @routes.get("/sign-in")
    def page() -> AnyResponse:
        if not site.gatekeeper.closed:
            return redirect("./", HTTPStatus.SEE_OTHER)
        return _form(_own_path(request.args.get("next", "")))

    @routes.post("/sign-in")
    def sign_in() -> AnyResponse:
        request.max_content_length = _MAX_FORM_BYTES
        asked = _own_path(request.form.get("next", ""))
        username, password = request.form.get("username", "")[:256], request.form.get("password", "")[:1024]
        try:
            account = site.gatekeeper.sign_in(username, password)
        except TooManyRequests as error:
            answer = _form(
                asked, "Too many wrong passwords from here: wait some minutes.", HTTPStatus.TOO_MANY_REQUESTS
            )
            answer.headers.extend(error.get_headers())
            answer.content_type = "text/html; charset=utf-8"
            return answer
        if account is None:
            return _form(asked, "This user name and password do not fit.", HTTPStatus.UNAUTHORIZED)
        session.clear()
        session.permanent = True
        session["role"], session["stamp"] = account.role.value, account.stamp
        return redirect(f".{asked}", HTTPStatus.SEE_OTHER)

    @routes.post("/sign-out")
    def sign_out() -> AnyResponse:
        session.clear()
        return redirect("sign-in", HTTPStatus.SEE_OTHER)

    return routes


def _form(asked: str, problem: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
    return make_response(render_template("sign-in.html", next=asked, problem=problem), status)


def _own_path(path: str) -> str:
    """The page to go to afterwards; only one of ours, whatever somebody wrote into the address."""
    try:
        parts = urlsplit(path)
    except ValueError:
        return "/"
    inside = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if inside and not parts.scheme and not parts.netloc else "/"
