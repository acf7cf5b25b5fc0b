"""An address that stays while the server behind it is killed and started again, and that says what passes through."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

Seen = Callable[[str, str], None]
SECONDS: Final = 120
OWN: Final = {"host", "connection", "transfer-encoding", "content-length", "date", "server"}
"""Headers that belong to one connection."""


def nothing(method: str, path: str) -> None:
    """Let a request pass."""


@dataclass
class Relay:
    """What is behind the address now, and what is told of each request before and after it was answered."""

    address: str = ""
    port: int | None = None
    before: Seen = nothing
    after: Seen = nothing
    passed: list[str] = field(default_factory=list)


@contextmanager
def relay() -> Iterator[Relay]:
    """Listen on loopback; a request is closed without a word while nobody is behind."""
    state = Relay()

    class Pass(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def asked(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
            if state.port is None:
                raise ConnectionRefusedError
            link = http.client.HTTPConnection("127.0.0.1", state.port, timeout=SECONDS)
            with contextlib.closing(link):
                kept = {name: value for name, value in self.headers.items() if name.lower() not in OWN}
                link.request(self.command, self.path, body, kept)
                answer = link.getresponse()
                return answer, answer.read()

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.before(self.command, self.path)
            try:
                answer, content = self.asked(body)
            except (OSError, http.client.HTTPException):
                self.close_connection = True
                return
            state.passed.append(f"{self.command} {self.path}")
            state.after(self.command, self.path)
            if state.port is None:  # killed after it had done its work: the answer is lost
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in OWN:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815 (the names of http.server)

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pass)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
