from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from mplog import logger

trace.set_tracer_provider(TracerProvider())
tracer = trace.get_tracer("shop")

logger.remove()
logger.configure(extra={"trace_id": "-", "span_id": "-"})  # outside of spans
logger.add("traced.log", format="{extra[trace_id]} {extra[span_id]} {message}")

logger.info("starting")
with tracer.start_as_current_span("order"):
    logger.info("an order has come")
    with tracer.start_as_current_span("payment"):
        logger.bind(method="card").info("paid")
