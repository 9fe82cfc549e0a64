"""MONAI's own checks of metadata and network, over all bundles."""

import json

import pytest
from monai.bundle import verify_metadata, verify_net_in_out

from mammoseg.bundles import BASE_FOLDER, BUNDLES_FOLDER, list_bundle_names
from tests.deploy.made_weights import narrow_config

SCHEMA = str(BASE_FOLDER / "metadata.schema.json")


@pytest.mark.parametrize("name", list_bundle_names())
def test_metadata_fits_the_schema(name):
    verify_metadata(meta_file=str(BUNDLES_FOLDER / name / "configs" / "metadata.json"), filepath=SCHEMA)


@pytest.mark.parametrize("key", json.loads((BASE_FOLDER / "metadata.schema.json").read_text())["required"])
def test_metadata_without_a_required_key_does_not_fit(key, tmp_path):
    metadata = json.loads((BUNDLES_FOLDER / "unet" / "configs" / "metadata.json").read_text())
    del metadata[key]
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match=f"{key}"):
        verify_metadata(meta_file=str(tmp_path / "metadata.json"), filepath=SCHEMA)


@pytest.mark.parametrize("name", list_bundle_names())
def test_network_has_the_channels_and_the_type_that_metadata_promises(name, tmp_path):
    configs = BUNDLES_FOLDER / name / "configs"
    narrow = narrow_config(name)["network_def"]
    (tmp_path / "narrow.json").write_text(
        json.dumps({"network_def": narrow, "in_channels": 3, "encoder_weights": None})
    )
    metadata = json.loads((configs / "metadata.json").read_text())
    channels = metadata["network_data_format"]["inputs"]["image"]["num_channels"]
    verify_net_in_out(
        "network_def",
        meta_file=str(configs / "metadata.json"),
        config_file=[str(configs / "inference.json"), str(tmp_path / "narrow.json")],
        in_channels=channels,
        device="cpu",
        n=2,
    )
