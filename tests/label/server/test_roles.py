"""Every route asks for a role; nothing is left open, and nothing is there that should not be."""

import pytest
from fastapi import APIRouter, FastAPI

from mammoseg.errors import WrongCallError
from monailabel_app.lib.login.roles import Person, Role, parse_roles
from monailabel_app.lib.server.gate import check_roles, read_needs
from tests.label.fake_app import IMAGE

OPEN = {"/health", "/ready", "/login", "/logout", "/auth/", "/auth/token"}
"""What one may ask without a login; the rest of the document needs one."""

GONE = ("/reload", "/model/unet", "/logs/", "/infer/wsi/unet", "/infer/wsi_v2/unet", "/docs")

WORK = {
    ("POST", "/infer/unet?image=" + IMAGE): "viewer",
    ("GET", "/info/"): "viewer",
    ("PUT", "/session/"): "viewer",
    ("GET", "/datastore/"): "viewer",
    ("GET", "/train/unet/versions"): "viewer",
    ("POST", "/activelearning/random"): "annotator",
    ("PUT", "/datastore/label?image=" + IMAGE): "annotator",
    ("PUT", "/datastore/image"): "annotator",
    ("PUT", "/datastore/image/info?image=" + IMAGE): "annotator",
    ("POST", "/scoring/dice"): "annotator",
    ("POST", "/train/unet"): "trainer",
    ("POST", "/train/"): "trainer",
    ("DELETE", "/train/"): "trainer",
    ("POST", "/batch/infer/unet"): "trainer",
    ("POST", "/train/unet/rollback"): "admin",
    ("POST", "/train/unet/promote?version=1"): "admin",
}


def addresses(document):
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            yield method.upper(), path, about["x-role"]


def test_every_address_of_the_document_refuses_who_has_no_login(serve, token):
    token("viewer")
    client = serve()
    document = client.app.openapi()
    found = list(addresses(document))
    assert len(found) > 30
    for method, path, role in found:
        address = path.format(model="unet", strategy="random", method="dice", path="studies", session_id="x")
        status = client.request(method, address, follow_redirects=False).status_code
        assert (role == "none") == (path in OPEN), path
        assert (status == 401) == (path not in OPEN) or path == "/auth/token", (method, path, status)


def test_every_route_of_the_server_is_in_the_document_or_names_its_role(client):
    for route in client.app.routes:
        assert read_needs(route).role is not None or route.path in OPEN


def test_a_route_without_a_role_stops_the_start():
    server = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    server.add_api_route("/reload", lambda: None, methods=["POST"])
    with pytest.raises(WrongCallError, match="/reload must name one role"):
        check_roles(server.routes)


def test_neither_does_a_router_or_a_folder_slip_in(tmp_path):
    for add in (lambda server: server.include_router(APIRouter()), lambda server: server.mount("/files", FastAPI())):
        server = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        add(server)
        with pytest.raises(WrongCallError, match="must name one role"):
            check_roles(server.routes)


@pytest.mark.parametrize("path", GONE)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_what_was_removed_is_not_there(client, method, path):
    assert client.request(method, path).status_code in (404, 405)


@pytest.mark.parametrize("role", [role.value for role in Role])
def test_each_role_may_do_its_work_and_no_other(serve, token, role):
    header = token(role)
    client = serve()
    for (method, path), needed in WORK.items():
        status = client.request(method, path, headers=header).status_code
        may = needed in ("viewer", role) or role == "admin"
        assert (status != 403) == may, (method, path, status)
        assert status != 401


def test_a_viewer_cannot_save_through_an_inference(serve, token):
    viewer, annotator = token("viewer"), token("annotator")
    client, save = serve(), {"params": '{"save_label": true}'}
    address = f"/infer/unet?image={IMAGE}&output=json"
    assert client.post(address, data=save, headers=viewer).status_code == 403
    assert client.post(address, data=save, headers=annotator).json()["label"] == IMAGE


def test_a_person_without_any_of_our_roles_may_nothing():
    assert not Person("guest", parse_roles(["nurse", "root"])).may(Role.VIEWER)
    assert parse_roles("admin") == frozenset()
    assert parse_roles(["lab-trainer"], prefix="lab-") == {Role.TRAINER}
