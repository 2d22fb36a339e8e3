from __future__ import annotations

import pytest

from bridge.ingest.beacon import announceable, instance_name

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the default is
OWN = ("192.168.1.5", "127.0.0.1", "10.0.0.2")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (EVERYWHERE, ("10.0.0.2", "192.168.1.5")),
        ("::", ("10.0.0.2", "192.168.1.5")),
        ("192.168.1.5", ("192.168.1.5",)),
        ("192.168.1.9", ()),  # not this machine's any more
        ("127.0.0.1", ()),
        ("bridge.lan", ()),
    ],
)
def test_only_addresses_that_cameras_reach_are_told(host: str, expected: tuple[str, ...]) -> None:
    assert announceable(host, OWN) == expected


def test_addresses_come_in_one_order_so_that_the_same_ones_are_not_told_anew() -> None:
    assert announceable(EVERYWHERE, OWN) == announceable(EVERYWHERE, (*reversed(OWN), "10.0.0.2"))


def test_a_long_host_name_still_makes_a_dns_label() -> None:
    assert instance_name("pi") == "espcam-bridge on pi"
    assert len(instance_name("ü" * 63).encode()) <= 63
