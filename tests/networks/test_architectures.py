"""What holds for every architecture, run over one table; a new architecture is a new row."""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mammoseg.acceleration import accelerate
from mammoseg.benchmark.trained_like import make_trained_like
from mammoseg.networks import (
    AttentionUNet,
    AUNet,
    ConnectedResUNets,
    ConnectedUNets,
    ConnectedUNetsPlus,
    ConnectedUNetsPlusPlus,
    FCDenseNet,
    FusionNet,
    MultiResUNet,
    Network,
    ResNetFPN,
    ResNetUNet,
    SEFusionUNet,
    SmpUNet,
    SmpUNetPlusPlus,
    UNet,
    UNetSlim,
    build_network,
)
from mammoseg.networks.blocks import BareConvBN


@dataclass(frozen=True)
class Case:
    """One published network and a narrow one of the same structure.

    `stages` gives parameters by module path: a number for the module, a list for its children. `gmacs` is
    (side of the square input, 1e9 multiply-accumulates), as the reference prints it. `layers` counts convolutions and
    linear layers. `keras_total` is what Keras prints for its original, running statistics included. `uncalled` is a
    module that the library behind a network builds but never calls. A row without `narrow` differs from another in
    numbers only.
    """

    name: str
    network: Callable[..., Network]
    parameters: int
    arguments: dict[str, Any] = field(default_factory=dict)
    narrow: dict[str, Any] = field(default_factory=dict)
    layers: int | None = None
    gmacs: tuple[int, float] | None = None
    keras_total: int | None = None
    stages: dict[str, int | list[int]] = field(default_factory=dict)
    uncalled: str | None = None


WIDTHS = {"channels": (4, 8, 16, 32, 64)}
SHALLOW_DENSE = {"channels": 4, "layers": (2, 1, 3), "growth": 2}
CONNECTED = {"channels": (8, 8, 16, 16, 32), "dilations": (1, 2, 3)}
SLIM_ENCODER = [10_272, 55_680, 221_952, 886_272]
SLIM_UPS = [524_544, 131_200, 32_832, 8_224]
SLIM_DECODER = [1_771_008, 443_136, 110_976, 27_840]
MULTIRES_ENCODER = [5_979, 36_048, 147_130, 592_140]
MULTIRES_PATHS = [47_808, 150_272, 436_736, 1_092_096]
MULTIRES_UPS = [524_544, 218_240, 54_336, 13_472]
MULTIRES_DECODER = [911_640, 226_707, 55_914, 13_482]
RESIDUAL_DECODER = [1_919_744, 480_640, 120_512, 30_304]
BIT = "resnetv2_50x1_bit"
TINY_ENCODER = {"encoder": "test_resnet"}
TINY_SMP = {"encoder": "tu-test_resnet", "channels": (16, 16, 16, 16, 16)}
UNIT_ENCODERS = {
    "basic": [38_976, 221_952, 886_272, 3_542_016, 14_161_920],
    "deep": [76_032, 369_792, 1_476_864, 5_902_848, 23_602_176],
}
UNIT_DECODERS = {
    "basic": [7_080_960, 1_771_008, 443_136, 110_976],
    "deep": [9_441_792, 2_361_600, 590_976, 148_032],
}
UNIT_UNETS = {
    ("basic", "basic"): (34_527_106, 23, 65.4),
    ("basic", "deep"): (37_663_426, 27, 75.0),
    ("deep", "basic"): (47_103_682, 28, 77.4),
    ("deep", "deep"): (50_240_002, 32, 87.1),
}


def unit_unet(encoder: str, decoder: str) -> Case:
    like = "deep" if encoder == "res" else encoder, "deep" if decoder == "res" else decoder  # Res counts as Deep
    parameters, layers, gmacs = UNIT_UNETS[like]
    units = {"encoder_unit": encoder, "decoder_unit": decoder}
    return Case(
        f"unet-{encoder}-{decoder}",
        UNet,
        parameters,
        units,
        units | WIDTHS,
        layers=layers,
        gmacs=(256, gmacs),
        stages={
            "encoder.stages": UNIT_ENCODERS[like[0]],
            "ups": [4_720_128, 1_180_416, 295_296, 73_920],
            "units": UNIT_DECODERS[like[1]],
            "head": 130,
        },
    )


CASES = [
    *(unit_unet(encoder, decoder) for encoder in ("basic", "deep", "res") for decoder in ("basic", "deep", "res")),
    Case("unet-grey", UNet, 34_525_889, {"in_channels": 1, "out_channels": 1}, {"in_channels": 1} | WIDTHS),
    Case(
        "aunet",
        AUNet,
        75_495_162,
        narrow=WIDTHS | {"reduction": 2},
        layers=44,
        gmacs=(256, 106.4),
        stages={
            "encoder.stages": UNIT_ENCODERS["deep"],
            "ups": [26_093_632, 6_525_984, 1_632_784, 408_840],
            "units": UNIT_DECODERS["basic"],
            "ups.0.bilinear": 4_720_128,
            "ups.0.dense": 18_880_512,
            "ups.0.smooth": 2_360_832,
            "ups.0.attention": 132_160,
            "head": 130,
        },
    ),
    Case("aunet-r2", AUNet, 76_714_562, {"reduction": 2}),
    Case("aunet-r4", AUNet, 76_017_762, {"reduction": 4}),
    Case("aunet-r8", AUNet, 75_669_362, {"reduction": 8}),
    Case("aunet-r32", AUNet, 75_408_062, {"reduction": 32}),
    Case(
        "aunet-grey",
        AUNet,
        75_493_945,
        {"in_channels": 1, "out_channels": 1},
    ),
    Case(
        "fusionnet",
        FusionNet,
        78_532_354,
        narrow=WIDTHS,
        layers=50,
        gmacs=(256, 120.9),
        stages={
            "encoder.stages": [150_144, 665_472, 2_658_048, 10_624_512, 42_482_688],
            "ups": [4_720_128, 1_180_416, 295_296, 73_920],
            "units": [11_804_160, 2_952_960, 739_200, 185_280],
            "head": 130,
        },
    ),
    Case("fusionnet-1-class", FusionNet, 78_532_289, {"out_channels": 1}),
    Case(
        "fcdensenet103",
        FCDenseNet,
        13_916_258,
        narrow=SHALLOW_DENSE,
        layers=103,
        gmacs=(256, 59.2),
        stages={
            "first": 1_344,
            "down_blocks": 1_909_120,
            "downs": 792_640,
            "bottleneck": 1_682_160,
            "ups": [1_935_600, 1_880_256, 1_175_200, 580_720, 276_560],
            "up_blocks": 3_682_144,
            "head": 514,
        },
    ),
    Case("fcdensenet103-1-class", FCDenseNet, 13_916_001, {"out_channels": 1}),
    Case(
        "fcdensenet103-original",
        FCDenseNet,
        9_319_778,
        {"new_features_only": True},
        {"new_features_only": True} | SHALLOW_DENSE,
        layers=103,
    ),
    Case(
        "unet_slim",
        UNetSlim,
        7_765_985,
        narrow=WIDTHS,
        gmacs=(256, 12.07),
        keras_total=7_771_873,
        stages={
            "encoder.stages": [*SLIM_ENCODER, 3_542_016],
            "decoder.ups": SLIM_UPS,
            "decoder.blocks": SLIM_DECODER,
            "head": 33,
        },
    ),
    Case(
        "multiresunet",
        MultiResUNet,
        7_244_775,
        narrow=WIDTHS,
        gmacs=(224, 12.0),
        keras_total=7_262_750,
        stages={
            "encoder.stages": [*MULTIRES_ENCODER, 2_368_994],
            "paths": MULTIRES_PATHS,
            "decoder.ups": [873_728, *MULTIRES_UPS[1:]],
            "decoder.blocks": MULTIRES_DECODER,
            "head": 53,
        },
    ),
    Case(
        "attention_unet",
        AttentionUNet,
        11_015_237,
        narrow=WIDTHS | {"up_channels": (4, 16, 16, 32)},
        gmacs=(224, 11.9),
        keras_total=11_021_957,
        stages={
            "encoder.stages": [*SLIM_ENCODER, 3_539_968],
            **{f"ups.{level}.signal": n for level, n in enumerate([527_360, 132_608, 33_536, 8_576])},
            **{f"ups.{level}.gate": n for level, n in enumerate([1_181_441, 295_809, 74_177, 18_657])},
            **{f"ups.{level}.up": n for level, n in enumerate([1_179_904, 295_040, 147_584, 18_464])},
            **{f"ups.{level}.convs": n for level, n in enumerate([1_769_984, 442_624, 147_584, 27_712])},
            "head": 33,
        },
    ),
    Case("attention_unet-symmetric", AttentionUNet, 10_904_581, {"up_channels": (32, 64, 128, 256)}),
    Case(
        "connected_unets",
        ConnectedUNets,
        20_036_545,
        narrow=CONNECTED,
        gmacs=(256, 32.7),
        keras_total=20_052_673,
        stages={
            "cascade.first_encoder.stages": SLIM_ENCODER,
            "cascade.first_decoder.pyramid": 4_987_392,
            "cascade.first_decoder.decoder.ups": SLIM_UPS,
            "cascade.first_decoder.decoder.blocks": SLIM_DECODER,
            "cascade.second_encoder.bridges": [9_248, 18_496, 73_856, 295_168],
            "cascade.second_encoder.blocks": SLIM_DECODER[::-1],
            "cascade.second_decoder": 4_987_392 + 696_800 + 2_352_960,
            "cascade.pyramid": 38_304,
            "cascade.head": 33,
        },
    ),
    Case("connected_unets-grey", ConnectedUNets, 20_035_969, {"in_channels": 1}),
    Case(
        "connected_resunets",
        ConnectedResUNets,
        20_697_063,
        narrow=CONNECTED,
        gmacs=(256, 34.5),
        keras_total=20_719_405,
        stages={
            "cascade.first_encoder.stages": [10_662, 58_880, 234_496, 935_936],
            "cascade.first_decoder.pyramid": 4_987_392,
            "cascade.first_decoder.decoder.blocks": RESIDUAL_DECODER,
            "cascade.second_encoder.bridges": 396_768,
            "cascade.second_encoder.blocks": RESIDUAL_DECODER[::-1],
            "cascade.second_decoder": 4_987_392 + 696_800 + 2_551_200,
            "cascade.pyramid": 38_304,
        },
    ),
    Case(
        "connected_unets_plus",
        ConnectedUNetsPlus,
        23_450_433,
        narrow=CONNECTED,
        gmacs=(256, 50.2),
        keras_total=23_476_033,
        stages={
            "cascade.first_encoder": 1_174_176,
            "cascade.first_decoder.paths": [41_728, 124_032, 329_216, 656_896],
            "cascade.second_encoder.paths": [124_032, 329_216, 656_896],
            "cascade.second_decoder.paths": 1_151_872,
            "cascade.second_encoder.blocks": SLIM_DECODER[::-1],
        },
    ),
    Case(
        "connected_unets_plus-paper-dilations",
        ConnectedUNetsPlus,
        23_450_433,
        {"dilations": (6, 8, 12)},
    ),
    Case("connected_unets_plus-grey", ConnectedUNetsPlus, 23_449_857, {"in_channels": 1}),
    Case(
        "connected_unets_plusplus",
        ConnectedUNetsPlusPlus,
        28_116_816,
        narrow=CONNECTED,
        gmacs=(256, 47.4),
        keras_total=28_153_792,
        stages={
            "cascade.first_encoder.stages": MULTIRES_ENCODER,
            "cascade.first_decoder.paths": MULTIRES_PATHS,
            "cascade.first_decoder.pyramid": 8_120_832,
            "cascade.first_decoder.decoder.ups": MULTIRES_UPS,
            "cascade.first_decoder.decoder.blocks": MULTIRES_DECODER,
            "cascade.second_encoder.paths": MULTIRES_PATHS[1:],
            "cascade.second_encoder.bridges": [14_720, 29_440, 121_088, 488_704],
            "cascade.second_encoder.blocks": [15_819, 55_914, 226_707, 911_640],
            "cascade.second_decoder": 1_726_912 + 8_120_832 + 810_592 + 1_207_743,
            "cascade.pyramid": 60_192,
            "cascade.head": 33,
        },
    ),
    Case(
        "connected_unets_plusplus-grey",
        ConnectedUNetsPlusPlus,
        28_116_570,
        {"in_channels": 1},
    ),
    Case(
        "resnet34_unet",
        ResNetUNet,
        27_601_377,
        narrow=TINY_ENCODER | {"channels": 2},
        gmacs=(512, 52.8),
        stages={
            "encoder": 21_284_672,
            "centre": 1_770_496,
            "blocks": [2_360_320, 1_770_496, 258_304, 110_848, 46_208],
            "head": 33,
        },
    ),
    Case(
        "resnet22_unet",
        ResNetUNet,
        7_572_561,
        {"in_channels": 1, "encoder": "resnet22"},
        {"in_channels": 1, "encoder": "resnet22", "channels": 4},
        gmacs=(512, 29.1),
        stages={
            "encoder": 2_799_536,
            "centre": 1_180_672,
            "blocks": [1_770_496, 1_475_584, 221_440, 92_416, 32_384],
            "head": 33,
        },
    ),
    Case(
        "resnet34_fpn",
        ResNetFPN,
        23_745_601,
        narrow=TINY_ENCODER | {"pyramid_channels": 4, "channels": 2},
        gmacs=(512, 37.1),
        stages={
            "encoder": 21_284_672,
            "laterals": 131_328 + 115_456,
            "branches": [590_592, 442_880, 295_168, 295_168],
            "merge": 590_208,
            "head": 129,
        },
    ),
    Case(
        "resnet22_fpn",
        ResNetFPN,
        5_137_585,
        {"in_channels": 1, "encoder": "resnet22"},
        {"in_channels": 1, "encoder": "resnet22", "pyramid_channels": 4, "channels": 2},
        gmacs=(512, 20.5),
        stages={
            "encoder": 2_799_536,
            "laterals": 65_792 + 58_112,
            "branches": [590_592, 442_880, 295_168, 295_168],
            "merge": 590_208,
            "head": 129,
        },
    ),
    Case(
        "smp_unet",
        SmpUNet,
        24_436_369,
        narrow=TINY_SMP,
        gmacs=(256, 7.81),
        stages={
            "encoder": 21_284_672,
            "decoder.blocks": [2_360_320, 590_336, 147_712, 46_208, 6_976],
            "head": 145,
        },
    ),
    Case("smp_unet-bit", SmpUNet, 32_509_329, {"encoder": f"tu-{BIT}"}),
    Case(
        "smp_unetplusplus",
        SmpUNetPlusPlus,
        26_281_332,
        narrow=TINY_SMP,
        gmacs=(256, 18.4),
        stages={
            "encoder": 21_284_672,
            **{
                f"decoder.blocks.x_{node}": parameters
                for node, parameters in {
                    "0_0": 2_444_354,
                    "1_1": 611_874,
                    "2_2": 153_362,
                    "3_3": 113_806,
                    "0_1": 773_930,
                    "1_2": 193_942,
                    "2_3": 153_362,
                    "0_2": 235_546,
                    "1_3": 193_942,
                    "0_3": 115_160,
                    "0_4": 7_237,
                }.items()
            },
            "head": 145,
        },
        uncalled="decoder.blocks.x_0_4.attention1",
    ),
    Case(
        "smp_unetplusplus-no-attention",
        SmpUNetPlusPlus,
        26_078_609,
        {"attention": None},
    ),
    Case(
        "se_fusion_unet",
        SEFusionUNet,
        87_475_169,
        narrow=TINY_ENCODER | {"channels": (2, 4, 8, 8, 8)},
        gmacs=(256, 88.9),
        stages={
            "encoder": 21_284_672,
            "layers": [20_786_304, 34_159_360, 8_543_616, 2_174_656, 525_984],
            "head": 577,
        },
    ),
    Case(
        "se_fusion_bit",
        SEFusionUNet,
        202_405_729,
        {"encoder": BIT},
        stages={
            "encoder": 23_496_256,
            "layers": [134_244_864, 33_568_000, 8_395_392, 2_174_656, 525_984],
            "head": 577,
        },
    ),
    Case(
        "se_fusion_bit-21-classes",
        SEFusionUNet,
        202_417_269,
        {"out_channels": 21, "encoder": BIT},
    ),
]
STRUCTURES = [case for case in CASES if case.narrow]

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_structure = pytest.mark.parametrize("case", STRUCTURES, ids=lambda case: case.name)


@pytest.fixture(autouse=True)
def one_thread():
    """Threads cost more than they give on networks this narrow."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@functools.cache
def published(name: str) -> Network:
    """The published network on the meta device: shapes without numbers."""
    case = next(case for case in CASES if case.name == name)
    with torch.device("meta"):
        return case.network(**case.arguments).eval()


def narrow(case: Case) -> Network:
    torch.manual_seed(0)
    return case.network(**case.narrow)


def random_image(network: Network, *, batch: int, height: int, width: int) -> torch.Tensor:
    channels = network.config["in_channels"]
    return torch.rand(batch, channels, height, width, generator=torch.Generator().manual_seed(0))


def count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@every_case
def test_parameters_are_those_of_the_publication(case):
    assert count_parameters(published(case.name)) == case.parameters


@pytest.mark.parametrize("case", [case for case in CASES if case.layers], ids=lambda case: case.name)
def test_convolutions_and_linear_layers_are_those_of_the_publication(case):
    layers = [m for m in published(case.name).modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
    assert len(layers) == case.layers


@pytest.mark.parametrize("case", [case for case in CASES if case.stages], ids=lambda case: case.name)
def test_every_stage_has_the_parameters_of_the_reference(case):
    counted = {}
    for path, expected in case.stages.items():
        module = published(case.name).get_submodule(path)
        children = isinstance(expected, list)
        counted[path] = (
            [count_parameters(child) for child in module.children()] if children else count_parameters(module)
        )
    assert counted == case.stages


@pytest.mark.parametrize("case", [case for case in CASES if case.keras_total], ids=lambda case: case.name)
def test_running_statistics_and_absent_gammas_make_the_total_that_keras_prints(case):
    network = published(case.name)
    normalised = sum(m.num_features for m in network.modules() if isinstance(m, nn.BatchNorm2d))
    without_gamma = sum(m[1].num_features for m in network.modules() if isinstance(m, BareConvBN))
    assert count_parameters(network) - without_gamma + 2 * normalised == case.keras_total


@pytest.mark.parametrize("case", [case for case in CASES if case.gmacs], ids=lambda case: case.name)
def test_multiply_accumulates_are_those_of_the_reference(case):
    side, gmacs = case.gmacs
    network = published(case.name)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.empty(1, network.config["in_channels"], side, side, device="meta"))
    assert counter.get_total_flops() / 2e9 == pytest.approx(gmacs, abs=0.051)


@pytest.mark.parametrize("case", [case for case in CASES if case.stages], ids=lambda case: case.name)
@pytest.mark.parametrize("size", [(224, 224), (256, 256), (384, 384), (512, 512), (224, 352)], ids=str)
def test_logits_of_the_published_network_have_the_size_of_the_image(case, size):
    network = published(case.name)
    height, width = (-(-side // network.size_divisor) * network.size_divisor for side in size)  # 224 to 256 for 64
    with torch.no_grad():
        logits = network(torch.empty(1, network.config["in_channels"], height, width, device="meta"))
    assert logits.shape == (1, network.config["out_channels"], height, width)


@every_structure
def test_one_non_square_image_in_evaluation_gives_finite_logits_of_its_size(case):
    network = narrow(case).eval()
    image = random_image(network, batch=1, height=network.size_divisor, width=2 * network.size_divisor)
    with torch.no_grad():
        logits = network(image)
    assert logits.shape == (1, network.config["out_channels"], *image.shape[-2:]) and logits.isfinite().all()


@every_structure
def test_a_size_that_cannot_be_halved_is_refused_with_one_that_fits(case):
    network = narrow(case)
    step = network.size_divisor
    with pytest.raises(ValueError, match=f"divisible by {step} .* pad it to {2 * step} x {step}"):
        network(random_image(network, batch=1, height=step + 1, width=step))


@every_structure
def test_the_config_builds_the_same_network_again(case):
    with torch.device("meta"):
        network = case.network(**case.narrow)
        config = json.loads(json.dumps(network.config))
        again = build_network(config)
    assert again.config == network.config
    shapes, shapes_again = ({k: v.shape for k, v in n.state_dict().items()} for n in (network, again))
    assert shapes == shapes_again


@every_structure
def test_every_parameter_gets_a_finite_gradient(case):
    network = narrow(case).train()
    side = network.size_divisor
    network(random_image(network, batch=2, height=side, width=side)).square().mean().backward()
    called = [n for n, _ in network.named_parameters() if case.uncalled is None or not n.startswith(case.uncalled)]
    assert called == [n for n, p in network.named_parameters() if p.grad is not None and p.grad.isfinite().all()]


@every_structure
def test_the_same_seed_gives_the_same_logits(case):
    outputs = []
    for _ in range(2):
        network = narrow(case).train()
        side = network.size_divisor
        outputs.append(network(random_image(network, batch=2, height=side, width=side)))
    assert torch.equal(*outputs)


@every_structure
def test_loaded_weights_give_the_logits_of_the_saved_network(case, tmp_path):
    network = narrow(case).eval()
    torch.save(network.state_dict(), tmp_path / "model.pt")
    torch.manual_seed(1)
    loaded = case.network(**case.narrow).eval()
    loaded.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    image = random_image(network, batch=1, height=network.size_divisor, width=network.size_divisor)
    with torch.no_grad():
        assert torch.equal(network(image), loaded(image))


@every_structure
def test_the_accelerated_network_gives_the_same_logits(case):
    network = narrow(case)
    image = random_image(network, batch=2, height=2 * network.size_divisor, width=network.size_divisor)
    larger = random_image(network, batch=2, height=4 * network.size_divisor, width=4 * network.size_divisor)
    make_trained_like(network, larger)
    state = {key: value.clone() for key, value in network.state_dict().items()}
    network.eval()
    with torch.inference_mode():
        expected, found = network(image), accelerate(network, image)(image)
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, atol=1e-4 * max(1, expected.abs().max().item()), rtol=0)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
