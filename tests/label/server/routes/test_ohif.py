"""The viewer's files: served from their folder, configured for this server, and from nowhere else."""

import pytest


def test_the_viewers_page_its_routes_and_its_files_are_served(client):
    page = client.get("/ohif/")
    assert "OHIF" in page.text and page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-cache", "so that it leads to the login when the session is over"
    assert client.get("/ohif/viewer?StudyInstanceUIDs=1.2.3").text == page.text
    assert client.get("/ohif/app-config.js").headers["content-type"].startswith("text/javascript")
    assert client.get("/ohif/favicon.ico").status_code == 404
    assert client.get("/", follow_redirects=False).headers["location"] == "/ohif/"


def test_its_configuration_points_here_and_uploads_nothing(client):
    config = client.get("/ohif/app-config.js").text
    assert "qidoRoot: '/proxy/dicom/qido'" in config
    assert config.index("dicomUploadEnabled: true") < config.index(
        "source.dicomUploadEnabled = source.supportsReject = false"
    )
    assert "MONAILABEL_SERVER_URL=' + window.location.origin" in config


def test_its_policy_lets_it_talk_to_this_server_only(client):
    policy = client.get("/ohif/").headers["content-security-policy"]
    assert policy.startswith("default-src 'self'") and "http" not in policy and "*" not in policy


@pytest.mark.parametrize(
    "path",
    [
        *("../infer.py", "..%2finfer.py", "%2e%2e/%2e%2e/app.py", "assets/../../../infer.py", "/etc/passwd"),
        *("%2fetc%2fpasswd", "..%5cinfer.py", "a%00.js", "app-config.js%00.html", "x" * 5000 + ".js"),
    ],
)
def test_no_path_leads_out_of_its_folder(client, as_typed, path):
    status, text = as_typed(client, f"/ohif/{path}")
    assert status == 404 or text == client.get("/ohif/").text
