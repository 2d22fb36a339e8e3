"""Passwords, in plain text and hashed."""

from __future__ import annotations

import logging
import time

import pytest
from argon2 import PasswordHasher
from werkzeug.security import generate_password_hash

from bridge.serve import password
from bridge.serve.password import PasswordCheck

# Cheap ones: a unit test needs no strong hash.
SCRYPT = generate_password_hash("geheim", "scrypt:1024:8:1")
ARGON2 = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("geheim")
PBKDF2 = generate_password_hash("geheim", "pbkdf2:sha256:1000")


@pytest.mark.parametrize("stored", ["geheim", SCRYPT, PBKDF2, ARGON2], ids=["plain", "scrypt", "pbkdf2", "argon2"])
def test_the_right_password_and_no_other(stored: str) -> None:
    check = PasswordCheck(stored)
    assert check("geheim")
    assert not check("Geheim")
    assert not check("")
    assert not check("\udcff")
    assert check("geheim")


def test_the_hash_itself_is_not_the_password() -> None:
    assert not PasswordCheck(SCRYPT)(SCRYPT)


@pytest.mark.parametrize("stored", ["scrypt:no-dollars", "pbkdf2:sha256$only-one", "a$b$c", "plain$text$00ff"])
def test_what_only_looks_like_a_hash_is_a_password_in_plain_text(stored: str) -> None:
    assert PasswordCheck(stored)(stored)


def test_a_password_is_hashed_once_however_often_it_comes() -> None:
    check = PasswordCheck(SCRYPT)
    for _ in range(100):
        assert check("geheim")
        assert not check("wrong")
    assert check.hashes_computed == 2


def test_memory_stays_bounded_and_the_right_one_known_when_many_wrong_ones_are_tried() -> None:
    check = PasswordCheck(generate_password_hash("geheim", "pbkdf2:sha256:1"))
    assert check("geheim")
    for attempt in range(200):
        assert not check(f"wrong {attempt}")
    assert check("geheim")
    assert check.hashes_computed == 201
    assert len(check._verdicts) <= 64


def test_who_is_known_is_not_held_up_by_somebody_trying_passwords() -> None:
    check = PasswordCheck(SCRYPT)
    assert check("geheim")
    assert not check("wrong")
    with check._working:  # as while another password is being worked on
        began = time.perf_counter()
        assert check("geheim")
        assert not check("wrong")
        assert time.perf_counter() - began < 0.1


def test_a_password_that_waits_too_long_for_its_turn_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "_WAIT_S", 0.01)
    check = PasswordCheck(SCRYPT)
    with check._working:
        assert not check("geheim")
    assert check("geheim"), "and not remembered as wrong"


def test_a_hash_with_parameters_that_nobody_can_compute_refuses_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    check = PasswordCheck("scrypt:3:8:1$salt$00ff")  # n must be a power of two
    with caplog.at_level(logging.ERROR):
        assert not check("geheim")
    assert "espcam-bridge password" in caplog.text
    assert "geheim" not in caplog.text
