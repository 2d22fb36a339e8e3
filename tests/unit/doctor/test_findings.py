from __future__ import annotations

from bridge.doctor.findings import Finding, Level, exit_code


def test_a_finding_is_one_line_with_its_mend() -> None:
    line = str(Finding(Level.ERROR, "broker", "nothing listens on mqtt:1883", "start the broker"))
    assert line == "error    broker: nothing listens on mqtt:1883; start the broker"
    assert str(Finding(Level.OK, "clock", "noon")) == "ok       clock: noon"


def test_only_an_error_makes_the_exit_code_1() -> None:
    fine = [Finding(level, "x", "y") for level in (Level.OK, Level.NOTE, Level.WARNING)]
    assert exit_code(fine) == 0
    assert exit_code([*fine, Finding(Level.ERROR, "x", "y")]) == 1


def test_json_has_every_part() -> None:
    assert Finding(Level.NOTE, "model", "later").as_json() == {
        "level": "note",
        "check": "model",
        "text": "later",
        "mend": "",
    }
