"""Hashes of the pixels of an image: one that any change alters, and one that copies keep."""

import hashlib

import cv2
import numpy as np
from scipy.fft import dctn

SIDE = 16
"""Coefficients of each direction in the perceptual hash, which has ``SIDE ** 2`` bits."""

REDUCED = 64
"""Rows and columns that an image is reduced to before."""

NEAR = 12
"""Most bits in which two copies differ. Of 600 images of CBIS-DDSM, those of two patients differ in 36 or more; of 60,
copies in 8 bits, as JPEG of quality 75, of half the size, of another aspect or with 1 % noise differ in 4 or fewer. A
copy that was cropped, or whose grey values follow another curve, differs in 20 to 50 and is not found."""


def hash_pixels(pixels: np.ndarray) -> str:
    """SHA-256 of size and grey values, ``(rows, columns)``, whatever file held them."""
    content = np.ascontiguousarray(pixels, dtype=np.float32)
    return hashlib.sha256(repr(content.shape).encode() + content.tobytes()).hexdigest()


def hash_perceptually(pixels: np.ndarray) -> np.ndarray:
    """Whether each of the lowest frequencies is above their median: bool ``(SIDE ** 2,)``.

    The discrete cosine transform of a reduced image, as in pHash (Zauner 2010), with 256 bits. Differences between
    neighbours (dHash) do not serve: mammograms are dark beside a breast, and two patients can have the same.
    """
    reduced = cv2.resize(np.asarray(pixels, np.float32), (REDUCED, REDUCED), interpolation=cv2.INTER_AREA)
    lowest = dctn(reduced)[:SIDE, :SIDE].ravel()
    return np.asarray(lowest > np.median(lowest))


def count_differing_bits(hashes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """In how many bits each hash of ``(n, bits)`` differs from each of ``(m, bits)``: integers ``(n, m)``."""
    ones, other_ones = hashes.astype(np.float32), others.astype(np.float32)
    return np.rint(ones @ (1 - other_ones).T + (1 - ones) @ other_ones.T).astype(np.int64)
