"""What a card says of the works that weights derive from."""

from mammoseg.cards.attribution import list_attributions
from mammoseg.data.cbis_ddsm import LICENSE

ENCODER = {
    "encoder": "tf_efficientnet_lite0",
    "weights": "a package 0.1.0, trained on ImageNet",
    "license": "Apache-2.0",
}


def test_images_and_encoder_are_named_with_license_and_change():
    said = list_attributions({"source": "cbis_ddsm", "encoder": ENCODER}, {"crop_to_breast": True})
    assert said == [
        f"Images: {LICENSE}; changed: cut to the breast, resized, learnt from.",
        "First weights of the encoder tf_efficientnet_lite0: a package 0.1.0, trained on ImageNet; Apache-2.0; "
        "changed: trained further.",
    ]


def test_what_the_weights_started_from_is_named_too():
    before = {"source": "cbis_ddsm", "encoder": ENCODER}
    images, first, encoder = list_attributions({"source": "mias", "encoder": None, "started_from": before}, {})
    assert "mini-MIAS" in images and LICENSE in first and "Apache-2.0" in encoder


def test_the_same_images_are_named_once():
    assert len(list_attributions({"source": "cbis_ddsm", "started_from": {"source": "cbis_ddsm"}}, {})) == 1


def test_an_encoder_from_a_file_says_that_its_license_is_not_recorded():
    (said,) = list_attributions({"source": "folder", "encoder": {"encoder": "resnet34", "weights": "mine.pt"}}, {})
    assert said.startswith("First weights of the encoder resnet34: mine.pt; license not recorded;")


def test_nothing_is_said_where_nothing_is_known():
    assert list_attributions({}, {}) == list_attributions({"source": "folder", "encoder": None}, {}) == []
