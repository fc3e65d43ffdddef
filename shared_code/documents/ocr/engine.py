"""Reads the text of a picture: where lines of text stand, which way up they are, and what they say.

Runs inside the reader's process only. RapidOCR (Apache-2.0) with the models of its own wheel, whose paths are given so
that nothing is ever downloaded. Words are found on a picture of ``DETECTED_SIDE`` pixels and read on the full one: 736
cost 1.1 s of CPU for a page in A4 and lost none of 306 figures of 32 scanned pages, 640 lost one, 960 cost 1.6 s.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from shared_code.documents import images, refusals

#: longest side of the picture on which text is looked for
DETECTED_SIDE = 736
#: the same for a first look that only tells which way up a page is
_LOOK_SIDE = 480
#: longest side of the picture whose text is read
_READ_SIDE = images.LONGEST_SIDE
#: lines that vote on which way up the page is
_VOTERS = 12
_LEAST_VOTERS = 3
#: a line so many times longer than it is high tells which way it runs
_LINE_SHAPE = 2.0
_LEAST_SCORE = 0.3
#: a page is turned when so many of its lines say so
_MAJORITY = 0.7
_HALF_TURN = 180
_MODELS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
}

type Facts = dict[str, Any]


def is_installed() -> bool:
    """Whether the libraries of ``requirements-ocr.txt`` are there; does not load them."""
    return all(find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines of text that were found: four corners each, clockwise from the one that is top left of an upright line."""

    corners: Any

    @property
    def sizes(self) -> list[tuple[float, float]]:
        """Width and height of each."""
        import numpy as np

        def length(a: Any, b: Any) -> float:
            return float(np.linalg.norm(a - b))

        return [(length(one[0], one[1]), length(one[0], one[3])) for one in self.corners]

    @property
    def is_sideways(self) -> bool:
        """Whether most lines run up or down."""
        upright = sum(width for width, height in self.sizes if width > _LINE_SHAPE * height)
        sideways = sum(height for width, height in self.sizes if height > _LINE_SHAPE * width)
        return sideways > upright

    @property
    def skew(self) -> float:
        """Degrees by which lines fall to the right: the median of the longer half."""
        import numpy as np

        long = sorted(zip((width for width, _ in self.sizes), self.corners, strict=True), key=lambda one: -one[0])
        angles = [np.degrees(np.arctan2(one[1][1] - one[0][1], one[1][0] - one[0][0])) for _, one in long]
        return round(float(np.median(angles[: max(len(angles) // 2, 1)])), 2) if angles else 0.0


class Engine:
    """The models, loaded. Used by one thread."""

    def __init__(self) -> None:
        import cv2
        import rapidocr

        cv2.setNumThreads(1)
        models = Path(rapidocr.__file__).parent / "models"
        threads = "EngineConfig.onnxruntime"
        self._reader: Any = rapidocr.RapidOCR(
            params={f"{part}.model_path": str(models / name) for part, name in _MODELS.items()}
            | {
                "Global.log_level": "critical",
                "Global.use_preprocess_img": False,
                "Global.text_score": 0.0,
                "Det.limit_type": "max",
                "Det.limit_side_len": DETECTED_SIDE,
                # one line at a time: a batch is as wide as its longest line
                "Rec.rec_batch_num": 1,
                f"{threads}.intra_op_num_threads": 1,
                f"{threads}.inter_op_num_threads": 1,
            }
        )

    def look(self, data: bytes) -> Facts:
        """Which way up the picture is: ``turn``, the degrees clockwise that make it upright.

        :raises errors.InvalidFile: the picture cannot be decoded (reason ``corrupt``).
        """
        picture = _decoded(data, _READ_SIDE)
        return {"turn": self._turn_of(picture)}

    def read(self, data: bytes) -> Facts:
        """The lines of an upright picture.

        ``lines`` are texts with their score (0 to 1) and corners in fractions of the picture, from top left clockwise;
        ``width`` and ``height`` are pixels, ``skew`` the degrees by which lines fall to the right.

        :raises errors.InvalidFile: the picture cannot be decoded (reason ``corrupt``).
        """
        picture = _decoded(data, _READ_SIDE)
        height, width = picture.shape[:2]
        found = self._reader(picture, use_det=True, use_cls=False, use_rec=True)
        boxes = [] if found.boxes is None else found.boxes
        lines = [
            {
                "text": text,
                "score": round(float(score), 3),
                "corners": [[round(float(x) / width, 5), round(float(y) / height, 5)] for x, y in box],
            }
            for box, text, score in zip(boxes, found.txts or (), found.scores or (), strict=True)
            if score >= _LEAST_SCORE
        ]
        return {"lines": lines, "width": width, "height": height, "skew": _Lines(boxes).skew}

    def _turn_of(self, picture: Any) -> int:
        import numpy as np

        lines = self._find(picture, _LOOK_SIDE)
        # Lines of a small print run into columns on a small picture: what is rare is looked at twice.
        sideways = lines.is_sideways and self._find(picture, DETECTED_SIDE).is_sideways
        if sideways:
            # Turned first: the classifier knows upright lines and those on their heads.
            picture = np.ascontiguousarray(np.rot90(picture, -1))
            lines = self._find(picture, _LOOK_SIDE)
        votes = self._heads_down(picture, lines)
        on_its_head = len(votes) >= _LEAST_VOTERS and sum(votes) >= _MAJORITY * len(votes)
        return (90 if sideways else 0) + (_HALF_TURN if on_its_head else 0)

    def _find(self, picture: Any, longest_side: int) -> _Lines:
        import cv2

        height, width = picture.shape[:2]
        scale = min(1.0, longest_side / max(height, width))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        found = self._reader(small, use_det=True, use_cls=False, use_rec=False)
        boxes = getattr(found, "boxes", None)
        return _Lines([] if boxes is None else boxes / scale)

    def _heads_down(self, picture: Any, lines: _Lines) -> list[bool]:
        """What the classifier says of the longest lines: whether each stands on its head."""
        import numpy as np
        from rapidocr.utils.process_img import get_rotate_crop_image

        by_length = sorted(zip(lines.sizes, lines.corners, strict=True), key=lambda one: -one[0][0])
        votes = []
        for (width, height), corners in by_length[:_VOTERS]:
            if width > _LINE_SHAPE * height:
                crop = get_rotate_crop_image(picture, np.array(corners, dtype=np.float32))
                found = self._reader(crop, use_det=False, use_cls=True, use_rec=False)
                votes.append(found.cls_res[0][0] == str(_HALF_TURN))
        return votes


def _decoded(data: bytes, longest_side: int) -> Any:
    """The picture as rows of blue, green and red, which is the order that the models know."""
    import numpy as np
    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
            plain = images.flattened(image)
    except OSError as error:
        raise refusals.invalid_file("corrupt") from error
    plain.thumbnail((longest_side, longest_side))
    return np.ascontiguousarray(np.asarray(plain.convert("RGB"))[:, :, ::-1])
