"""Whether the broker lets the bridge do its work, and what it keeps of ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bridge.doctor.findings import Finding, Level
from bridge.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.doctor.line import Heard, Line
    from bridge.doctor.stale import Verdict
    from bridge.publish.settings import PublishSettings

ANSWER_S = 3.0
BIG_ANSWER_S = 8.0  # a megabyte over Wi-Fi, there and back
_SLOW_S = 0.5
# What is tried before the biggest picture, to tell how far off it is. Discovery and usual pictures need the second.
_SMALLER_BYTES = (8_192, 65_536, 262_144)
_NEEDED_BYTES = 65_536
LISTEN_S = 2.0
_LISTEN_MOST_S = 15.0
_SHOWN = 5
_UNIQUE = re.compile(rb'"(unique_id|uniq_id)"')  # every device that is announced has entities with one


def greet(settings: PublishSettings) -> Finding:
    """What there is to say once the broker has let us in."""
    who = f"as {settings.username}" if settings.username else "without a login"
    return Finding(Level.OK, "broker", f"{settings.host}:{settings.port} lets us in {who}")


def explain(error: BrokerError) -> Finding:
    """What there is to say when it does not, or hangs up."""
    return Finding(Level.ERROR, "broker", error.reason, error.mend or "see the broker's log")


def check_access(line: Line, settings: PublishSettings, biggest_bytes: int) -> Iterator[Finding]:
    """Whether what we send comes back: below the base topic, of any size, and where Home Assistant looks for devices.

    The size comes last: the broker may have hung up then.

    Raises:
        BrokerError: the broker hung up before.
    """
    base, prefix = settings.base_topic, settings.discovery_prefix
    took_s = line.round_trip(line.own_topic(base), b"doctor", ANSWER_S)
    if took_s is None:
        mend = f"let {_user(settings)} write and read {base}/# in the broker's access list"
        yield Finding(Level.ERROR, "round trip", f"what is sent below {base}/ does not come back", mend)
    elif took_s > _SLOW_S:
        yield Finding(Level.WARNING, "round trip", f"{took_s:.1f} s, far too slow", "see to the network and the broker")
    else:
        yield Finding(Level.OK, "round trip", f"{took_s * 1000:.1f} ms below {base}/")
    if settings.discovery and line.round_trip(line.own_topic(prefix), b"doctor", ANSWER_S) is None:
        mend = f"let {_user(settings)} write {prefix}/# in the broker's access list (to read it is not needed)"
        text = f"what is sent below {prefix}/ does not come back: Home Assistant may not be told of the cameras"
        yield Finding(Level.WARNING, "discovery", text, mend)
    if took_s is not None:
        yield check_sizes(line, settings, biggest_bytes)


def check_sizes(line: Line, settings: PublishSettings, biggest_bytes: int) -> Finding:
    """Whether a message as big as the biggest picture comes back; the broker may hang up over it."""
    topic = line.own_topic(settings.base_topic)
    passed_bytes = 0
    for size_bytes in (*(size for size in _SMALLER_BYTES if size < biggest_bytes), biggest_bytes):
        try:
            if line.round_trip(topic, bytes(size_bytes), BIG_ANSWER_S) is None:
                return judge_size(biggest_bytes, passed_bytes, hung_up=False)
        except BrokerError:
            return judge_size(biggest_bytes, passed_bytes, hung_up=True)
        passed_bytes = size_bytes
    return judge_size(biggest_bytes, passed_bytes, hung_up=False)


def judge_size(biggest_bytes: int, passed_bytes: int, *, hung_up: bool) -> Finding:
    """What a size that passed means.

    Args:
        biggest_bytes: what cameras may send (``ingest.max_frame_bytes``).
        passed_bytes: the biggest that came back; 0: none did.
        hung_up: whether the broker ended the connection over a bigger one.
    """
    if passed_bytes >= biggest_bytes:
        return Finding(Level.OK, "packet size", f"{biggest_bytes} bytes come back, the biggest picture that is taken")
    text = f"a message of {biggest_bytes} bytes, the biggest picture that is taken, does not come back"
    text += f", one of {passed_bytes} does" if passed_bytes else ", nor does any that was tried"
    text += "; the broker hangs up over it" if hung_up else ""
    setting = "max_packet_size" if hung_up else "message_size_limit"
    mend = f"raise {setting} in the broker's configuration to {biggest_bytes + 1024}, or lower ingest.max_frame_bytes"
    grave = hung_up or passed_bytes < min(_NEEDED_BYTES, biggest_bytes)
    return Finding(Level.ERROR if grave else Level.WARNING, "packet size", text, mend)


def look_around(line: Line, settings: PublishSettings) -> Heard:
    """Everything that the broker keeps of the bridge, of Home Assistant's birth and of devices, whosever they are.

    Raises:
        BrokerError: the broker hung up.
    """
    prefix = settings.discovery_prefix
    filters = [settings.status_topic, f"{settings.base_topic}/#", f"{prefix}/+/+/config", f"{prefix}/+/+/+/config"]
    births = _usual_births(settings)
    return line.listen([*filters, *births, "+/+/+/config", "+/+/+/+/config"], LISTEN_S, _LISTEN_MOST_S)


def _usual_births(settings: PublishSettings) -> tuple[str, ...]:
    """Where Home Assistant's birth message may be, besides where it is said to be."""
    usual = (f"{settings.discovery_prefix}/status", "homeassistant/status", "hass/status", "ha/status")
    return tuple(dict.fromkeys(topic for topic in usual if topic != settings.status_topic))


def _births(kept: Mapping[str, bytes], settings: PublishSettings) -> list[str]:
    return [topic for topic in _usual_births(settings) if kept.get(topic) in {b"online", b"offline"}]


def judge_namesake(kept: Mapping[str, bytes], settings: PublishSettings, *, runs_here: bool) -> Iterator[Finding]:
    """Whether a bridge somewhere else has this one's names: each would throw the other off the broker, for ever.

    Args:
        kept: retained messages, by topic.
        settings: of this bridge.
        runs_here: a bridge that runs on this machine is the one that speaks there.
    """
    if runs_here or kept.get(f"{settings.base_topic}/bridge/state") != b"online":
        return
    text = f"a bridge is online as {settings.base_topic}/bridge, and none runs on this machine"
    mend = (
        "if that is another one, give this one names of its own: mqtt.client_id and mqtt.base_topic; "
        "two with the same throw each other off the broker"
    )
    yield Finding(Level.WARNING, "two bridges", text, mend)


def judge_home_assistant(kept: Mapping[str, bytes], settings: PublishSettings) -> Iterator[Finding]:
    """What the broker tells of Home Assistant."""
    check, prefix = "Home Assistant", settings.discovery_prefix
    if not settings.discovery:
        yield Finding(Level.NOTE, check, "it is not told of the cameras (homeassistant.discovery: false)")
        return
    match kept.get(settings.status_topic):
        case b"online":
            yield Finding(Level.OK, check, f"online, says {settings.status_topic}")
        case b"offline":
            mend = "start Home Assistant, or its MQTT integration"
            yield Finding(Level.WARNING, check, f"offline, says {settings.status_topic}", mend)
        case _ if elsewhere := _births(kept, settings):
            text = f"it says that it is there on {elsewhere[0]}, not on {settings.status_topic}"
            mend = f"set homeassistant.status_topic: {elsewhere[0]}; else a restart of it is noticed late"
            yield Finding(Level.WARNING, check, text, mend)
        case _:
            text = f"nothing is kept on {settings.status_topic}, which is usual: it speaks there when it starts"
            mend = "see that its MQTT integration has that birth message topic"
            yield Finding(Level.NOTE, check, text, mend)
    elsewhere = _other_prefixes(kept, prefix)
    if elsewhere:
        text = f"no other program announces devices below {prefix}/, but some do below {', '.join(elsewhere)}"
        mend = "set homeassistant.discovery_prefix to the one in Home Assistant's MQTT integration"
        yield Finding(Level.WARNING, "discovery prefix", text, mend)


def _other_prefixes(kept: Mapping[str, bytes], prefix: str) -> list[str]:
    """Where others announce devices, as long as none of them does where we do."""
    configs = {
        topic: payload
        for topic, payload in kept.items()
        if topic.endswith("/config") and _UNIQUE.search(payload) and b'"espcam-bridge"' not in payload
    }
    if any(topic.startswith(f"{prefix}/") for topic in configs):
        return []
    return sorted({topic.partition("/")[0] + "/" for topic in configs})


def judge_kept(verdict: Verdict) -> Iterator[Finding]:
    """What stale topics, retained commands and other bridges mean."""
    fix = "clear them: espcam-bridge doctor --fix"
    if verdict.commands:
        text = f"commands that the broker keeps and repeats at every start: {_some(verdict.commands)}"
        yield Finding(Level.WARNING, "commands", text, f"{fix}; and publish commands without retain")
    stale = (*verdict.configs, *verdict.states)
    if stale:
        text = f"{len(stale)} kept for cameras, labels or zones that are not configured: {_some(stale)}"
        yield Finding(Level.WARNING, "stale topics", text, fix)
    else:
        yield Finding(Level.OK, "stale topics", "none")
    for client_id, devices in verdict.others:
        word = "device" if devices == 1 else "devices"
        text = f"another bridge, {client_id}, has announced {devices} {word}: left alone"
        mend = (
            "if there is none of that name any more, take them away: ESPCAM_BRIDGE__MQTT__CLIENT_ID="
            f"{client_id} ESPCAM_BRIDGE__HOMEASSISTANT__DISCOVERY=false espcam-bridge doctor --fix"
        )
        yield Finding(Level.NOTE, "other bridges", text, mend)


def _some(topics: tuple[str, ...]) -> str:
    shown = ", ".join(topics[:_SHOWN])
    return shown if len(topics) <= _SHOWN else f"{shown} and {len(topics) - _SHOWN} more"


def _user(settings: PublishSettings) -> str:
    return f"the user {settings.username}" if settings.username else "everybody"
