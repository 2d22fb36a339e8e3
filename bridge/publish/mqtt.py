"""The MQTT client library (paho) behind the ``Connection`` protocol; the only module that knows it.

A fresh client for every connection, driven by the caller's thread (``loop_read``/``loop_write``), for three reasons:

- paho's own outgoing queue lives in the client: QoS 1 messages published while it is offline pile up there without
  bound, and go out a second time beside ours after its own reconnect. Here nothing outlives its connection.
- With paho's thread an exception in a callback ends that thread while ``is_connected()`` still says True.
- Waking paho's thread costs a thread switch a message; the caller's thread writes to the socket at once.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

from paho.mqtt.client import Client, MQTTMessage, error_string
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from bridge.errors import BrokerError
from bridge.publish.connection import Acknowledged, Happening, Received, Refused

if TYPE_CHECKING:
    from paho.mqtt.client import ConnectFlags
    from paho.mqtt.reasoncodes import ReasonCode

    from bridge.publish.messages import Message
    from bridge.publish.settings import PublishSettings, TlsClient

_TCP_TIMEOUT_S = 5.0  # for each address of the broker's name
_CONNACK_TIMEOUT_S = 10.0  # a Raspberry Pi 3 that loads a large persistence file took 6 s
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_CHECK_LOGIN = "check mqtt.username and mqtt.password"

# What MQTT 3.1.1's return codes are called by paho, and what mends them.
_MENDS = {
    "Bad user name or password": _CHECK_LOGIN,
    "Not authorized": f"{_CHECK_LOGIN}, and the broker's access list",
    "Client identifier not valid": "set another mqtt.client_id",
    "Unsupported protocol version": "the broker must speak MQTT 3.1.1",
}


class PahoConnection:
    """One connection, from CONNECT to its end; used by one thread, but for ``wake``.

    Args:
        settings: where to and who we are.
        will: what the broker publishes when we vanish.

    Raises:
        BrokerError: it cannot be reached, or it refuses us; says why and what mends it.
    """

    def __init__(self, settings: PublishSettings, will: Message) -> None:
        self._happenings: list[Happening] = []
        self._connack: ReasonCode | None = None
        self._asked: dict[int, str] = {}  # SUBSCRIBEs without an answer: paho's message id → the topic
        self.session_present = False
        self._client = self._build(settings, will)
        self._selector = selectors.DefaultSelector()
        self._waker, self._wakee = socket.socketpair()
        self._waker.settimeout(0)
        self._wakee.settimeout(0)
        self._selector.register(self._wakee, _READ)
        try:
            self._connect(settings)
            self._await_connack()
        except BaseException:
            self.close()
            raise

    def subscribe(self, topic: str, qos: int = 1) -> None:
        """Ask for a topic, and what is retained there."""
        code, mid = self._client.subscribe(topic, qos=qos)
        _check(code)
        if mid is not None:
            self._asked[mid] = topic

    def unsubscribe(self, topic: str) -> None:
        """Ask for a topic no more."""
        code, _mid = self._client.unsubscribe(topic)
        _check(code)

    def publish(self, message: Message) -> int | None:
        """Send a message; the token is paho's message id."""
        info = self._client.publish(message.topic, message.payload, qos=message.qos, retain=message.retain)
        _check(info.rc)
        return info.mid if message.qos else None

    def confirm(self, receipt: int) -> None:
        """Send the PUBACK; the receipt is the broker's message id, which is never 0."""
        if receipt:
            _check(self._client.ack(receipt, 1))

    @property
    def writable(self) -> bool:
        """Whether all earlier bytes are with the operating system."""
        return not self._client.want_write()

    def poll(self, timeout_s: float) -> list[Happening]:
        """Serve the socket once; see ``Connection.poll``."""
        sock = self._socket()
        self._selector.modify(sock, _READ | (_WRITE if self._client.want_write() else 0))
        # Bytes that TLS has already decrypted do not show on the socket.
        pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        selected = self._selector.select(0 if pending or self._happenings else timeout_s)
        masks = {key.fileobj: mask for key, mask in selected}
        if self._wakee in masks:
            self._wakee.recv(4096)
        mask = masks.get(sock, 0)
        if pending or mask & _READ:
            _check(self._client.loop_read())
        if mask & _WRITE and self._client.socket() is not None:
            _check(self._client.loop_write())
        _check(self._client.loop_misc())
        happenings, self._happenings = self._happenings, []
        return happenings

    def wake(self) -> None:
        """End a ``poll`` early."""
        try:
            self._waker.send(b"\0")
        except OSError:  # full: it will wake anyway; or closed: nobody polls
            return

    def close(self) -> None:
        """DISCONNECT if the connection still stands; then let go of the sockets."""
        self._client.disconnect()
        deadline_s = time.monotonic() + 0.2  # for a last picture's bytes that stand before the DISCONNECT
        while self._client.socket() is not None and self._client.want_write() and time.monotonic() < deadline_s:
            if self._client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
            time.sleep(0.005)
        sock = self._client.socket()
        if sock is not None:
            sock.close()
        self._selector.close()
        self._waker.close()
        self._wakee.close()

    # --- setting up ----------------------------------------------------------------------------------------------

    def _build(self, settings: PublishSettings, will: Message) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            # Only a client with a name can be remembered.
            clean_session=not (settings.durable and settings.client_id),
            manual_ack=True,  # what the link has not dealt with must come again
            reconnect_on_failure=False,  # a new connection is a new client; also no silent retry as MQTT 3.1
        )
        client.connect_timeout = _TCP_TIMEOUT_S
        client.max_inflight_messages_set(0)  # the link bounds what is under way; no second queue here
        client.will_set(will.topic, will.payload, qos=will.qos, retain=will.retain)
        if settings.username:
            client.username_pw_set(settings.username, settings.password or None)
        if settings.tls is not None:
            client.tls_set_context(_tls_context(settings.tls))
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _connect(self, settings: PublishSettings) -> None:
        where = f"{settings.host}:{settings.port}"
        try:
            self._client.connect(settings.host, settings.port, settings.keepalive_s)
        except (OSError, ValueError) as error:  # ValueError: a host that cannot be a name
            raise _unreachable(where, settings.host, error) from error
        sock = self._socket()
        # Nagle's algorithm held an event back behind its picture until the broker's delayed ACK: 42 ms instead of 2.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, _READ)

    def _await_connack(self) -> None:
        deadline_s = time.monotonic() + _CONNACK_TIMEOUT_S
        early: list[Happening] = []  # what the broker kept for us comes right behind its answer
        while self._connack is None:
            try:
                early += self.poll(0.1)
            except BrokerError as error:
                if self._connack is None:
                    mend = "is it an MQTT broker, and is mqtt.tls set as its port wants it?"
                    raise BrokerError("the broker hung up before it answered", mend) from error
            if time.monotonic() > deadline_s:
                raise BrokerError(f"no answer from the broker within {_CONNACK_TIMEOUT_S:.0f} s")
        if self._connack.is_failure:
            reason = str(self._connack)
            raise BrokerError(f"the broker refuses us: {reason}", _MENDS.get(reason, ""))
        self._happenings = early + self._happenings

    def _socket(self) -> Any:  # noqa: ANN401 - paho's own SocketLike covers sockets, TLS sockets and its WebSocket wrapper
        sock = self._client.socket()
        if sock is None:
            raise BrokerError("the connection to the broker is lost")
        return sock

    # --- paho's callbacks: they run inside our own calls of its loop functions, and only take notes ---------------

    def _on_connect(
        self, _client: Client, _userdata: object, flags: ConnectFlags, reason: ReasonCode, _props: object
    ) -> None:
        self._connack = reason
        self.session_present = bool(flags.session_present)

    def _on_publish(self, _client: Client, _userdata: object, mid: int, _reason: object, _props: object) -> None:
        self._happenings.append(Acknowledged(mid))

    def _on_subscribe(
        self, _client: Client, _userdata: object, mid: int, reasons: list[ReasonCode], _props: object
    ) -> None:
        topic = self._asked.pop(mid, "")
        if any(reason.is_failure for reason in reasons):
            self._happenings.append(Refused(topic))

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        receipt = message.mid if message.qos else 0
        self._happenings.append(Received(message.topic, bytes(message.payload), message.retain, receipt))


def _check(code: MQTTErrorCode) -> None:
    if code == MQTTErrorCode.MQTT_ERR_SUCCESS:
        return
    detail = "" if code == MQTTErrorCode.MQTT_ERR_CONN_LOST else f" ({error_string(code).rstrip('.')})"
    raise BrokerError(f"the connection to the broker is lost{detail}")


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho forgets it then, and at every try one more would stay open."""

    def do_handshake(self, block: bool = False) -> None:
        """Do the handshake."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _tls_context(tls: TlsClient) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca_file or None)
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file or None)
    except OSError as error:  # ssl.SSLError is one
        raise BrokerError(f"the certificates cannot be read: {error}", "check mqtt.tls") from error
    context.sslsocket_class = _TidySocket
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _unreachable(where: str, host: str, error: Exception) -> BrokerError:
    match error:
        case socket.gaierror() | UnicodeError():
            return BrokerError(f"the name {host!r} is unknown", "check mqtt.host")
        case ssl.SSLCertVerificationError():
            return BrokerError(
                f"the certificate of {where} is not trusted: {error.verify_message}", "set mqtt.tls.ca_file"
            )
        case ssl.SSLError():
            return BrokerError(f"{where} does not speak TLS as we do: {error.reason}", "check mqtt.port and mqtt.tls")
        case ConnectionRefusedError():
            return BrokerError(f"nothing listens on {where}", "start the broker, or set mqtt.host and mqtt.port")
        case TimeoutError():
            return BrokerError(f"no answer from {where}", "check mqtt.host, and firewalls on the way")
    return BrokerError(f"{where} cannot be reached: {error}")
