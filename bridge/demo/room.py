"""A room, drawn: what the demo's cameras look at while nobody is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from bridge.model import Image

Colour: TypeAlias = tuple[int, int, int]

_FLOOR_AT: Final = 0.72  # of the height
_WALL: Final = ((150, 176, 188), (176, 202, 214))  # below and above; BGR, as all of them
_FLOOR: Final = ((70, 104, 140), (104, 146, 184))  # far and near
_SKIRTING: Final = (222, 228, 230)
_WOOD: Final = (86, 122, 158)
_SKY: Final = ((232, 206, 160), (246, 236, 220))
_HILL: Final = (120, 160, 120)
_LEAF: Final = (70, 128, 76)
_POT: Final = (66, 92, 168)
_BRASS: Final = (96, 176, 214)
_PLANKS: Final = 9


def draw_room(width_px: int, height_px: int, *, mirrored: bool = False) -> Image:
    """A hall with a door, a window, a picture and a plant.

    Args:
        width_px: of the picture.
        height_px: of the picture.
        mirrored: left and right exchanged, and in colder colours: another room.

    Returns:
        ``(height, width, 3)`` uint8, BGR.
    """
    canvas = _Canvas(width_px, height_px)
    canvas.gradient((0, 0, 1, _FLOOR_AT), *_WALL[::-1])
    canvas.gradient((0, _FLOOR_AT, 1, 1), *_FLOOR)
    for plank in range(-_PLANKS, _PLANKS + 1):
        canvas.line((0.5 + plank / _PLANKS * 0.5, _FLOOR_AT), (0.5 + plank / _PLANKS * 1.6, 1), _FLOOR[0])
    canvas.box((0, _FLOOR_AT - 0.02, 1, _FLOOR_AT), _SKIRTING)
    _window(canvas)
    _door(canvas)
    _plant(canvas)
    picture = canvas.pixels
    return np.ascontiguousarray(picture[:, ::-1, ::-1]) if mirrored else picture  # red and blue exchanged as well


def _window(canvas: _Canvas) -> None:
    canvas.box((0.09, 0.14, 0.35, 0.50), _SKIRTING)
    canvas.gradient((0.105, 0.16, 0.335, 0.48), *_SKY)
    canvas.polygon([(0.105, 0.48), (0.105, 0.40), (0.19, 0.36), (0.27, 0.41), (0.335, 0.38), (0.335, 0.48)], _HILL)
    canvas.box((0.215, 0.16, 0.225, 0.48), _SKIRTING)
    canvas.box((0.105, 0.31, 0.335, 0.32), _SKIRTING)
    canvas.box((0.08, 0.50, 0.36, 0.52), _SKIRTING)


def _door(canvas: _Canvas) -> None:
    canvas.box((0.70, 0.12, 0.93, _FLOOR_AT), _SKIRTING)
    canvas.box((0.715, 0.145, 0.915, _FLOOR_AT), _WOOD)
    for top, bottom in ((0.18, 0.38), (0.43, 0.68)):
        canvas.box((0.74, top, 0.89, bottom), _FLOOR[0])
        canvas.box((0.745, top + 0.01, 0.885, bottom - 0.01), _WOOD)
    canvas.box((0.725, 0.41, 0.75, 0.42), _BRASS)
    canvas.box((0.47, 0.20, 0.62, 0.36), _WOOD)
    canvas.gradient((0.48, 0.215, 0.61, 0.345), _LEAF, _SKY[1])


def _plant(canvas: _Canvas) -> None:
    for lean in (-0.05, -0.025, 0.0, 0.025, 0.05):
        canvas.polygon([(0.43, 0.66), (0.425 + lean, 0.55 + abs(lean)), (0.44 + lean, 0.56 + abs(lean))], _LEAF)
    canvas.polygon([(0.41, 0.65), (0.45, 0.65), (0.445, 0.745), (0.415, 0.745)], _POT)


class _Canvas:
    """Shapes in shares of the picture's width and height."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self.pixels: Image = np.zeros((height_px, width_px, 3), np.uint8)

    def _px(self, x: float, y: float) -> tuple[int, int]:
        height, width = self.pixels.shape[:2]
        return round(x * width), round(y * height)

    def box(self, ltrb: tuple[float, float, float, float], colour: Colour) -> None:
        (left, top), (right, bottom) = self._px(*ltrb[:2]), self._px(*ltrb[2:])
        self.pixels[top:bottom, left:right] = colour

    def gradient(self, ltrb: tuple[float, float, float, float], above: Colour, below: Colour) -> None:
        (left, top), (right, bottom) = self._px(*ltrb[:2]), self._px(*ltrb[2:])
        self.pixels[top:bottom, left:right] = np.linspace(above, below, bottom - top)[:, None]

    def line(self, begin: tuple[float, float], end: tuple[float, float], colour: Colour) -> None:
        cv2.line(self.pixels, self._px(*begin), self._px(*end), colour, 1, cv2.LINE_AA)

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        cv2.fillPoly(self.pixels, [np.array([self._px(*point) for point in points])], colour, cv2.LINE_AA)
