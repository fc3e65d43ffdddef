"""Scans beside the second reader: errors that it finds, false alarms that it raises, and the time that it costs.

The text PDFs of tests/data/answers, printed and scanned: 150 dots per inch, slight noise, askew by up to two degrees,
JPEG at quality 70. Each is replayed with the answer that a model gave, with the reader and without.
"""

import argparse
import io
import json
import random
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench import documents, rig
from devstack.gemini import GeminiStandIn
from shared_code.records import Caller, CallIdentity, Source

CASES = documents.ROOT / "tests" / "data" / "answers"
_DPI = 150
_QUALITY = 70
_NOISE = 6.0
_ASKEW = 2.0
_MOST_PAGES = 6
_ROUNDS = 7
_AT_ONCE = 10
_WAIT_SECONDS = "5"


def main(*, cases: Path = CASES, every: int = 1) -> None:
    """Print the figures; ``every`` takes only each so many-th case."""
    scans = list(_scans(cases, every))
    print(f"{len(scans)} scans")
    for ocr in ("off", "auto"):
        with GeminiStandIn() as gemini, rig.environment(gemini.url, OCR=ocr, OCR_WAIT_SECONDS="60"):
            _replay(gemini, scans, ocr)
    one = next(scan for scan in scans if "planted_error" not in scan["wanted"])
    for milliseconds in (5_000, 200):
        for ocr in ("off", "auto"):
            with GeminiStandIn() as gemini, rig.environment(gemini.url, OCR=ocr, OCR_WAIT_SECONDS=_WAIT_SECONDS):
                _latency(gemini, one, ocr, milliseconds)
    with GeminiStandIn() as gemini, rig.environment(gemini.url, OCR="auto", OCR_WAIT_SECONDS=_WAIT_SECONDS):
        _at_once(gemini, one)


def scanned(pdf: bytes, *, seed: int) -> bytes | None:
    """A PDF as a scan of its pages; None when it has too many."""
    import numpy as np
    import pypdfium2
    from PIL import Image

    chance, noise = random.Random(seed), np.random.default_rng(seed)
    document = pypdfium2.PdfDocument(pdf)
    document.init_forms()
    pages = []
    for index in range(len(document) if len(document) <= _MOST_PAGES else 0):
        image = document[index].render(scale=_DPI / 72).to_pil().convert("RGB")
        image = image.rotate(chance.uniform(-_ASKEW, _ASKEW), Image.Resampling.BICUBIC, fillcolor="white")
        pixels = np.asarray(image, dtype=np.float32) * 0.97
        pixels += noise.normal(0, _NOISE, pixels.shape)
        pages.append(Image.fromarray(pixels.clip(0, 255).astype("uint8")))
    document.close()
    if not pages:
        return None
    buffer = io.BytesIO()
    pages[0].save(buffer, "PDF", save_all=True, append_images=pages[1:], resolution=_DPI, quality=_QUALITY)
    return buffer.getvalue()


def _scans(cases: Path, every: int) -> Iterator[dict[str, Any]]:
    for path in sorted(cases.glob("*.expected.json"))[::every]:
        name = path.name.removesuffix(".expected.json")
        wanted = json.loads(path.read_text(encoding="utf-8"))["expected"]
        answers = json.loads((cases / f"{name}.answer.json").read_text(encoding="utf-8"))["model_answers"]
        judged = isinstance(wanted, dict) and ("planted_error" in wanted or wanted.get("status") == "ok")
        if not judged or not isinstance(answers[0], dict):
            continue
        data = scanned((cases / f"{name}.pdf").read_bytes(), seed=sum(map(ord, name)))
        if data is not None:
            yield {"name": name, "wanted": wanted, "answer": answers[0], "data": data}


def _extract(data: bytes, number: str) -> dict[str, Any]:
    from shared_code import bootstrap
    from shared_code.extraction.submission import Submission

    identity = CallIdentity(number, Caller(rig.COMPANY, "u", "b"), Source.HTTP, number)
    submission = Submission(data=data, identity=identity, deadline_seconds=200.0, file_name="scan.pdf", force=True)
    return dict(bootstrap.services().extraction.extract(submission).data)


def _replay(gemini: GeminiStandIn, scans: list[dict[str, Any]], ocr: str) -> None:
    counts: Counter[str] = Counter()
    for at, scan in enumerate(scans):
        gemini.reset()
        gemini.fault("answer", json=scan["answer"], times=0)
        verdict = _verdict(_extract(scan["data"], f"replay-{ocr}-{at}"), scan["wanted"])
        counts[verdict] += 1
        if ocr == "auto" and verdict in {"missed", "flagged", "lost"}:
            print(f"  {verdict} {scan['name']}")
    planted = counts["missed"] + counts["caught"]
    right = counts["ok"] + counts["flagged"] + counts["lost"]
    missed, alarms = counts["missed"] / planted, (counts["flagged"] + counts["lost"]) / right
    print(
        f"OCR {ocr:4}: planted errors missed {missed:.0%} of {planted}, right answers flagged {alarms:.1%} of {right}"
    )


def _verdict(data: dict[str, Any], wanted: dict[str, Any]) -> str:
    invoice = (data["invoices"] or [None])[0]
    flagged = data["status"] != "ok"
    if "planted_error" in wanted:
        field = wanted["planted_error"]["field"]
        true = wanted.get("true_values", {})
        corrected = field in true and _at(invoice, field) == true[field]
        return "caught" if flagged or corrected else "missed"
    if any(_at(invoice, path) != value for path, value in (wanted.get("values") or {}).items()):
        return "lost"
    return "flagged" if flagged else "ok"


def _latency(gemini: GeminiStandIn, scan: dict[str, Any], ocr: str, milliseconds: int) -> None:
    gemini.fault("answer", json=scan["answer"], times=0)
    gemini.latency(milliseconds)
    times = []
    for at in range(_ROUNDS + 1):
        started = time.perf_counter()
        _extract(scan["data"] + b"\n%% %d" % at, f"latency-{ocr}-{milliseconds}-{at}")
        times.append(time.perf_counter() - started)
    # The first one starts the processes.
    print(
        f"OCR {ocr:4}: model {milliseconds} ms, first {times[0]:.2f} s, then p50 {statistics.median(times[1:]):.2f} s"
    )


def _at_once(gemini: GeminiStandIn, scan: dict[str, Any]) -> None:
    gemini.fault("answer", json=scan["answer"], times=0)
    gemini.latency(200)
    started = time.perf_counter()

    def one(at: int) -> tuple[bool, float]:
        data = _extract(scan["data"] + b"\n%% %d" % at, f"once-{at}")
        said = any(warning["code"] == "second_reading_missing" for warning in data["warnings"])
        return said, time.perf_counter() - started

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        done = list(pool.map(one, range(_AT_ONCE)))
    late = sum(said for said, _ in done)
    last = max(at for _, at in done)
    print(f"{_AT_ONCE} at once: {_AT_ONCE - late} compared, {late} said that they were not; last after {last:.1f} s")
    _memory()


def _memory() -> None:
    from shared_code import bootstrap

    readings = bootstrap.services().second_readings
    if readings is not None and readings.reader.pid is not None:
        status = Path(f"/proc/{readings.reader.pid}/status")
        if status.exists():
            peak = re.search(r"VmHWM:\s+(\d+)", status.read_text(encoding="ascii"))
            print(f"peak memory of the reader's process: {int(peak[1]) // 1024 if peak else 0} MB")


def _at(value: Any, path: str) -> Any:
    for step in re.findall(r"[^.\[\]]+", path):
        try:
            value = value[int(step)] if step.isdigit() else value.get(step)
        except (IndexError, AttributeError, TypeError):
            return None
        if value is None:
            return None
    return value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, default=CASES)
    parser.add_argument("--every", type=int, default=1)
    main(**vars(parser.parse_args()))
