"""Tells the local network where cameras find the bridge (DNS-SD over multicast DNS), so that none needs its address.

A camera asks for ``_espcam-bridge._tcp.local.`` and is told this machine's addresses, the port, the path and whether
it is to speak TLS. Nothing here is needed by a camera that was given the address by hand: whatever goes wrong is
logged, and tried again.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

from bridge.ingest.access import CAMERA_PATH
from bridge.runtime.worker import Worker

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence

    from bridge.ingest.settings import IngestSettings
    from bridge.runtime.worker import Supervisor

log = logging.getLogger(__name__)

SERVICE_TYPE: Final = "_espcam-bridge._tcp.local."

_LOOK_AGAIN_S: Final = 30.0  # at addresses: DHCP gives another, Wi-Fi comes up after the bridge did
_HOST_TTL_S: Final = 120  # RFC 6762, section 10
_MAX_LABEL_BYTES: Final = 63  # RFC 1035, section 2.3.4


class Beacon:
    """Announces the camera port while it runs, on every network of ``settings.host``; says nothing on loopback.

    Args:
        settings: where cameras are listened for.
        port: gives the port that is really listened on; asked when the beacon starts.
        supervisor: told when the thread dies.
        addresses: gives this machine's IPv4 addresses.
        host_name: what this machine calls itself.
    """

    def __init__(
        self,
        settings: IngestSettings,
        port: Callable[[], int],
        supervisor: Supervisor,
        *,
        addresses: Callable[[], Iterable[str]] | None = None,
        host_name: Callable[[], str] = socket.gethostname,
    ) -> None:
        self._settings = settings
        self._port = port
        self._addresses = addresses or own_addresses
        self._host_name = host_name
        self._worker = Worker("beacon", self._run, supervisor)

    def start(self) -> None:
        """Begin to announce, in the background: it takes a second or two until others know."""
        if self._settings.mdns:
            self._worker.start()

    def stop(self, timeout_s: float = 1.0) -> bool:
        """Say that the bridge goes, so that no camera dials a place where nobody is; takes less than half a second.

        Returns:
            False when it did not end in time.
        """
        return not self._settings.mdns or self._worker.stop(timeout_s)

    def _run(self, stop: threading.Event) -> None:
        told: Sequence[str] = ()
        problem = ""
        announced = ExitStack()
        while not stop.is_set():
            try:
                addresses = announceable(self._settings.host, self._addresses())
                if addresses != told:
                    announced.close()  # the old addresses, before the new ones
                    self._announce(addresses, announced)
                told, problem = addresses, ""
            except Exception as error:  # noqa: BLE001 - whatever it is, cameras can still be given the address
                told = ()
                if str(error) != problem:
                    problem = str(error)
                    log.warning("cannot tell the network where cameras find the bridge (ingest.mdns): %s", error)
            stop.wait(_LOOK_AGAIN_S)
        with suppress(OSError):  # the network went first
            announced.close()

    def _announce(self, addresses: Sequence[str], announced: ExitStack) -> None:
        if not addresses:
            return
        import zeroconf  # noqa: PLC0415 - a tenth of a second that a bridge without mDNS need not spend

        name = self._host_name().split(".")[0] or "bridge"
        network = zeroconf.Zeroconf(interfaces=list(addresses), ip_version=zeroconf.IPVersion.V4Only)
        announced.callback(network.close)  # says goodbye as well
        service = zeroconf.ServiceInfo(
            SERVICE_TYPE,
            f"{instance_name(name)}.{SERVICE_TYPE}",
            port=self._port(),
            properties={"path": CAMERA_PATH, **({"tls": "1"} if self._settings.tls else {})},
            server=f"{name}.local.",
            parsed_addresses=list(addresses),
            host_ttl=_HOST_TTL_S,
        )
        network.register_service(service, allow_name_change=True)  # a second bridge on this machine
        log.info("cameras find the bridge by themselves (mDNS) at %s port %d", ", ".join(addresses), self._port())


def instance_name(host_name: str) -> str:
    """What the bridge on that machine is called among services; a DNS label, so at most 63 bytes."""
    return f"espcam-bridge on {host_name}".encode()[:_MAX_LABEL_BYTES].decode(errors="ignore")


def announceable(host: str, addresses: Iterable[str]) -> tuple[str, ...]:
    """The IPv4 addresses at which cameras of the network reach a server that listens on ``host``, in order.

    Loopback is nobody's but ours. A name, or an IPv6 address other than ``::``, gives nothing: cameras speak IPv4, and
    where a name leads is known to whoever wrote it.
    """
    try:
        wanted = ipaddress.ip_address(host)
    except ValueError:
        return ()
    usable = (ipaddress.ip_address(address) for address in addresses)
    return tuple(
        str(address)
        for address in sorted(set(usable))
        if not address.is_loopback and (wanted.is_unspecified or address == wanted)
    )


def own_addresses() -> Sequence[str]:
    """This machine's IPv4 addresses, of every network that is up."""
    import ifaddr  # noqa: PLC0415 - as above

    return [str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4]
