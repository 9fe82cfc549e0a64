"""Diversity: how far an image is from all that is labelled, in the features of the network.

To take the farthest image, count it as labelled, and take the farthest again is the greedy k-center solution of the
core-set (Sener and Savarese 2018, arXiv:1708.00489), at most twice as wide as the best one.
"""

import numpy as np
import torch


def compute_distance_to_nearest(features: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Euclidean distance of each image to the nearest labelled one, ``(images,)``.

    Where nothing is labelled, the image nearest the mean of all has the highest value, 0; the others are below it.

    Args:
        features: feature vectors ``(images, features)``.
        labelled: ``(labelled images, features)``.
    """
    if not len(labelled):
        return 0.0 - np.linalg.norm(features - features.mean(axis=0), axis=1)  # no -0.0, which a client would show
    first, second = (torch.as_tensor(points, dtype=torch.float64) for points in (features, labelled))
    return torch.cdist(first, second).amin(dim=1).numpy()
