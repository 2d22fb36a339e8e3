"""The whole examination, check by check, and the cure of what can be cured from here."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bridge
from bridge.doctor import broker, machine
from bridge.doctor.door import check_door
from bridge.doctor.findings import Finding, Level
from bridge.doctor.line import Line
from bridge.doctor.ports import check_port
from bridge.doctor.stale import Verdict, judge
from bridge.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.detect.port import DetectorSettings
    from bridge.doctor.door import Door
    from bridge.doctor.line import Connect
    from bridge.doctor.machine import Place
    from bridge.doctor.ports import Port
    from bridge.publish.settings import PublishedCamera, PublishSettings

_CLEAR_S = 5.0
# Home Assistant takes entities away a moment after it heard of it; one that still listens cannot read an empty state.
_BETWEEN_S = 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """What is examined.

    Attributes:
        publish: where to and under which names.
        cameras: those that are configured.
        accepted: makes the camera of an id that is not configured, where such are let in; None: they are not.
        biggest_bytes: the biggest picture that cameras may send.
        ports: what is listened on.
        detector: which model runs.
        places: what is written.
        door: who may open the page.
        environ: where models are.
    """

    publish: PublishSettings
    cameras: tuple[PublishedCamera, ...]
    accepted: Callable[[str], PublishedCamera] | None
    biggest_bytes: int
    ports: tuple[Port, ...]
    detector: DetectorSettings
    places: tuple[Place, ...]
    door: Door
    environ: Mapping[str, str]


class Examination:
    """Looks at everything, once.

    Args:
        case: what is examined.
        connect: makes connections to the broker.
    """

    def __init__(self, case: Case, connect: Connect) -> None:
        self.verdict = Verdict()
        self._case = case
        self._connect = connect

    def findings(self) -> Iterator[Finding]:
        """Each as soon as it is known; the whole takes about three seconds where all is well."""
        case = self._case
        yield machine.check_clock(time.time(), Path(bridge.__file__).stat().st_mtime)
        yield from machine.check_time_service()
        ports = [check_port(port) for port in case.ports if port.port]
        yield from ports
        yield from check_door(case.door)
        yield machine.check_model(case.detector, case.environ)
        yield from machine.check_places(case.places)
        try:
            with Line(case.publish, self._connect) as line:
                yield broker.greet(case.publish)
                kept = broker.look_around(line, case.publish).kept
                yield from broker.judge_home_assistant(kept, case.publish)
                runs_here = not ports or any(finding.level is not Level.OK for finding in ports)
                yield from broker.judge_namesake(kept, case.publish, runs_here=runs_here)
                self.verdict = judge(kept, case.publish, (*case.cameras, *self._guests(kept)))
                yield from broker.judge_kept(self.verdict)
                yield from broker.check_access(line, case.publish, case.biggest_bytes)
        except BrokerError as error:
            yield broker.explain(error)

    def cure(self) -> Iterator[Finding]:
        """Clear what ``verdict`` says, once ``findings`` has come to its end."""
        verdict, cleared = self.verdict, set()
        if not verdict.topics:
            return
        try:
            with Line(self._case.publish, self._connect) as line:
                cleared |= line.clear(verdict.configs, _CLEAR_S)
                if verdict.configs:
                    time.sleep(_BETWEEN_S)
                cleared |= line.clear((*verdict.commands, *verdict.states), _CLEAR_S)
        except BrokerError as error:
            yield broker.explain(error)
        for topic in verdict.topics:
            if topic in cleared:
                yield Finding(Level.OK, "cleared", topic)
            else:
                mend = "let the bridge's user write and read it in the broker's access list"
                yield Finding(Level.ERROR, "not cleared", topic, mend)

    def _guests(self, kept: Mapping[str, bytes]) -> Iterator[PublishedCamera]:
        """The cameras that the bridge says it has besides the configured ones."""
        if self._case.accepted is None:
            return
        known = {camera.id for camera in self._case.cameras}
        for camera_id in cameras_told(kept.get(f"{self._case.publish.base_topic}/bridge/info", b"")):
            if camera_id not in known:
                yield self._case.accepted(camera_id)


def cameras_told(info: bytes) -> list[str]:
    """The ids in what the bridge told of itself; none when it told nothing that can be read."""
    try:
        told = json.loads(info)
    except ValueError:
        return []
    cameras = told.get("cameras") if isinstance(told, dict) else None
    return [one for one in cameras if isinstance(one, str)] if isinstance(cameras, list) else []
