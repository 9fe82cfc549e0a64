"""Our numpy scores are MONAI's, on random blobs."""

import cv2
import numpy as np
import pytest
import torch
from monai.metrics import compute_dice as monai_dice
from monai.metrics import compute_hausdorff_distance as monai_hausdorff
from monai.metrics import compute_iou as monai_iou

from mammoseg.metrics import compute_segmentation_scores

SPACING_MM = (0.07, 0.1)


@pytest.fixture(params=range(5))
def blobs(request):
    """Two smooth random masks (60, 40) with holes and pieces that touch the border."""
    noise = np.random.default_rng(request.param).normal(size=(2, 60, 40))
    return [cv2.GaussianBlur(plane, (0, 0), 3) > 0.03 for plane in noise]


@pytest.mark.parametrize(
    ("name", "compute"),
    [
        ("dice", monai_dice),
        ("iou", monai_iou),
        ("hausdorff_px", monai_hausdorff),
        ("hausdorff_mm", lambda *masks: monai_hausdorff(*masks, spacing=SPACING_MM)),
    ],
    ids=["dice", "iou", "hausdorff_px", "hausdorff_mm"],
)
def test_score_is_that_of_monai(blobs, name, compute):
    expected = compute(*(torch.from_numpy(blob)[None, None].float() for blob in blobs)).item()

    assert compute_segmentation_scores(*blobs, spacing_mm=SPACING_MM)[name] == pytest.approx(expected, rel=1e-5)
