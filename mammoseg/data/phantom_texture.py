"""Texture and gradients that drawn breasts and drawn masses are made of."""

import numpy as np
import scipy.fft


def draw_power_law_noise(
    rng: np.random.Generator, shape: tuple[int, int], *, exponent: float = 3.0, stretch: float = 1.0
) -> np.ndarray:
    """Gaussian noise whose power falls with spatial frequency as ``1 / f**exponent``.

    Args:
        shape: size of the image, (rows, columns).
        stretch: factor, above 1, by which structures are longer along the columns.

    Returns:
        float32, mean 0, standard deviation 1.
    """
    rows, columns = (scipy.fft.next_fast_len(side, real=True) for side in shape)
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], stretch * np.fft.rfftfreq(columns)[None, :])
    frequency[0, 0] = np.inf
    white = scipy.fft.rfft2(rng.standard_normal((rows, columns), dtype=np.float32))
    noise = scipy.fft.irfft2(white * (frequency ** (-exponent / 2)).astype(np.float32), s=(rows, columns))
    noise = noise[: shape[0], : shape[1]]
    return (noise - noise.mean()) / noise.std()


def smooth_step(value: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, smooth between; the same shape as `value`."""
    clipped = np.clip(value, 0, 1)
    return clipped * clipped * (3 - 2 * clipped)
