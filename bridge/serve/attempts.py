"""Slows down who tries passwords. No I/O; time comes in as a value.

Rules
-----
* After ``ADDRESS_FAILURES`` wrong passwords within ``WINDOW_S``, an address must wait until the oldest is that old.
* After ``ACCOUNT_FAILURES`` wrong passwords for one user name, addresses that never had it right must wait likewise:
  many machines together get no further, and who lives here is not shut out by them.
* A right password clears its address. Of a home's few addresses all fit; of a flood the longest silent go first.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from typing import Final

ADDRESS_FAILURES: Final = 10
ACCOUNT_FAILURES: Final = 50
WINDOW_S: Final = 300.0
_MOST_KEPT: Final = 1024
_V6_NETWORK: Final = 64
"""One home, one machine: whoever has an IPv6 address has all of its last 64 bits."""


class Attempts:
    """See the module; not thread-safe."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._good: OrderedDict[tuple[str, str], None] = OrderedDict()  # address, account

    def wait_s(self, address: str, account: str, now_s: float) -> float:
        """How long this address must wait before it may try this account; 0 for not at all."""
        where = network(address)
        wait_s = self._wait_s(("address", where), ADDRESS_FAILURES, now_s)
        if (where, account) not in self._good:
            wait_s = max(wait_s, self._wait_s(("account", account), ACCOUNT_FAILURES, now_s))
        return wait_s

    def failed(self, address: str, account: str, now_s: float) -> None:
        """A wrong password."""
        for key, most in ((("address", network(address)), ADDRESS_FAILURES), (("account", account), ACCOUNT_FAILURES)):
            times = self._failures.setdefault(key, deque(maxlen=most))
            times.append(now_s)
            self._failures.move_to_end(key)
        while len(self._failures) > _MOST_KEPT:
            self._failures.popitem(last=False)

    def succeeded(self, address: str, account: str) -> None:
        """A right one."""
        where = network(address)
        self._failures.pop(("address", where), None)
        self._good[where, account] = None
        self._good.move_to_end((where, account))
        while len(self._good) > _MOST_KEPT:
            self._good.popitem(last=False)

    def _wait_s(self, key: tuple[str, str], most: int, now_s: float) -> float:
        times = self._failures.get(key)
        if times is None or len(times) < most:
            return 0.0
        return max(0.0, times[0] + WINDOW_S - now_s)


def network(address: str) -> str:
    """Whom an address stands for: itself, or the network of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _V6_NETWORK), strict=False))
    return str(parsed)
