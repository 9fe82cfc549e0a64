"""Tokens of an issuer, tokens of the file, and sessions of browsers: what is valid opens, all else is 401."""

import base64
import hashlib
import hmac
import html
import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mammoseg.errors import MammosegError, WrongCallError
from monailabel_app.lib.login import oidc, sessions
from monailabel_app.lib.login.tokens import TokenFile, make_token, revoke_tokens
from monailabel_app.lib.settings import ServerSettings
from tests.label.fake_app import IMAGE
from tests.label.made_issuer import AUDIENCE, running_issuer

OTHER_KEY = rsa.generate_private_key(65537, 2048)


@pytest.fixture
def issuer():
    with running_issuer() as running:
        yield running


@pytest.fixture
def client(serve, issuer):
    return serve(oidc_issuer=issuer.url, oidc_audience=AUDIENCE)


def status(client, token, path="/info/"):
    return client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code


def unsigned(issuer, alg):
    def part(content):
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    claims = {"iss": issuer.url, "aud": AUDIENCE, "sub": "x", "exp": time.time() + 600, "roles": ["admin"]}
    return f"{part({'alg': alg, 'typ': 'JWT', 'kid': 'first'})}.{part(claims)}."


def signed_with_the_public_key(issuer):
    begin = unsigned(issuer, "HS256").rstrip(".")
    signature = hmac.digest(issuer.public_pem(), begin.encode(), hashlib.sha256)
    return f"{begin}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_a_valid_token_opens_and_names_its_person(client, issuer):
    answer = client.get("/auth/token/valid", headers={"Authorization": f"Bearer {issuer.token()}"})
    assert answer.json() == {"username": "ada", "roles": ["annotator"]}


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": time.time() - 3600},
        {"exp": None},
        {"iss": "http://127.0.0.1:1"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"sub": None},
        {"nbf": time.time() + 3600},
        {"key": OTHER_KEY},
        {"key": "x" * 64, "alg": "HS256"},
        {"alg": "RS512"},
        {"alg": "PS256"},
    ],
    ids=str,
)
def test_a_token_with_one_thing_wrong_is_401(client, issuer, changed):
    assert status(client, issuer.token()) == 200
    assert status(client, issuer.token(**changed)) == 401


def test_tokens_without_signature_or_signed_with_the_public_key_are_401(client, issuer):
    for token in (unsigned(issuer, "none"), unsigned(issuer, "None"), signed_with_the_public_key(issuer)):
        assert status(client, token) == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "x" * 10_000, "mammoseg_" + "A" * 43, "ä".encode()])
def test_what_is_no_token_is_401(client, token):
    header = token if isinstance(token, bytes) else token.encode()
    answer = client.get("/info/", headers={"Authorization": b"Bearer " + header})
    assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"


def test_a_token_just_expired_passes_within_the_leeway_of_clocks(client, issuer):
    assert status(client, issuer.token(exp=time.time() - 5)) == 200


def test_a_role_that_the_issuer_does_not_give_is_403(client, issuer):
    token = issuer.token(roles=["viewer"])
    assert status(client, token) == 200
    assert client.post("/train/unet", headers={"Authorization": f"Bearer {token}"}).status_code == 403
    assert status(client, issuer.token(roles=[])) == status(client, issuer.token(roles=None)) == 403
    assert status(client, issuer.token(roles="admin")) == 403


def test_roles_stand_where_the_issuer_keeps_them(serve, issuer):
    places = {"oidc_roles_claim": "realm_access.roles", "oidc_role_prefix": "lab-", "oidc_name_claim": "mail"}
    client = serve(oidc_issuer=issuer.url, oidc_audience=AUDIENCE, **places)
    token = issuer.token(realm_access={"roles": ["lab-trainer", "admin"]}, mail="ada@lab")
    answer = client.get("/auth/token/valid", headers={"Authorization": f"Bearer {token}"})
    assert answer.json() == {"username": "ada@lab", "roles": ["trainer"]}


def test_a_new_key_is_fetched_and_a_flood_of_unknown_keys_is_not(client, issuer, monkeypatch):
    assert status(client, issuer.token()) == 200
    issuer.keys["next"] = OTHER_KEY
    for _ in range(5):
        assert status(client, issuer.token(kid="next")) == 401
    assert issuer.fetched == 1
    monkeypatch.setattr(oidc, "RETRY_SECONDS", 0.0)
    assert status(client, issuer.token(kid="next")) == 200
    assert issuer.fetched == 2


def test_keys_that_are_too_short_are_not_taken(client, issuer):
    issuer.add_key("short", 1024)
    assert status(client, issuer.token(kid="short")) == 401


def test_an_issuer_that_is_away_is_503_and_one_that_names_another_too(client, issuer):
    issuer.document = {"issuer": "https://elsewhere", "jwks_uri": f"{issuer.url}/keys"}
    assert status(client, issuer.token()) == 503


@pytest.mark.parametrize(
    "conf, reason",
    [
        ({"oidc_issuer": "http://login.example"}, "go together"),
        ({"oidc_issuer": "http://login.example", "oidc_audience": "x"}, "no https"),
        ({"cors": "https://a/b"}, "no origin"),
        ({"max_requests": "0"}, "max_requests is '0'"),
    ],
)
def test_settings_that_would_open_the_door_stop_the_start(conf, reason):
    with pytest.raises(WrongCallError, match=reason):
        ServerSettings.from_conf(conf)


def test_a_token_of_the_file_opens_until_it_is_revoked_without_a_restart(serve, tmp_path):
    path = tmp_path / "state" / "tokens.json"
    first, second = make_token(path, name="Ada", role="viewer"), make_token(path, name="Bo", role="annotator,trainer")
    client = serve()
    assert status(client, first) == status(client, second) == 200
    assert revoke_tokens(path, name="Ada") == 1
    assert (status(client, first), status(client, second)) == (401, 200)
    revoke_tokens(path, name="Bo")
    assert client.get("/info/").status_code == 401, "with the last token the login went, too"


def test_the_file_holds_no_token_and_is_for_its_owner(tmp_path):
    path = tmp_path / "tokens.json"
    token = make_token(path, name="Ada", role="viewer")
    assert token not in path.read_text() and path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(MammosegError, match="chmod 600"):
        TokenFile(path)


def test_a_file_that_is_none_of_tokens_stops_the_start(tmp_path):
    path = tmp_path / "tokens.json"
    path.write_text("{}")
    path.chmod(0o600)
    with pytest.raises(MammosegError, match="no file of tokens"):
        TokenFile(path)


def test_a_token_made_while_the_server_runs_closes_the_open_door(serve, tmp_path):
    client = serve()
    assert client.get("/info/").status_code == 200
    make_token(tmp_path / "state" / "tokens.json", name="Ada", role="viewer")
    assert client.get("/info/").status_code == 401


@pytest.mark.parametrize("role", ["root", "viewer,root", ""])
def test_an_unknown_role_is_refused(tmp_path, role):
    with pytest.raises(WrongCallError, match="unknown role"):
        make_token(tmp_path / "tokens.json", name="Ada", role=role)


def test_a_browser_logs_in_with_a_token_and_out_again(serve, token):
    secret = token("annotator")["Authorization"].split()[1]
    client = serve()
    asked = "/ohif/viewer?StudyInstanceUIDs=1.2.3&hangingProtocolId=default"
    page = client.get(asked, headers={"Accept": "text/html"}, follow_redirects=False)
    assert page.status_code == 303 and page.headers["location"].startswith("/login?next=/ohif/viewer%3FStudy")
    login = client.get(page.headers["location"]).text
    assert "Token" in login and html.escape(asked) in login
    form = {"token": secret, "next": asked}
    answer = client.post("/login", data=form, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, asked)
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/")) and secret not in cookie
    assert client.get("/auth/token/valid").json()["username"] == "the annotator"
    client.post("/logout")
    assert client.get("/info/").status_code == 401


def test_a_session_ends_with_its_token_and_with_its_time(serve, token, tmp_path, monkeypatch):
    secret = token("viewer")["Authorization"].split()[1]
    client = serve()
    client.post("/login", data={"token": secret})
    assert client.get("/info/").status_code == 200
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 9 * 3600)
    assert client.get("/info/").status_code == 401
    monkeypatch.undo()
    client.post("/login", data={"token": secret})
    revoke_tokens(tmp_path / "state" / "tokens.json", name="the viewer")
    assert client.get("/info/").status_code == 401


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/ohif/\r\nX: y", "/ohif/../login", "/x"]
)
def test_a_login_leads_to_the_viewer_only(serve, token, target):
    secret = token("viewer")["Authorization"].split()[1]
    client = serve()
    answer = client.post("/login", data={"token": secret, "next": target}, follow_redirects=False)
    assert answer.headers["location"] == "/ohif/"
    assert "evil" not in client.get("/login", params={"next": target}).text


def test_a_wrong_token_at_the_login_page_is_401_and_sets_no_cookie(serve, token):
    token("viewer")
    answer = serve().post("/login", data={"token": "mammoseg_wrong", "next": '"><script>'})
    assert answer.status_code == 401 and "set-cookie" not in answer.headers and "<script>" not in answer.text


def test_slicer_logs_in_with_the_token_as_password(serve, token):
    secret = token("annotator")["Authorization"].split()[1]
    client = serve()
    assert client.get("/auth/").json()["enabled"] is True
    form = {"username": "ada", "password": secret, "grant_type": "password"}
    answer = client.post("/auth/token", data=form).json()
    assert answer == {"access_token": secret, "token_type": "bearer"}
    assert client.post("/auth/token", data={**form, "password": "guess"}).status_code == 401
    header = {"Authorization": f"{answer['token_type']} {answer['access_token']}"}
    assert client.get("/auth/token/valid", headers=header).status_code == 200


def test_without_a_login_everyone_on_this_machine_may_all(serve):
    client = serve()
    assert client.get("/auth/").json()["enabled"] is False
    assert client.get("/auth/token/valid").json()["username"] == "local"


def test_another_kind_of_authorization_is_401(serve, token):
    token("viewer")
    client = serve()
    assert client.get("/info/", headers={"Authorization": "Basic YTpi"}).status_code == 401


NEXT = "/activelearning/random"


@pytest.fixture
def ticketed(serve, token):
    """A server with login, the header of an annotator, and the id of the next image as Slicer's module gets it."""
    header = token("annotator")
    client = serve()
    return client, header, client.post(NEXT, json={"client_id": "user-xyz"}, headers=header).json()["id"]


def test_slicers_id_of_the_next_image_downloads_it_without_a_header(ticketed):
    client, header, image = ticketed
    assert image.startswith(f"{IMAGE}~")
    assert client.get("/datastore/image", params={"image": image}).content == b"pixels"
    assert client.post(f"/infer/unet?image={image}&output=json", headers=header).status_code == 200
    assert client.post(NEXT, json={}, headers=header).json()["id"] == IMAGE, "programs get the id as it is"


def test_a_ticket_opens_one_image_and_nothing_else(ticketed):
    client, _, image = ticketed
    ticket = image.partition("~")[2]
    for other in (IMAGE, f"{IMAGE}1~{ticket}", f"{IMAGE}~{ticket[:-1]}x", f"{IMAGE}~{ticket}~{ticket}", f"~{ticket}"):
        assert client.get("/datastore/image", params={"image": other}).status_code == 401
    assert client.get(f"/datastore/image?image={image}&image={IMAGE}2").status_code == 401
    for path in ("/info/", f"/datastore/image/info?image={image}", f"/datastore/label?label={image}&tag=final"):
        assert client.get(path).status_code == 401
    assert client.post(f"/infer/unet?image={image}").status_code == 401
    assert client.get("/info/", headers={"Authorization": f"Bearer {ticket}"}).status_code == 401
    assert client.get("/info/", headers={"Cookie": f"mammoseg_session={ticket}"}).status_code == 401


def test_a_ticket_ends_after_a_minute_and_with_its_token(ticketed, tmp_path, monkeypatch):
    client, _, image = ticketed
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert client.get("/datastore/image", params={"image": image}).status_code == 401
    monkeypatch.undo()
    assert client.head("/datastore/image", params={"image": image}).status_code == 200
    revoke_tokens(tmp_path / "state" / "tokens.json", name="the annotator")
    assert client.get("/datastore/image", params={"image": image}).status_code == 401


def test_tickets_do_not_push_out_the_sessions_of_browsers(ticketed, monkeypatch):
    client, header, _ = ticketed
    monkeypatch.setattr(sessions, "MOST", 2)
    client.post("/login", data={"token": header["Authorization"].split()[1]})
    for _ in range(4):
        client.post(NEXT, json={"client_id": "user-xyz"}, headers=header)
    assert client.get("/info/").status_code == 200
