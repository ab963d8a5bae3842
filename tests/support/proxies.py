"""A wire between a client and PostgreSQL that can be cut around a commit."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from typing import Literal, Self

Cut = Literal["before the commit arrives", "before its answer arrives"]


class CuttingProxy:
    """Listens on a local port; where `cut` is set, the next COMMIT that passes ends the connection."""

    def __init__(self, socket_folder: str) -> None:
        self.cut: Cut | None = None
        self._server = f"{socket_folder}/.s.PGSQL.5432"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            server.connect(self._server)
            while self._pass(client, server):
                pass

    def _pass(self, client: socket.socket, server: socket.socket) -> bool:
        """Pass on what has come from either side; say whether the wire still holds."""
        for one in select.select([client, server], [], [])[0]:
            said = one.recv(65536)
            if self.cut and one is client and b"COMMIT\0" in said:
                cut, self.cut = self.cut, None
                if cut == "before its answer arrives":
                    server.sendall(said)
                    server.recv(65536)
                return False
            if not said:
                return False
            (server if one is client else client).sendall(said)
        return True
