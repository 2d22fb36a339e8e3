"""Who tries passwords gets slower; who lives here is not shut out."""

from __future__ import annotations

import pytest

from bridge.serve.attempts import ACCOUNT_FAILURES, ADDRESS_FAILURES, WINDOW_S, Attempts, network


def fail(attempts: Attempts, times: int, address: str = "10.0.0.1", account: str = "admin", at_s: float = 0.0) -> None:
    for _ in range(times):
        attempts.failed(address, account, at_s)


def test_an_address_waits_after_ten_wrong_passwords_until_they_are_old() -> None:
    attempts = Attempts()
    fail(attempts, ADDRESS_FAILURES - 1)
    assert attempts.wait_s("10.0.0.1", "admin", 0) == 0
    fail(attempts, 1, at_s=10)
    assert attempts.wait_s("10.0.0.1", "admin", 10) == WINDOW_S - 10
    assert attempts.wait_s("10.0.0.1", "somebody else", 10) > 0, "it is the address that waits"
    assert attempts.wait_s("10.0.0.2", "admin", 10) == 0
    assert attempts.wait_s("10.0.0.1", "admin", WINDOW_S) == 0


def test_a_right_password_clears_its_address() -> None:
    attempts = Attempts()
    fail(attempts, ADDRESS_FAILURES - 1)
    attempts.succeeded("10.0.0.1", "admin")
    fail(attempts, 1)
    assert attempts.wait_s("10.0.0.1", "admin", 0) == 0


def test_many_addresses_together_get_no_further_and_do_not_shut_out_who_lives_here() -> None:
    attempts = Attempts()
    attempts.succeeded("192.168.1.5", "admin")
    for number in range(ACCOUNT_FAILURES):
        attempts.failed(f"10.0.{number}.1", "admin", 0)
    assert attempts.wait_s("10.9.9.9", "admin", 1) > 0
    assert attempts.wait_s("10.9.9.9", "viewer", 1) == 0
    assert attempts.wait_s("192.168.1.5", "admin", 1) == 0


def test_memory_is_bounded() -> None:
    attempts = Attempts()
    for number in range(5000):
        attempts.failed(f"10.{number // 256}.{number % 256}.1", f"account {number}", number)
        attempts.succeeded(f"11.{number // 256}.{number % 256}.1", "admin")
    assert len(attempts._failures) <= 1024
    assert len(attempts._good) <= 1024


@pytest.mark.parametrize(
    ("address", "stands_for"),
    [
        ("192.168.1.5", "192.168.1.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_an_ipv6_address_stands_for_its_network(address: str, stands_for: str) -> None:
    assert network(address) == stands_for
