"""What holds for every architecture, run over one table; a new architecture is a new row."""

import functools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mammoseg import networks
from mammoseg.benchmark.trained_like import make_trained_like
from mammoseg.inference.acceleration import accelerate
from mammoseg.networks import Network, build_network
from mammoseg.networks.multires_blocks import BareConvBN


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
    network: str
    parameters: int
    arguments: dict[str, Any] = field(default_factory=dict)
    narrow: dict[str, Any] = field(default_factory=dict)
    layers: int | None = None
    gmacs: tuple[int, float] | None = None
    keras_total: int | None = None
    stages: dict[str, int | list[int]] = field(default_factory=dict)
    uncalled: str | None = None


CASES = [Case(**row) for row in json.loads(Path(__file__).with_name("architectures.json").read_text(encoding="utf-8"))]
"""Reference numbers of every published network, one row each."""
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
        return getattr(networks, case.network)(**case.arguments).eval()


def narrow(case: Case) -> Network:
    torch.manual_seed(0)
    return getattr(networks, case.network)(**case.narrow)


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
        network = getattr(networks, case.network)(**case.narrow)
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
    loaded = getattr(networks, case.network)(**case.narrow).eval()
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
