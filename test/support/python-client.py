"""Runs Python's metrics client (printing, parsing, negotiation). Reads and writes one line of JSON per request.

Numbers travel as the 16 hex digits of their bits, so that no decimal notation is involved.
"""

import json
import struct
import sys

from prometheus_client import Counter, Gauge, Histogram, Summary, generate_latest
from prometheus_client import disable_created_metrics, enable_created_metrics
from prometheus_client import parser
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics import exposition as openmetrics_exposition
from prometheus_client.openmetrics import parser as openmetrics_parser


def number(bits):
    return struct.unpack(">d", bytes.fromhex(bits))[0]


def bits(value):
    return struct.pack(">d", float(value)).hex()


def make_metric(family):
    """The client's own object for a family, which determines names, order, and cumulation."""
    kind = {"counter": Counter, "gauge": Gauge, "summary": Summary, "histogram": Histogram}
    more = {}
    if family["type"] == "histogram":
        more["buckets"] = [number(bound) for bound in family["bounds"]]
    labels = family["labelNames"]
    metric = kind[family["type"]](family["name"], family["help"], labels, registry=None, **more)
    for series in family["series"]:
        fill(metric.labels(*series["labels"]) if labels else metric, family["type"], series)
    return metric


def fill(child, kind, series):
    """Sets values directly, even those that the methods would reject (a counter at NaN)."""
    if kind in ("counter", "gauge"):
        child._value.set(number(series["value"]))
    else:
        child._sum.set(number(series["sum"]))
    if kind == "summary":
        child._count.set(number(series["count"]))
    if kind == "histogram":
        for bucket, count in zip(child._buckets, series["counts"]):
            bucket.set(count)
    if series["created"] is not None:
        child._created = number(series["created"])


class Families:
    """The part of a registry that the exposition functions need."""

    def __init__(self, families):
        self.families = families

    def collect(self):
        for family in self.families:
            for metric in make_metric(family).collect():
                if not family["isCreated"]:
                    # Like the client's process collector, which exposes no creation times.
                    created = metric.name + "_created"
                    metric.samples = [s for s in metric.samples if s.name != created]
                yield metric


def expose(families, createdSeries):
    (enable_created_metrics if createdSeries else disable_created_metrics)()
    registry = Families(families)
    return {
        "text": generate_latest(registry).decode(),
        "openMetrics": openmetrics_exposition.generate_latest(registry, "allow-utf-8").decode(),
        "openMetricsByDefault": openmetrics_exposition.generate_latest(registry).decode(),
    }


def parse(format, text):
    module = openmetrics_parser if format == "openmetrics" else parser
    return [
        {
            "name": family.name,
            "type": family.type,
            "help": family.documentation,
            "samples": [
                {"name": name, "labels": labels, "value": bits(value)}
                for name, labels, value, *_ in family.samples
            ],
        }
        for family in module.text_string_to_metric_families(text)
    ]


def negotiate(accept):
    encoder, content_type = choose_encoder(accept)
    is_openmetrics = encoder(Families([])) == b"# EOF\n"
    return {"format": "openmetrics" if is_openmetrics else "prometheus", "contentType": content_type}


CALLS = {"expose": expose, "parse": parse, "negotiate": negotiate}

for line in sys.stdin:
    call, *arguments = json.loads(line)
    try:
        answer = {"result": CALLS[call](*arguments)}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
