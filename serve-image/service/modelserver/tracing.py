"""Spans of predictions by OTLP, where the environment of OpenTelemetry asks for them; else nothing is imported."""

import functools
import os
from collections.abc import Mapping
from typing import Any

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def asked_for(env: Mapping[str, str]) -> bool:
    """Whether spans have somewhere to go."""
    return any(env.get(name) for name in ENDPOINTS) and env.get("OTEL_SDK_DISABLED", "").lower() != "true"


@functools.cache
def provider() -> Any:
    """The tracer provider of this process; sampling, headers and names follow OpenTelemetry's environment."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    os.environ.setdefault("OTEL_SERVICE_NAME", "modelcycle")
    made = TracerProvider()
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made


def traced(app: Any) -> Any:
    """`app` with a span around each request, a child of the client's where it sends one."""
    if not asked_for(os.environ):
        return app
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

    return OpenTelemetryMiddleware(app, tracer_provider=provider(), exclude_spans=["receive", "send"])


def trace_bentoml() -> None:
    """Has BentoML's own layers give their spans to the same provider."""
    if asked_for(os.environ):
        from bentoml._internal.configuration.containers import BentoMLContainer

        BentoMLContainer.tracer_provider.set(provider())


def flush() -> None:
    """Sends the spans that are still held."""
    if asked_for(os.environ):
        provider().shutdown()
