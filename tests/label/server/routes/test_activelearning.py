"""The image to label next, and what is noted of it."""

from tests.label.fake_app import IMAGE


def test_what_another_strategy_noted_meanwhile_stays(client, fake_app, monkeypatch):
    fake_app.store.info[IMAGE]["strategy"] = {"first": {"client_id": "ada"}}
    monkeypatch.setattr(fake_app.store, "get_image_info", lambda image: {})  # it was read before that
    assert client.post("/activelearning/random").json()["id"] == IMAGE
    assert fake_app.store.info[IMAGE]["strategy"].keys() == {"first", "random"}
