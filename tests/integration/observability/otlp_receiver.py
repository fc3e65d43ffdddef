"""A collector on loopback that takes the OpenTelemetry protocol over HTTP and notes spans and numbers."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class OtlpReceiver:
    """What arrived: spans as messages of the protocol, the newest point of each number by name and attributes."""

    def __init__(self):
        self.spans, self.services, self.numbers, self.bodies = [], set(), {}, []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                owner.bodies.append(body)
                (owner._traces if self.path == "/v1/traces" else owner._metrics)(body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def named(self, name):
        return [span for span in self.spans if span.name == name]

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _traces(self, body):
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services.add(attributes(resource.resource.attributes).get("service.name"))
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)

    def _metrics(self, body):
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                for point in metric.histogram.data_points:
                    self.numbers[metric.name, tuple(sorted(attributes(point.attributes).items()))] = point


def attributes(pairs):
    """As a dict of plain values."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
