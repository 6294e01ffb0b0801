"""Servers over real sockets that say what no honest server says: any bytes, at any pace, in any order."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

Talk = Callable[[socket.socket], None]


@contextlib.contextmanager
def talking(talk: Talk) -> Iterator[int]:
    """Each connection is talked to in a thread of its own until the block ends. Yields the port."""
    open_ones: list[socket.socket] = []

    def serve(peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer:
            talk(peer)

    def accept(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = server.accept()
                open_ones.append(peer)
                threading.Thread(target=serve, args=(peer,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for peer in open_ones:
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)


def head(peer: socket.socket) -> bytes:
    """A request's head, read from the socket."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = peer.recv(1 << 16)
        if not part:
            raise ConnectionResetError
        data += part
    return data


def dripping(before: bytes, drop: bytes, pause: float = 0.05) -> Talk:
    """Answers each byte by byte and never comes to an end."""

    def talk(peer: socket.socket) -> None:
        peer.recv(1 << 16)
        peer.sendall(before)
        while True:
            for byte in drop:
                peer.sendall(bytes([byte]))
                time.sleep(pause)

    return talk


def flooding(before: bytes, wave: bytes, sent: list[int]) -> Talk:
    """Sends as much as the other side takes; `sent` gets how many bytes these were."""

    def talk(peer: socket.socket) -> None:
        peer.recv(1 << 16)
        peer.sendall(before)
        sent.append(0)
        while True:
            sent[-1] += peer.send(wave)

    return talk
