"""Random blur with a kernel of a few given sizes, Gaussian or median, through OpenCV."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_dst_type


def apply_gaussian_blur(channel: np.ndarray, *, size: int, sigma: float) -> np.ndarray:
    """Gaussian of `sigma` pixels cut at an odd kernel of `size` pixels: ``(rows, columns)`` float32."""
    return cv2.GaussianBlur(channel, (size, size), sigma)


def apply_median_blur(channel: np.ndarray, *, size: int) -> np.ndarray:
    """Median of `size` x `size` pixels, odd: ``(rows, columns)`` float32 of 0 to 1, quantised to 8 bit.

    MONAI's `MedianSmooth` needs two seconds for 11 x 11 on 512 x 512, this a hundredth of one.
    """
    return cv2.medianBlur(np.rint(channel * 255).clip(0, 255).astype(np.uint8), size).astype(np.float32) / 255


class RandBlurd(RandomizableTransform, MapTransform):
    """Blurs with probability `prob`: a kernel size drawn from `sizes`, the same for all keys and channels.

    Args:
        keys: images, float of 0 to 1 ``(channels, H, W)``.
        prob: probability that an image is blurred.
        sizes: odd kernel sizes in pixels, one of which is drawn.
        sigma: lowest and highest standard deviation in pixels of a Gaussian; None takes the median instead.
    """

    def __init__(
        self,
        keys: KeysCollection,
        prob: float = 0.5,
        *,
        sizes: Sequence[int] = (3, 7, 11),
        sigma: tuple[float, float] | None = None,
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        self.sizes = list(sizes)
        self.sigma = sigma
        self.size, self.drawn_sigma = self.sizes[0], 0.0

    def randomize(self, data: Any) -> None:
        """Draw whether to blur, and how."""
        super().randomize(data)
        self.size = int(self.R.choice(self.sizes))
        self.drawn_sigma = 0.0 if self.sigma is None else float(self.R.uniform(*self.sigma))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        self.randomize(None)
        for key in self.key_iterator(d) if self._do_transform else ():  # private, of MONAI
            changed = np.stack([self._blur(channel) for channel in d[key].cpu().numpy()])
            d[key] = convert_to_dst_type(changed, d[key])[0]
        return d

    def _blur(self, channel: np.ndarray) -> np.ndarray:
        if self.sigma is None:
            return apply_median_blur(channel, size=self.size)
        return apply_gaussian_blur(channel, size=self.size, sigma=self.drawn_sigma)
