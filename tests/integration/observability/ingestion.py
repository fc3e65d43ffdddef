"""An ingestion endpoint of Application Insights on loopback that can be up, slow or refusing."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"


class Ingestion:
    """What arrived, and how to answer."""

    def __init__(self):
        self.envelopes, self.bodies, self.paths = [], [], []
        self.status = 200
        #: whether a bearer token is good; None while the resource takes telemetry without one
        self.takes_token: Callable[[str], bool] | None = None
        #: of each next batch only the first so many are taken, the others are to be sent again
        self.takes: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                owner.gate.wait(20)
                owner.paths.append(self.path)
                answer, status = b'{"itemsReceived":1,"itemsAccepted":1,"errors":[]}', owner.status
                token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                if status == 200 and owner.takes_token is not None and not owner.takes_token(token):
                    status = 401
                if status == 200:
                    owner.bodies.append(body)
                    owner.envelopes.extend(json.loads(body))
                takes = owner.takes.pop(0) if owner.takes else None
                if takes is not None:
                    sent = len(json.loads(body))
                    later = [{"index": index, "statusCode": 429, "message": "later"} for index in range(takes, sent)]
                    del owner.envelopes[len(owner.envelopes) - sent + takes :]
                    answer, status = json.dumps({"itemsReceived": sent, "errors": later}).encode(), 206
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    pass  # the client has given up

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def connection_string(self):
        return f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:{self._server.server_address[1]}/;"

    def of(self, kind):
        return [item for item in self.envelopes if item["data"]["baseType"] == kind]

    def stop(self):
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
