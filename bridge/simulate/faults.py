"""Links and boards that misbehave.

Weak Wi-Fi, lost and damaged pictures, links that break without a word, boards that freeze. What happens when is drawn
from a seed, so that a test sees the same again.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.errors import LinkLost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

    from bridge.simulate.link import Link

_GOOD_RSSI_DBM = -55
_WEAKEST_RSSI_DBM = -90
_GOOD_KBIT_S = 8_000.0  # what an ESP32 carries near its access point, about 1 MB/s
_CUT_SHARE = (0.1, 0.9)
_DAMAGE_CUT = 0.7  # the rest has bytes overwritten in its middle, which only the decoder sees


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong, and how often.

    Attributes:
        weak_kbit_s: how much the network carries; None: as much as there is.
        drop: share of the pictures (0..1) that are lost on the way.
        delay_ms: how late a picture leaves, in the mean; up to twice that.
        damage: share of the pictures (0..1) that arrive cut or overwritten.
        storm_s: mean time after which a link breaks without being closed; None: never.
        freeze_s: mean time after which the board stands still for ``freeze_for_s``; None: never.
        freeze_for_s: how long.
        seed: of all that is drawn.
    """

    weak_kbit_s: float | None = None
    drop: float = 0.0
    delay_ms: float = 0.0
    damage: float = 0.0
    storm_s: float | None = None
    freeze_s: float | None = None
    freeze_for_s: float = 20.0
    seed: int = 0

    @property
    def rssi_dbm(self) -> int:
        """A signal that fits the network: from -55 dBm down to -90."""
        if self.weak_kbit_s is None:
            return _GOOD_RSSI_DBM
        share = min(1.0, self.weak_kbit_s / _GOOD_KBIT_S)
        return round(_WEAKEST_RSSI_DBM + math.sqrt(share) * (_GOOD_RSSI_DBM - _WEAKEST_RSSI_DBM))

    @property
    def any(self) -> bool:
        """Whether anything goes wrong at all."""
        return self != Faults(seed=self.seed)


class FaultyLink:
    """A link with faults; texts are spared, so that what a test looks at is what it set."""

    def __init__(
        self, link: Link, faults: Faults, random: Random, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._link = link
        self._faults = faults
        self._random = random
        self._sleep = sleep
        self._breaks_at_s = self._moment(faults.storm_s)
        self._freezes_at_s = self._moment(faults.freeze_s)
        self._started_s = asyncio.get_running_loop().time()

    async def send(self, message: str | bytes) -> None:
        """Send, with what may go wrong on the way."""
        await self._stand_still()
        self._break()
        if isinstance(message, bytes):
            arrives = await self._travel(message)
            if arrives is None:
                return
            message = arrives
        await self._link.send(message)

    async def receive(self) -> str | bytes:
        """Wait for a message."""
        message = await self._link.receive()
        await self._stand_still()
        return message

    async def close(self) -> None:
        """Say goodbye."""
        await self._link.close()

    def abort(self) -> None:
        """End without a word."""
        self._link.abort()

    async def _travel(self, picture: bytes) -> bytes | None:
        faults = self._faults
        if faults.delay_ms:
            await self._sleep(self._random.uniform(0, 2 * faults.delay_ms) / 1000)
        if faults.weak_kbit_s is not None:
            await self._sleep(len(picture) * 8 / (faults.weak_kbit_s * 1000))
        if self._random.random() < faults.drop:
            return None
        return self._damaged(picture) if self._random.random() < faults.damage else picture

    def _damaged(self, picture: bytes) -> bytes:
        at = int(len(picture) * self._random.uniform(*_CUT_SHARE))
        if self._random.random() < _DAMAGE_CUT:
            return picture[:at]
        noise = self._random.randbytes(min(64, len(picture) - at))
        return picture[:at] + noise + picture[at + len(noise) :]

    def _break(self) -> None:
        if self._breaks_at_s is not None and self._age_s() >= self._breaks_at_s:
            self._link.abort()
            raise LinkLost("the storm took the link")

    async def _stand_still(self) -> None:
        if self._freezes_at_s is not None and self._age_s() >= self._freezes_at_s:
            self._freezes_at_s = None
            await self._sleep(self._faults.freeze_for_s)

    def _age_s(self) -> float:
        return asyncio.get_running_loop().time() - self._started_s

    def _moment(self, mean_s: float | None) -> float | None:
        return None if mean_s is None else self._random.expovariate(1 / mean_s)
