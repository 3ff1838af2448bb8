"""Reports of a run: JUnit XML for a build server, one HTML page with pictures of traces, JSON for programs."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from html import escape
from pathlib import Path

from hil.measurement import Outcome
from hil.runner import PlanResult, RunResult

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}"
    "table{border-collapse:collapse;width:100%}td,th{border:1px solid #ccc;padding:.25rem .5rem;text-align:left}"
    ".passed{color:#0a6b2d}.failed,.error{color:#a50e0e;font-weight:600}pre{overflow:auto;background:#f5f5f5;"
    "padding:.5rem}svg{width:100%;border:1px solid #ddd}"
)


def write_reports(run: RunResult, folder: Path) -> dict[str, Path]:
    """Write `junit.xml`, `index.html`, `run.json` and each picture as its own SVG; returns where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / name for name in ("junit.xml", "index.html", "run.json")}
    paths["junit.xml"].write_text(junit(run), "utf-8")
    paths["index.html"].write_text(html(run), "utf-8")
    paths["run.json"].write_text(json.dumps(as_json(run), indent=2) + "\n", "utf-8")
    for result in run.results:
        for number, (_title, svg) in enumerate(result.record.pictures, 1):
            (folder / f"{result.plan.name}-{number}.svg").write_text(svg, "utf-8")
    return paths


def junit(run: RunResult) -> str:
    """One test suite, one test case a plan, every measurement as a property."""
    counts = {outcome: sum(result.outcome is outcome for result in run.results) for outcome in Outcome}
    suite = ET.Element(
        "testsuite",
        name=f"hil.{run.rig}",
        tests=str(len(run.results)),
        failures=str(counts[Outcome.FAILED]),
        errors=str(counts[Outcome.ERROR]),
        time=f"{sum(result.seconds for result in run.results):.3f}",
    )
    for result in run.results:
        case = ET.SubElement(suite, "testcase", classname=f"hil.{run.backend}", name=result.plan.name)
        case.set("time", f"{result.seconds:.3f}")
        properties = ET.SubElement(case, "properties")
        for found in result.record.measurements:
            ET.SubElement(properties, "property", name=found.name, value=f"{found.value} {found.unit}")
        if result.outcome is Outcome.FAILED:
            ET.SubElement(case, "failure", message=_why(result)).text = _detail(result)
        if result.outcome is Outcome.ERROR:
            ET.SubElement(case, "error", message=_why(result)).text = _xml_text(result.error)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def html(run: RunResult) -> str:
    """A page that needs nothing from the network."""
    title = escape(f"{run.rig} ({run.backend})")
    rows = "".join(
        f'<tr><td><a href="#{result.plan.name}">{result.plan.name}</a></td>'
        f'<td class="{result.outcome}">{result.outcome}</td><td>{result.seconds:.1f} s</td></tr>'
        for result in run.results
    )
    unfit = "".join(f"<li>{escape(name)}: this rig has no {escape(missing)}</li>" for name, missing in run.unfit)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f"<table><tr><th>plan</th><th>outcome</th><th>time</th></tr>{rows}</table>"
        + (f"<h2>Not for this rig</h2><ul>{unfit}</ul>" if unfit else "")
        + "".join(_section(result) for result in run.results)
        + "</body></html>\n"
    )


def as_json(run: RunResult) -> dict[str, object]:
    return {
        "rig": run.rig,
        "backend": run.backend,
        "passed": run.passed,
        "unfit": [{"plan": name, "missing": missing} for name, missing in run.unfit],
        "plans": [
            {
                "name": result.plan.name,
                "outcome": result.outcome.value,
                "seconds": round(result.seconds, 3),
                "error": result.error,
                "measurements": [
                    {"name": m.name, "value": m.value, "unit": m.unit, "low": m.low, "high": m.high}
                    for m in result.record.measurements
                ],
            }
            for result in run.results
        ],
    }


def _section(result: PlanResult) -> str:
    rows = "".join(
        f"<tr><td>{escape(m.name)}</td><td>{m.value} {escape(m.unit)}</td><td>{escape(m.limits)}</td>"
        f'<td class="{m.outcome}">{m.outcome}</td></tr>'
        for m in result.record.measurements
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in result.record.notes)
    pictures = "".join(f"<h3>{escape(name)}</h3>{svg}" for name, svg in result.record.pictures)
    error = f"<pre>{escape(result.error)}</pre>" if result.error else ""
    return (
        f'<h2 id="{result.plan.name}">{result.plan.name}: <span class="{result.outcome}">{result.outcome}</span></h2>'
        f"<p>{escape(result.plan.summary)}</p>{error}"
        f"<table><tr><th>measurement</th><th>value</th><th>limits</th><th>outcome</th></tr>{rows}</table>"
        f"{notes}{pictures}"
    )


def _why(result: PlanResult) -> str:
    if result.error:
        return _xml_text(result.error.strip().splitlines()[0])
    return "; ".join(str(m) for m in result.record.measurements if m.outcome is Outcome.FAILED) or "measured nothing"


def _detail(result: PlanResult) -> str:
    return _xml_text("\n".join([*map(str, result.record.measurements), *result.record.notes]))


def _xml_text(text: str) -> str:
    """Without the control characters that XML 1.0 forbids (a console is full of them)."""
    return "".join(c for c in text if c in "\n\t" or ord(c) >= 32)
