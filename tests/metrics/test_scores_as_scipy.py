"""Our scores are those of scipy, scikit-image and scikit-learn, on random blobs."""

import cv2
import numpy as np
import pytest
from scipy.spatial.distance import directed_hausdorff
from skimage.metrics import hausdorff_distance
from sklearn.metrics import f1_score, jaccard_score

from mammoseg.metrics import compute_segmentation_scores
from mammoseg.metrics.pooled import compute_pooled_dice, compute_pooled_iou


@pytest.fixture(params=range(5))
def blobs(request):
    """Two smooth random masks (60, 40) with holes and pieces that touch the border."""
    noise = np.random.default_rng(request.param).normal(size=(2, 60, 40))
    return [cv2.GaussianBlur(plane, (0, 0), 3) > 0.03 for plane in noise]


def test_distance_of_rows_is_that_of_scipy_on_the_whole_matrices(blobs):
    first, second = (blob.astype(float) for blob in blobs)
    expected = max(directed_hausdorff(first, second)[0], directed_hausdorff(second, first)[0])

    assert compute_segmentation_scores(*blobs)["hausdorff_rows"] == pytest.approx(expected)


def test_distance_of_all_points_is_that_of_scikit_image(blobs):
    assert compute_segmentation_scores(*blobs)["hausdorff_points_px"] == pytest.approx(hausdorff_distance(*blobs))


def test_pooled_scores_are_those_of_scikit_learn_on_all_pixels_in_a_row(blobs):
    predicted, truth = np.array(blobs).transpose(0, 2, 1)  # forty images of one column
    counts = [np.count_nonzero(of, axis=1).tolist() for of in (predicted & truth, predicted, truth)]

    assert compute_pooled_dice(*counts) == pytest.approx(f1_score(truth.ravel(), predicted.ravel()))
    assert compute_pooled_iou(*counts) == pytest.approx(jaccard_score(truth.ravel(), predicted.ravel()))
