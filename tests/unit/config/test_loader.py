from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.config.loader import VARIABLE, find_config, load_config
from bridge.config.schema import Config
from bridge.errors import ConfigError

if TYPE_CHECKING:
    from tests.unit.config.conftest import Files

SCALAR_WORDS = ["0123", "1e5", "yes", "no", "on", "0x1F", "1_000", "12:30:45", "2024-01-01", "1.0", "true", "=", ".5"]


# --- which file --------------------------------------------------------------------------------------------------


def test_the_named_file_wins_then_the_variable_then_the_folder_then_the_system(tmp_path: Path) -> None:
    option, named, system = tmp_path / "option.yaml", tmp_path / "named.yaml", tmp_path / "system.yaml"
    local = tmp_path / "espcam-bridge.yaml"
    for file in (option, named, system, local):
        file.touch()
    environ = {VARIABLE: "named.yaml"}
    assert find_config(option, environ, tmp_path, system) == option
    assert find_config(None, environ, tmp_path, system) == named
    assert find_config(None, {VARIABLE: ""}, tmp_path, system) == local
    local.unlink()
    assert find_config(None, {}, tmp_path, system) == system
    system.unlink()
    assert find_config(None, {}, tmp_path, system) is None


@pytest.mark.parametrize(("option", "environ", "by"), [("x.yaml", {}, "-c"), (None, {VARIABLE: "x.yaml"}, VARIABLE)])
def test_a_named_file_that_is_not_there_is_an_error_with_the_mend(
    tmp_path: Path, option: str | None, environ: dict[str, str], by: str
) -> None:
    (tmp_path / "espcam-bridge.yaml").touch()
    with pytest.raises(ConfigError) as caught:
        find_config(tmp_path / option if option else None, environ, tmp_path)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{tmp_path / 'x.yaml'}: no such file (named by ")
    assert by in problem
    assert "espcam-bridge init" in problem


def test_a_path_that_cannot_even_be_looked_at_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(find_config(tmp_path / ("x" * 5000), {}, tmp_path), {})
    (problem,) = caught.value.problems
    assert "File name too long" in problem or "no such file" in problem  # as the version of Python has it


def test_without_a_file_the_defaults_hold_and_the_environment_counts() -> None:
    assert load_config(None, {}) == Config()
    assert load_config(None, {"ESPCAM_BRIDGE__MQTT__HOST": "broker"}).mqtt.host == "broker"


def test_a_folder_instead_of_a_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path, {})
    assert caught.value.problems == (f"{tmp_path}:1: cannot be read: Is a directory",)


# --- what YAML makes of texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", SCALAR_WORDS)
def test_a_password_is_the_text_that_was_written(files: Files, written: str) -> None:
    config = files.load(f"mqtt: {{username: {written}, password: {written}}}")
    assert config.mqtt.password is not None
    assert (config.mqtt.username, config.mqtt.password.get_secret_value()) == (written, written)


@pytest.mark.parametrize("written", ["no", "on", "off", "y", "1"])
def test_a_label_or_id_that_yaml_takes_for_a_truth_value_stays_a_text(files: Files, written: str) -> None:
    camera = files.load(f"cameras:\n  - id: {written}\n    labels: [{written}]\n").cameras[0]
    assert (camera.id, camera.labels) == (written, (written,))


@pytest.mark.parametrize("written", ["true", "True", "yes", "on", "1", "'true'"])
def test_every_usual_word_for_true_is_taken(files: Files, written: str) -> None:
    assert files.load(f"ingest: {{allow_legacy: {written if written != '1' else 'on'}}}").ingest.allow_legacy is True
    assert files.load(f"mqtt: {{tls: {{enabled: {written}}}}}").mqtt.tls.enabled is True


@pytest.mark.parametrize("empty", ["", "~", "null", "''", '""'])
def test_an_empty_value_means_the_default(files: Files, empty: str) -> None:
    assert files.load(f"mqtt:\n  host: {empty}\n  password: {empty}\nhttp: {empty}\n") == Config()


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only a comment\n", "---\n", "---\n...\n", "mqtt:\nhttp:\n", b"\xef\xbb\xbf", "{}"]
)
def test_an_empty_file_is_the_defaults(files: Files, text: str | bytes) -> None:
    assert files.load(text) == Config()


def test_the_mark_of_windows_editors_and_their_line_ends_are_taken(files: Files) -> None:
    config = files.load(b"\xef\xbb\xbfmqtt:\r\n  host: br\xc3\xbccke\r\n")
    assert config.mqtt.host == "brücke"
    assert files.problems(b"\xef\xbb\xbfmqtt:\r\n  port: 0\r\n")[0].startswith("espcam-bridge.yaml:2: mqtt.port: ")


def test_aliases_and_merges_work_and_what_is_beside_them_wins(files: Files) -> None:
    config = files.load(
        "cameras:\n"
        "  - &base\n    id: a\n    rotate: 90\n    detect: {max_fps: 2}\n"
        "  - <<: *base\n    id: b\n    rotate: 180\n"
        "  - {<<: [{rotate: 270}, *base], id: c}\n"
    )
    assert [(c.id, c.rotate, c.detect.max_fps) for c in config.cameras] == [("a", 90, 2), ("b", 180, 2), ("c", 270, 2)]


# --- what is not YAML, or not ours -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mqtt:\n\thost: x\n", "2: a tab; YAML is indented with spaces"),
        ("mqtt:\n  host: a\n\tport: 1\n", "3: a tab; YAML is indented with spaces"),
        ("mqtt:\n  host:\ta\n", "2: a tab; YAML is indented with spaces"),
        ("a: 1\nmqtt: {password: @x}", "2: a value cannot begin with @; put it in quotes"),
        ("mqtt: {password: *hunter2}", "1: a value cannot begin with * (an alias, and none has this name)"),
        ("mqtt:\n  password: !hunter2!x\n", "2: a value cannot begin with ! (that is a tag); put it in quotes"),
        ("mqtt:\n  host: a\n  password: a: b\n", "3: a ':' where none can be; check the indentation"),
        ("mqtt:\n  host: a\n port: 1\n", "3: the indentation, or a quote, does not fit the lines above"),
        ("mqtt:\n  host: 'a\n\n", "4: not valid YAML: found unexpected end of stream (in what begins in line 2)"),
        ("mqtt: [1, 2\nhttp: 1\n", "2: not valid YAML: expected ',' or ']', but got ':' (in what begins in line 1)"),
        ("mqtt: {}\nhost\nport\n", "3: not a line of 'key: value'"),
        ("mqtt: {}\n---\nhttp: {}\n", "2: a second document begins here; take the line --- out"),
        ('mqtt:\n  host: "\\UFFFFFFFF"\n', "2: an escape that is no character"),
        ('mqtt:\n  host: "\\d"\n', "2: not valid YAML: found unknown escape character 'd' (in what begins in line 2)"),
        ("mqtt:\n  host: a\0b\n", "2: the character U+0000, which YAML does not allow"),
        (b"mqtt:\n  # Gr\xfc\xdfe\n", "2: not UTF-8 text (byte 0xFC); save the file as UTF-8"),
        ("mqtt: {}".encode("utf-16"), "1: not UTF-8 text (byte 0xFF); save the file as UTF-8"),
        ("- mqtt\n", "1: must be a mapping: lines of 'key: value'"),
        ("mqtt\n", "1: must be a mapping: lines of 'key: value'"),
        ("[" * 500, "1: the values are nested too deeply"),
    ],
)
def test_what_is_no_yaml_is_one_line_with_its_number(files: Files, text: str | bytes, problem: str) -> None:
    (found,) = files.problems(text)
    assert found.startswith(f"espcam-bridge.yaml:{problem}")
    assert "hunter2" not in found


def test_a_key_written_twice_names_both_lines(files: Files) -> None:
    assert files.problems("mqtt:\n  host: a\nhttp: {}\nmqtt:\n  port: 1\n") == [
        "espcam-bridge.yaml:4: mqtt: is written twice, first in line 1"
    ]


def test_keys_that_are_no_words_are_reported_and_the_rest_is_checked(files: Files) -> None:
    assert files.problems("? [a]\n: b\n{{ x }}: 1\nmqtt: {port: 0}\n") == [
        "espcam-bridge.yaml:1: a key must be a word; put { and [ in quotes",
        "espcam-bridge.yaml:3: a key must be a word; put { and [ in quotes",
        "espcam-bridge.yaml:4: mqtt.port: must be a whole number from 1 to 65535, not '0'",
    ]


def test_a_key_of_several_lines_cannot_break_the_report(files: Files) -> None:
    (problem,) = files.problems('mqtt: {"a\\nb": 1}\n')
    assert problem.startswith("espcam-bridge.yaml:1: mqtt.'a\\nb': unknown key")


@pytest.mark.parametrize(
    "value", ["!hunter2 x", "!secret [a]", "!env {a: b}", "!!python/name:os.system x", "!!set {a}"]
)
def test_unknown_tags_name_the_known_ones_and_never_themselves(files: Files, value: str) -> None:
    (problem,) = files.problems(f"http: {{}}\nmqtt: {{password: {value}}}\n")
    assert problem == (
        "espcam-bridge.yaml:2: mqtt.password: a tag unknown here, allowed: !secret NAME, !env NAME; "
        "put a text that begins with ! in quotes"
    )


def test_an_alias_of_itself_is_reported(files: Files) -> None:
    assert files.problems("cameras: &c\n  - *c\n") == [
        "espcam-bridge.yaml:1: cameras[0]: an alias (*name) inside of what it stands for"
    ]


def test_aliases_that_multiply_are_stopped(files: Files) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    (problem,) = files.problems("\n".join(lines))
    assert "more than 50000 values; check the aliases (*name)" in problem


@pytest.mark.parametrize("value", ["5", "[a]", "[[a]]"])
def test_a_merge_of_no_mapping_is_reported(files: Files, value: str) -> None:
    (problem,) = files.problems(f"mqtt:\n  port: 1\n  <<: {value}\n")
    assert problem.startswith("espcam-bridge.yaml:3: mqtt")
    assert problem.endswith("<< takes the alias (*name) of a mapping")


# --- secrets and variables ---------------------------------------------------------------------------------------


def test_secrets_come_from_the_file_beside_and_stay_texts(files: Files) -> None:
    config = files.load("mqtt: {username: u, password: !secret pw, port: !secret port}", secrets="pw: 0123\nport: 99\n")
    assert config.mqtt.password is not None
    assert (config.mqtt.password.get_secret_value(), config.mqtt.port) == ("0123", 99)


def test_an_empty_secret_is_not_set(files: Files) -> None:
    assert files.load("mqtt: {password: !secret pw}", secrets="pw:\n").mqtt.password is None


@pytest.mark.parametrize(
    ("secrets", "problem"),
    [
        (None, "there is no secrets.yaml; put the secret there, as a line 'name: value'"),
        ("pasword: hunter2", "no 'password' in secrets.yaml, did you mean pasword?"),
        ("", "no 'password' in secrets.yaml"),
        ("password: [hunter2]", "'password' in secrets.yaml must be a single value"),
    ],
)
def test_a_secret_that_cannot_be_had_is_reported(files: Files, secrets: str | None, problem: str) -> None:
    found = files.problems("mqtt: {host: !secret password}", secrets=secrets)
    assert found == [f"espcam-bridge.yaml:1: mqtt.host: {problem}"]


def test_mistakes_in_the_secrets_file_have_its_lines(files: Files) -> None:
    assert files.problems("mqtt: {host: !secret a}", secrets="a: hunter2\na: hunter3") == [
        "secrets.yaml:2: a: is written twice, first in line 1"
    ]
    assert files.problems("mqtt: {host: !secret a}", secrets="b: !env hunter2\nc: x") == [
        "espcam-bridge.yaml:1: mqtt.host: secrets.yaml has mistakes, see there",
        "secrets.yaml:1: b: a tag unknown here, put a text that begins with ! in quotes",
    ]


@pytest.mark.parametrize("secrets", ["\tx", "- hunter2", b"\xff"])
def test_a_secrets_file_that_cannot_be_read_is_reported_with_all_else(files: Files, secrets: str | bytes) -> None:
    problems = files.problems("mqtt: {host: !secret password, port: 0}", secrets=secrets)
    assert [problem.split(":")[0] for problem in problems] == [
        "espcam-bridge.yaml",
        "espcam-bridge.yaml",
        "secrets.yaml",
    ]
    assert "hunter2" not in "".join(problems)


def test_a_secret_in_the_wrong_place_is_not_repeated(files: Files) -> None:
    text = "mqtt: {port: !secret pw, keepalive_s: !env PW}\ningest: {unknown_cameras: !secret pw}"
    problems = files.problems(text, {"PW": "hunter2"}, secrets="pw: hunter2")
    assert len(problems) == 3
    assert "hunter2" not in "".join(problems)


def test_a_secret_key_never_repeats_what_was_written(files: Files) -> None:
    problems = files.problems(
        "http: {password: [hunter2], api_token: hunter2 ä, username: u}\n"
        "mqtt: {password: {hunter2: x}, username: u}\n"
        "history: {url: hunter2}\n"
        f"cameras: [{{id: a, token: {'hunter2' * 40}}}]\n"
    )
    assert len(problems) == 5
    assert "hunter2" not in "".join(problems)


def test_variables_come_from_the_environment(files: Files) -> None:
    assert files.load("mqtt: {host: !env BROKER}", {"BROKER": "broker"}).mqtt.host == "broker"
    assert files.problems("\nmqtt: {host: !env BROKR}", {"BROKER": "broker"}) == [
        "espcam-bridge.yaml:2: mqtt.host: the environment variable BROKR is not set, did you mean BROKER?"
    ]


# --- certificates ------------------------------------------------------------------------------------------------


def test_certificates_are_looked_for_beside_the_configuration(files: Files) -> None:
    for name in ("cert.pem", "key.pem"):
        (files.folder / name).touch()
    config = files.load("http: {tls: {enabled: true, cert_file: cert.pem, key_file: key.pem}}")
    assert config.http.tls.cert_file == files.folder / "cert.pem"


def test_every_certificate_that_cannot_be_read_is_named_with_its_path(files: Files) -> None:
    problems = files.problems(
        "mqtt: {tls: {enabled: true, ca_file: /nowhere/ca.pem}}\n"
        "http:\n  tls:\n    enabled: true\n    cert_file: .\n    key_file: k.pem\n"
    )
    assert problems == [
        "espcam-bridge.yaml:1: mqtt.tls.ca_file: /nowhere/ca.pem cannot be read: No such file or directory",
        f"espcam-bridge.yaml:5: http.tls.cert_file: {files.folder} cannot be read: Is a directory",
        "espcam-bridge.yaml:6: http.tls.key_file: k.pem cannot be read: No such file or directory",
    ]


def test_a_path_with_a_nul_is_no_path(files: Files) -> None:
    (problem,) = files.problems('mqtt: {tls: {enabled: true, ca_file: "a\\0b"}}')
    assert problem.endswith("cannot be read: not a path")


def test_certificates_do_not_matter_while_tls_is_off(files: Files) -> None:
    config = files.load("mqtt: {tls: {ca_file: /nowhere/ca.pem}}")
    assert config.mqtt.tls.ca_file == Path("/nowhere/ca.pem")
