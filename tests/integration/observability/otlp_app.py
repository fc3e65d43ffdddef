"""A process of its own that records one request: what exports in a process can be set only once.

Arguments: ``platform`` sets the exporter up beforehand, as the worker and auto-instrumentation do; ``app`` leaves it to us.
"""

import logging
import sys
import tempfile
from pathlib import Path

from sqlalchemy import text

from shared_code.database.connection import create_database
from shared_code.observability.database_spans import trace_database
from shared_code.observability.request_context import current_request, request_scope
from shared_code.observability.telemetry import configure_telemetry, shutdown_telemetry, telemetry
from shared_code.settings import Settings

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CALL = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
SECRET = "AIza" + "SyPlantedKey0123456789abcdefghijklm"


def set_up_exporter():
    """As somebody else would."""
    from opentelemetry import metrics, trace
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))


def main():
    if sys.argv[1] == "platform":
        set_up_exporter()
    settings = Settings()
    configure_telemetry(settings)
    configure_telemetry(settings)  # a second time must not send twice
    with tempfile.TemporaryDirectory() as folder:
        database = create_database(Settings(database_url=f"sqlite:///{Path(folder) / 'x.db'}"))
        trace_database(database.engine)
        record(database)
        database.close()
    shutdown_telemetry(10)


def record(database):
    logging.getLogger("shared_code").setLevel(logging.INFO)
    with (
        request_scope(request_id="r-1", call_id=CALL, trace_parent=sys.argv[2] if len(sys.argv) > 2 else None),
        telemetry().request("extract", url="/api/extract") as span,
    ):
        print(current_request().operation_id)
        with telemetry().dependency("a-model", kind="provider", target="GEMINI", data=f"?key={SECRET}") as call:
            call.finish(200)
        database.read(lambda connection: connection.execute(text("SELECT 1")))
        for value in (10, 30, 20):
            telemetry().metric("model_tokens", value, model="a-model", outcome="ok")
        span.set(company="NT047")
        span.finish(429)
    telemetry().event("alert_opened", kind="key_low", message="a message of an alert")


main()
