"""What ESP32 cameras make of a picture: coarse JPEG, noise, blur, wrong white balance, dusk, infrared.

Each picture gets a few of them, at random strength; none moves anything, so boxes stay where they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Image = NDArray[np.uint8]


def degrade(image: Image, dice: np.random.Generator) -> Image:
    """A picture as one of these cameras might have sent it.

    Args:
        image: BGR, 8 bits.
        dice: where the chance comes from.
    """
    for chance, effect in _EFFECTS:
        if dice.random() < chance:
            image = effect(image, dice)
    return image


def _white_balance(image: Image, dice: np.random.Generator) -> Image:
    gains = dice.uniform(0.75, 1.3, 3).astype(np.float32)  # the OV2640 takes seconds to find it, and indoors never does
    return _clipped(image * gains)


def dusk(image: Image, dice: np.random.Generator) -> Image:
    """Little light, much gain: dark and noisy."""
    levels = (np.arange(256) / 255.0) ** dice.uniform(1.3, 2.6) * 255.0 * dice.uniform(0.3, 0.9)
    # Gain goes up, and with it the noise.
    return noise(cv2.LUT(image, _clipped(levels)), dice, strength=dice.uniform(4, 14))


def infrared(image: Image, dice: np.random.Generator) -> Image:
    """At night with a lamp beside the lens: grey, bright in the middle."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    rows, columns = np.indices(grey.shape, np.float32)
    height, width = grey.shape
    centre = dice.uniform(0.3, 0.7, 2) * (height, width)
    far = np.hypot((rows - centre[0]) / height, (columns - centre[1]) / width)
    lit = grey * np.clip(dice.uniform(1.1, 1.6) - far * dice.uniform(0.8, 1.8), 0.1, None)  # the lamp is in the middle
    return cv2.cvtColor(_clipped(lit), cv2.COLOR_GRAY2BGR)


def blur(image: Image, dice: np.random.Generator) -> Image:
    """Out of focus, or a long shutter."""
    if dice.random() < 0.5:
        return cv2.GaussianBlur(image, (0, 0), dice.uniform(0.5, 1.6))  # cheap lenses, out of focus
    length = int(dice.integers(3, 9))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length  # who walks by while the shutter is open
    return cv2.filter2D(image, -1, kernel)


def noise(image: Image, dice: np.random.Generator, strength: float | None = None) -> Image:
    """Of the sensor."""
    sigma = dice.uniform(2, 12) if strength is None else strength
    return _clipped(image + sigma * dice.standard_normal(image.shape, np.float32))


def _smaller(image: Image, dice: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    share = dice.uniform(0.45, 0.9)  # QVGA, or somebody far away
    small = cv2.resize(image, (max(1, int(width * share)), max(1, int(height * share))), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def jpeg(image: Image, dice: np.random.Generator) -> Image:
    """Coarse blocks."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(dice.integers(10, 45))])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def _clipped(image: Any) -> Image:  # noqa: ANN401 - whatever arithmetic made of it
    return np.clip(image, 0, 255).astype(np.uint8)


_EFFECTS: tuple[tuple[float, Callable[[Image, np.random.Generator], Image]], ...] = (
    (0.20, _smaller),
    (0.30, _white_balance),
    (0.25, dusk),
    (0.12, infrared),
    (0.20, blur),
    (0.25, noise),
    (0.50, jpeg),  # last: the camera compresses what it saw
)
