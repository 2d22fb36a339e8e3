"""What the user reads: every problem at once, each in its line, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.config.schema import Config

if TYPE_CHECKING:
    from tests.unit.config.conftest import Files

MANY = """\
mqtt:
  host: broker:1883
  port: 70000
  hsot: x
defaults:
  rotate: 45
cameras:
  - id: front_door
    detect: {max_fsp: 3, min_area: 0.5, max_area: 0.2}
  - id: front_door
    labels: person
  - name: nobody
http:
  port: 3001
  username: me
  tls: {enabled: true, cert_file: c.pem}
history: {retain_days: 0}
"""


DETECT_KEYS = "allowed: enabled, max_fps, confidence, min_area, max_area, min_aspect, max_aspect"
MANY_PROBLEMS = f"""\
2: mqtt.host: must be a host name or an address alone (the port has a key of its own), not 'broker:1883'
3: mqtt.port: must be a whole number from 1 to 65535, not '70000'
4: mqtt.hsot: unknown key, did you mean host? allowed: host, port, username, password, client_id, \
base_topic, keepalive_s, tls
6: defaults.rotate: must be 0, 90, 180 or 270, not '45'
9: cameras[0].detect.max_fsp: unknown key, did you mean max_fps? {DETECT_KEYS}
9: cameras[0].detect.min_area: must not be more than max_area (0.2) (see line 9)
10: cameras[1].id: 'front_door' is the id of another camera already (see line 8)
11: cameras[1].labels: must be a list: [a, b], or lines that begin with -
12: cameras[2].id: is missing
13: http.password: is missing; username needs it (see line 15)
14: http.port: must not be the cameras' port (ingest.port) as well (see line 1)
16: http.tls.key_file: is missing; tls.enabled: true needs cert_file and key_file (see line 16)
17: history.retain_days: must be a whole number from 1 to 36500, not '0'
"""


def test_all_problems_come_at_once_in_the_order_of_the_lines(files: Files) -> None:
    *in_file, in_environment = files.problems(MANY, {"ESPCAM_BRIDGE__DETECTOR__IOU": "2"})
    assert in_file == [f"espcam-bridge.yaml:{line}" for line in MANY_PROBLEMS.splitlines()]
    assert in_environment == "environment: ESPCAM_BRIDGE__DETECTOR__IOU: must be a number from 0 to 1, not '2'"


def test_a_mistake_in_the_defaults_is_reported_once_however_many_cameras_there_are(files: Files) -> None:
    text = "defaults: {detect: {confidence: 7, fps: 1}}\ncameras: [{id: a}, {id: b, detect: {max_fps: 3}}]\n"
    assert files.problems(text) == [
        "espcam-bridge.yaml:1: defaults.detect.confidence: must be a number from 0 to 1, not '7'",
        f"espcam-bridge.yaml:1: defaults.detect.fps: unknown key, did you mean max_fps? {DETECT_KEYS}",
    ]


@pytest.mark.parametrize(
    "text",
    [
        # The default that takes the place of a wrong value must not cause a second report.
        "http: {port: x}\ningest: {port: 8080}",
        "ingest: {port: x}\nhttp: {port: 3001}",
        "http: {username: me, password: !secret none}",
        "mqtt: {username: [a], password: p}",
        "http: {tls: {enabled: maybe, cert_file: c.pem}}",
        "cameras: [{id: a, detect: {min_area: 2, max_area: 0.1}}]",
        "cameras: [{id: A}]",
        "cameras: [{id: a, masks: [[[0, 0], [1, 0], [1, x]]]}]",
        "cameras: [{id: a, labels: [a, b, [c]]}]",
        "cameras: [5]",
        "cameras: [{id: !env NONE}]",
    ],
)
def test_one_mistake_is_one_line(files: Files, text: str) -> None:
    assert len(files.problems(text)) == 1


def test_wrong_items_are_told_apart_by_their_own_lines(files: Files) -> None:
    assert files.problems("cameras:\n  - id: A\n  - id: b\n  - id: C\n  - id: b\n") == [
        "espcam-bridge.yaml:2: cameras[0].id: must be 1 to 32 of the characters a-z, 0-9 and _, not 'A'",
        "espcam-bridge.yaml:4: cameras[2].id: must be 1 to 32 of the characters a-z, 0-9 and _, not 'C'",
        "espcam-bridge.yaml:5: cameras[3].id: 'b' is the id of another camera already (see line 3)",
    ]


A_LIST = "must be a list: [a, b], or lines that begin with -"
A_SECTION = "must be a section of 'key: value' lines"
A_CORNER = "must be a corner: two numbers from 0 to 1, [x, y]"
AN_ID = "must be 1 to 32 of the characters a-z, 0-9 and _"
A_TOPIC = "must be a topic without"
AN_ADDRESS = "must be an address with http:// or https:// and a host, without login, ? and #"
A_HOST = "must be a host name or an address alone"
A_LABEL = "must be a label of the model, without +, #, / and without spaces at the ends"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mqtt: []", f"mqtt: {A_SECTION}"),
        ("cameras: {a: {}}", f"cameras: {A_LIST}"),
        ("cameras: [a]", f"cameras[0]: {A_SECTION}"),
        ("zones: {}", "zones: unknown key, allowed: mqtt, homeassistant, ingest, http, detector, defaults, cameras, "),
        ("defaults: {id: a}", "defaults.id: unknown key"),
        ("mqtt: {host: [a]}", "mqtt.host: must be a single value"),
        ("mqtt: {host: 'mqtt://x'}", f"mqtt.host: {A_HOST}, such as 192.168.1.10, not 'mqtt://x'"),
        ("ingest: {host: a b}", f"ingest.host: {A_HOST}"),
        ("mqtt: {port: 0}", "mqtt.port: must be a whole number from 1 to 65535, not '0'"),
        ("mqtt: {port: 1.5}", "mqtt.port: must be a whole number from 1 to 65535, not '1.5'"),
        ("mqtt: {port: " + "9" * 60 + "}", f"mqtt.port: must be a whole number from 1 to 65535, not '{'9' * 40}…'"),
        ("mqtt: {port: " + "9" * 5000 + "}", "mqtt.port: must be a whole number from 1 to 65535, not"),
        ("ingest: {port: -1}", "ingest.port: must be a whole number from 0 to 65535, not '-1'"),
        ("mqtt: {tls: {enabled: maybe}}", "mqtt.tls.enabled: must be true or false, not 'maybe'"),
        ("mqtt: {tls: {enabled: [1]}}", "mqtt.tls.enabled: must be true or false"),
        ("mqtt: {tls: {cert_file: a}}", "mqtt.tls.key_file: is missing; cert_file needs it (see line 1)"),
        ("mqtt: {tls: {key_file: a}}", "mqtt.tls.cert_file: is missing; key_file needs it (see line 1)"),
        ("mqtt: {tls: {ca_file: [a]}}", "mqtt.tls.ca_file: must be a path"),
        ("mqtt: {client_id: a b}", "mqtt.client_id: must be 1 to 64 of the characters A-Z, a-z, 0-9, _ and - ("),
        ("mqtt: {base_topic: a/+}", f"mqtt.base_topic: {A_TOPIC} the wildcards + and # and without NUL, not 'a/+'"),
        ("mqtt: {base_topic: /a}", f"mqtt.base_topic: {A_TOPIC} / at either end"),
        ("mqtt: {base_topic: a/}", f"mqtt.base_topic: {A_TOPIC} / at either end"),
        ("mqtt: {base_topic: a//b}", f"mqtt.base_topic: {A_TOPIC} / at either end"),
        ('mqtt: {base_topic: "a\\0"}', f"mqtt.base_topic: {A_TOPIC} the wildcards"),
        ("mqtt: {base_topic: $SYS}", "mqtt.base_topic: must be a topic that does not begin with $"),
        ("mqtt: {base_topic: " + "a" * 201 + "}", "mqtt.base_topic: must have at most 200 characters"),
        ("homeassistant: {status_topic: '#'}", f"homeassistant.status_topic: {A_TOPIC}"),
        ("ingest: {default_camera: Hall}", f"ingest.default_camera: {AN_ID}, not 'Hall'"),
        ("ingest: {allow_legacy: auot}", "ingest.allow_legacy: must be auto, true or false, not 'auot'"),
        (
            "ingest: {unknown_cameras: aprove}",
            "ingest.unknown_cameras: must be approve, accept or reject, not 'aprove', did you mean approve?",
        ),
        ("ingest: {allowed_origins: [host]}", "ingest.allowed_origins[0]: must be an origin as browsers send it"),
        ("http: {public_url: host}", f"http.public_url: {AN_ADDRESS}, not 'host'"),
        ("http: {public_url: 'http://u:p@host'}", f"http.public_url: {AN_ADDRESS}"),
        ("http: {public_url: 'http://[x'}", f"http.public_url: {AN_ADDRESS}"),
        ("http: {public_url: 'ftp://host'}", f"http.public_url: {AN_ADDRESS}"),
        ("http: {username: me}", "http.password: is missing; username needs it (see line 1)"),
        ("http: {username: 'a:b', password: p}", "http.username: must not contain ':'"),
        ("mqtt: {password: p}", "mqtt.username: is missing; MQTT takes a password only with a username (see line 1)"),
        ("http: {api_token: a b}", "http.api_token: must be at most 256 visible ASCII characters without spaces"),
        ("detector: {image_size: 100}", "detector.image_size: must be a multiple of 32 from 64 to 2048, not '100'"),
        ("detector: {image_size: 4096}", "detector.image_size: must be a multiple of 32 from 64 to 2048, not '4096'"),
        ("detector: {workers: 0}", "detector.workers: must be auto or a whole number from 1 to 64, not '0'"),
        (
            "detector: {workers: " + "9" * 5000 + "}",
            "detector.workers: must be auto or a whole number from 1 to 64, not",
        ),
        ("defaults: {rotate: " + "9" * 5000 + "}", "defaults.rotate: must be 0, 90, 180 or 270, not"),
        ("detector: {workers: many}", "detector.workers: must be auto or a whole number from 1 to 64, not 'many'"),
        ("detector: {confidence: .nan}", "detector.confidence: must be a number from 0 to 1, not '.nan'"),
        ("detector: {confidence: nan}", "detector.confidence: must be a number from 0 to 1, not 'nan'"),
        ("detector: {iou: 1.01}", "detector.iou: must be a number from 0 to 1, not '1.01'"),
        (
            "defaults: {detect: {max_fps: 0}}",
            "defaults.detect.max_fps: must be a number more than 0, up to 60, not '0'",
        ),
        ("defaults: {detect: {max_fps: inf}}", "defaults.detect.max_fps: must be a number more than 0, up to 60"),
        ("defaults: {motion: {threshold: 300}}", "defaults.motion.threshold: must be a number more than 0, up to 255"),
        ("defaults: {rotate: 45}", "defaults.rotate: must be 0, 90, 180 or 270, not '45'"),
        ("defaults: {rotate: left}", "defaults.rotate: must be 0, 90, 180 or 270, not 'left'"),
        ("defaults: {labels: []}", "defaults.labels: must not be empty"),
        ("defaults: {labels: [a, '']}", "defaults.labels[1]: must not be empty"),
        ("defaults: {labels: [a, b, a]}", "defaults.labels[2]: the label 'a' is listed twice"),
        ("defaults: {labels: [a/b]}", f"defaults.labels[0]: {A_LABEL}, not 'a/b'"),
        ("defaults: {labels: [' a']}", f"defaults.labels[0]: {A_LABEL}"),
        ("cameras: [{id: bridge}]", "cameras[0].id: must not be 'bridge', whose topics are the bridge's own"),
        ("cameras: [{id: a, zones: {Porch: {}}}]", f"cameras[0].zones.Porch: {AN_ID}"),
        ("cameras: [{id: a, zones: {p: }}]", f"cameras[0].zones.p: {A_SECTION}"),
        ("cameras: [{id: a, zones: {p: {}}}]", "cameras[0].zones.p.points: is missing"),
        ("cameras: [{id: a, zones: {p: {points: '0,0,1,1'}}}]", f"cameras[0].zones.p.points: {A_LIST}"),
        ("cameras: [{id: a, zones: {p: {points: [[0]]}}}]", f"cameras[0].zones.p.points[0][1]: {A_CORNER}"),
        ("cameras: [{id: a, zones: {p: {points: [[0, 0, 0]]}}}]", f"cameras[0].zones.p.points[0]: {A_CORNER}"),
        ("cameras: [{id: a, masks: [[[0]]]}]", f"cameras[0].masks[0][0][1]: {A_CORNER}"),
        (
            "cameras: [{id: a, motion: {masks: [[[0, 0], [0, 1.1], [1, 1]]]}}]",
            "cameras[0].motion.masks[0][1][1]: must be a number from 0 to 1, not '1.1'",
        ),
        ("cameras: [{id: a, masks: [[[0, 0], [0, 1]]]}]", "cameras[0].masks[0]: a polygon needs at least 3 different"),
        (
            "cameras: [{id: a, masks: [" + str([[i / 200, i % 2] for i in range(101)]) + "]}]",
            "cameras[0].masks[0]: must have 100 items or fewer",
        ),
        (
            "defaults: {masks: [[[0, 0], [1, 1], [1, 0], [0, 1]]]}",
            "defaults.masks[0]: the polygon's sides cross or touch each other",
        ),
        ("defaults: {detect: {min_aspect: 0}}", "defaults.detect.min_aspect: must be a number more than 0, up to 100"),
        (
            "defaults: {detect: {min_aspect: 2, max_aspect: 0.5}}",
            "defaults.detect.min_aspect: must not be more than max_aspect (0.5) (see line 1)",
        ),
        (
            "defaults: {events: {stationary_end_after_s: -1}}",
            "defaults.events.stationary_end_after_s: must be a number from 0 to 604800, not '-1'",
        ),
        (
            "cameras: [{id: a, labels: [person, car], zones: {p: {points: [[0, 0], [1, 0], [1, 1]], labels: [dog]}}}]",
            "cameras[0].zones.p.labels[0]: 'dog' is not among the camera's labels (person, car) (see line 1)",
        ),
        (
            "defaults: {zones: {p: {points: [[0, 0], [1, 0], [1, 1]], labels: [dog]}}}",
            "defaults.zones.p.labels[0]: 'dog' is not among the camera's labels (person)",
        ),
        ("cameras: [{id: a, stream: {quality: 0}}]", "cameras[0].stream.quality: must be a whole number from 1 to 100"),
        ("history: {url: here}", "history.url: must be a database address such as sqlite:///espcam-bridge.db"),
        ("ingest: {port: 8080}", "http.port: must not be the cameras' port (ingest.port) as well (see line 1)"),
    ],
)
def test_each_rule_says_what_is_wrong_and_what_is_allowed(files: Files, text: str, problem: str) -> None:
    assert [found for found in files.problems(text) if found.startswith(f"espcam-bridge.yaml:1: {problem}")]


@pytest.mark.parametrize(
    "text",
    [
        "ingest: {port: 0}\nhttp: {port: 0}",
        "mqtt: {host: '::1'}\ningest: {host: '::'}\nhttp: {host: localhost}",
        "mqtt: {username: only}",
        "http: {api_token: only}",
        "http: {username: u, password: 'with: colons and spaces'}",
        "http: {public_url: 'https://host:8443/cameras/'}",
        "ingest: {allowed_origins: ['https://a', 'null', 'file://', 'https://github.com/gilmaimon/TinyWebsockets']}",
        "ingest: {allow_legacy: auto}\ndetector: {workers: 4, device: 'cuda:0', model: yolo11n}",
        "homeassistant: {discovery_prefix: ha/disco, status_topic: ha/status}",
        "defaults: {labels: [person, traffic light, 'no']}",
        "defaults: {detect: {min_area: 0.2, max_area: 0.2}}",
        "defaults: {motion: {threshold: 14.5, min_area: 0.002}, events: {snapshot_interval_s: 0}}",
        "defaults: {zones: {a: {points: [[0,0],[1,0],[1,1],[0,0]]}}}",
        "defaults: {labels: [cat, dog], zones: {a: {points: [[0,0],[1,0],[1,1]], labels: [dog]}}}",
        "defaults: {detect: {min_aspect: 0.3}}",
        "defaults: {detect: {min_aspect: 0.5, max_aspect: 0.5}}",
        "defaults: {events: {stationary_end_after_s: 0}}",
        "cameras: [{id: " + "x" * 32 + ", token: '~!@#$%^&*()_+'}]",
        "history: {url: 'postgresql://u:p@host/db', media_dir: /var/lib/media}",
    ],
)
def test_what_users_rightly_write_is_accepted(files: Files, text: str) -> None:
    assert files.load(text) != Config(), "accepted, and not passed over"


def test_a_zone_that_does_not_fit_is_reported_once_with_the_line_of_the_label(files: Files) -> None:
    text = """\
defaults:
  labels: [person]
  zones:
    porch:
      points: [[0, 0.5], [1, 0.5], [1, 1]]
      labels: [person, dog]
cameras: [{id: a}, {id: b}]
"""
    where = "espcam-bridge.yaml:6: defaults.zones.porch.labels[1]"
    assert files.problems(text) == [f"{where}: 'dog' is not among the camera's labels (person) (see line 2)"]


def test_an_address_loses_its_last_slash(files: Files) -> None:
    assert files.load("http: {public_url: 'https://host/x/'}").http.public_url == "https://host/x"
