"""Every architecture learns two phantoms by heart: what it is built of carries gradients to where they are needed."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mammoseg import networks
from mammoseg.data.phantom_breast import draw_breast, draw_view
from mammoseg.data.phantom_mass import Mass
from tests.networks.test_architectures import STRUCTURES, Case, one_thread  # noqa: F401  # a fixture used by itself

ALWAYS = ("unet-basic-basic", "fcdensenet103", "multiresunet", "connected_unets", "resnet34_fpn")
"""One of each family; the others are slow."""

STEPS = 400

WIDER = {
    "fcdensenet103": {"channels": 16, "growth": 8, "dropout": 0.0},
    "fcdensenet103-original": {"channels": 16, "growth": 8, "dropout": 0.0},
    "resnet34_unet": {"channels": 8, "dropout": 0.0},
    "resnet22_unet": {"channels": 8, "dropout": 0.0},
    "resnet34_fpn": {"pyramid_channels": 16, "channels": 16, "dropout": 0.0},
    "resnet22_fpn": {"pyramid_channels": 16, "channels": 16, "dropout": 0.0},
    "se_fusion_unet": {"channels": (8, 8, 16, 16, 16)},
}
"""Networks whose narrow form in the table of architectures is too narrow to learn."""


def two_phantoms(side: int, channels: int) -> tuple[Tensor, Tensor]:
    """Images ``(2, channels, side, side)``, 0 to 1, and masks ``(2, 1, side, side)``, each of one large bright mass."""
    rng = np.random.default_rng(0)
    images, masks = [], []
    for _ in range(2):
        mass = Mass(
            False, area=0.06, depth=0.5, lateral=rng.uniform(-0.5, 0.5), upper=0.0, contrast=0.32, elongation=1.2
        )
        pixels, lesions = draw_view(rng, size=128, breast=draw_breast(rng, masses=[mass]), artefacts=False)
        images.append(cv2.resize(pixels.astype(np.float32) / pixels.max(), (side, side), interpolation=cv2.INTER_AREA))
        masks.append(cv2.resize(np.any(lesions, axis=0).astype(np.uint8), (side, side)))
    return torch.tensor(np.stack(images))[:, None].repeat(1, channels, 1, 1), torch.tensor(np.stack(masks))[:, None]


def mass_logit(logits: Tensor) -> Tensor:
    """Of one or two channels, ``(N, 1, H, W)``."""
    return logits if logits.shape[1] == 1 else logits[:, 1:] - logits[:, :1]


def cases() -> list:
    return [
        pytest.param(case, id=case.name, marks=() if case.name in ALWAYS else pytest.mark.slow) for case in STRUCTURES
    ]


@pytest.mark.parametrize("case", cases())
def test_two_phantoms_are_learnt_by_heart(case: Case):
    torch.manual_seed(0)
    network = getattr(networks, case.network)(**case.narrow | WIDER.get(case.name, {}))
    images, masks = two_phantoms(max(64, network.size_divisor), network.config["in_channels"])
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    dice = 0.0
    for step in range(1, STEPS + 1):
        network.train()
        logit = mass_logit(network(images))
        loss = nn.functional.binary_cross_entropy_with_logits(logit, masks.float(), pos_weight=torch.tensor(5.0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 20 == 0:
            network.eval()
            with torch.no_grad():
                found = mass_logit(network(images)) > 0
            dice = (2 * (found & (masks > 0)).sum() / (found.sum() + masks.sum())).item()
            print(step, round(loss.item(), 4), round(dice, 4))
            if dice > 0.95:
                break
    assert dice > 0.95
