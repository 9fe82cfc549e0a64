"""Login of browsers (a cookie for a token) and of Slicer (the token in place of a password)."""

import html
import re
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from monailabel_app.lib.errors import LOGIN_PAGE, HttpError
from monailabel_app.lib.login.auth import COOKIE, SESSION_SECONDS
from monailabel_app.lib.server.routes import Anyone, TheLogin, Viewer

router = APIRouter(tags=["Auth"])

LOCAL_PAGE = re.compile(r"/(?:ohif|annotate)/(?!.*\.\.)[A-Za-z0-9/_.?=&-]*")
"""Where a login may lead: nowhere else, so that no link leads a person from here to another site."""

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>mammoseg</title>
<body><h1>mammoseg</h1><p>{message}</p>
<form method="post" action="/login"><input type="hidden" name="next" value="{next}">
<label>Token <input type="password" name="token" autocomplete="current-password" required autofocus></label>
<button>Log in</button></form><form method="post" action="/logout"><button>Log out</button></form></body></html>"""


@router.get(LOGIN_PAGE, summary="Page that asks for a token")
def answer_login_page(person: Anyone, next: str = "/ohif/") -> HTMLResponse:
    """Answer the page that asks for a token."""
    return _answer_page(next, "Enter the token that you were given.")


@router.post(LOGIN_PAGE, summary="Start a browser session")
def log_in(
    person: Anyone,
    login: TheLogin,
    request: Request,
    token: Annotated[str, Form(max_length=8192)],
    next: Annotated[str, Form()] = "/ohif/",
) -> Response:
    """Set the cookie of a new session and lead to the viewer, or answer the page with what is wrong."""
    try:
        secret = login.open_session(token.strip(), request.state.address)
    except HttpError as error:
        return _answer_page(
            next, "This token is not valid." if error.status_code == 401 else str(error.detail), error.status_code
        )
    response = RedirectResponse(next if LOCAL_PAGE.fullmatch(next) else "/ohif/", 303)
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(SESSION_SECONDS),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/logout", summary="End a browser session")
def log_out(person: Anyone, login: TheLogin, request: Request) -> Response:
    """End the session, delete its cookie and lead to the login."""
    login.close_session(request.cookies.get(COOKIE, ""))
    response = RedirectResponse(LOGIN_PAGE, 303)
    response.delete_cookie(COOKIE)
    return response


@router.get("/auth/", summary="Whether a login is needed")
def answer_auth_enabled(person: Anyone, login: TheLogin) -> dict[str, Any]:
    """Answer whether a login is needed, and the OpenID issuer and audience, empty without one."""
    issuer, audience = (login.oidc.issuer, login.oidc.audience) if login.oidc else ("", "")
    return {"enabled": login.enabled, "client_id": audience, "realm": issuer}


@router.post("/auth/token", summary="A token for a password, which is the token itself")
def answer_access_token(
    person: Anyone,
    login: TheLogin,
    request: Request,
    password: Annotated[str, Form(max_length=8192)],
    username: Annotated[str, Form()] = "",
) -> dict[str, str]:
    """Answer the password itself as the bearer token, once it is found valid."""
    if login.enabled:
        login.require_person(password, request.state.address)
    return {"access_token": password, "token_type": "bearer"}


@router.get("/auth/token/valid", summary="Whose token this is")
def answer_valid_token(person: Viewer) -> dict[str, Any]:
    """Answer the name and the roles of the person whose token was sent."""
    return {"username": person.name, "roles": sorted(role.value for role in person.roles)}


def _answer_page(next: str, message: str, status: int = 200) -> HTMLResponse:
    target = next if LOCAL_PAGE.fullmatch(next) else "/ohif/"
    return HTMLResponse(PAGE.format(message=html.escape(message), next=html.escape(target)), status)
