"""Keeps secrets out of everything that the logging library prints, whoever logs and whoever prints.

Two layers. A record factory masks each record as it is made, so that handlers which others install (the host's
console, the platform's telemetry) see masked text. A filter on handlers catches records that did not come through the
factory and fields passed as ``extra``. Neither touches an object that the program still uses: an exception whose text
holds a key is replaced in the record by a masked copy.
"""

import logging
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from shared_code.observability.redaction import redact

#: top-level names of our own loggers; ``ApplicationLogger.get_logger`` adds to them
OWN_LOGGERS = {
    "shared_code",
    "ExtractFunction",
    "InvoiceBlobFunction",
    "UsageRollupFunction",
    "TokenAdminFunction",
    "HealthFunction",
    "ExtractionFunction",
    "ExtractionJobFunction",
}
_MARK = "_redacts_secrets"
_DONE = "_masked_message"
_MAX_CHAIN = 50
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", _DONE}


def install_redaction() -> None:
    """Mask every record from now on, and on every handler that exists now. Safe to call again."""
    current = logging.getLogRecordFactory()
    if not getattr(current, _MARK, False):
        logging.setLogRecordFactory(redacting_factory(current))
    loggers = [item for item in logging.root.manager.loggerDict.values() if isinstance(item, logging.Logger)]
    for logger in [logging.root, *loggers]:
        for handler in logger.handlers:
            if not any(isinstance(item, RedactingFilter) for item in handler.filters):
                handler.addFilter(RedactingFilter())


def redacting_factory(make: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    """A record factory that masks what ``make`` makes."""

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        redact_record(record)
        return record

    setattr(factory, _MARK, True)
    return factory


class RedactingFilter(logging.Filter):
    """Masks each record that passes, and the texts in its ``extra`` fields."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, masked."""
        redact_record(record)
        for name in record.__dict__.keys() - _STANDARD_FIELDS:
            value = record.__dict__[name]
            masked = redact_value(value)
            if masked is not value:
                record.__dict__[name] = masked
        return True


def redact_record(record: logging.LogRecord) -> None:
    """Mask message, arguments, exception and stack of ``record`` in place. Never raises.

    A record that was masked and not changed since is left alone: it passes a factory and several handlers.
    """
    if record.__dict__.get(_DONE) is record.msg:
        return
    try:
        message = record.getMessage()
    except Exception as error:  # noqa: BLE001 - any object's __str__ may fail
        # logging would print the raw arguments of such a call to stderr.
        record.msg = redact(f"[log call with unfitting arguments: {type(error).__name__}] {record.msg!r:.2000}")
        record.args = ()
    else:
        masked = redact(message)
        if masked != message or _hidden_in_arguments(record, message):
            record.msg, record.args = masked, ()
    if record.exc_info and record.exc_info[1] is not None and not record.exc_text:
        _redact_exception(record, record.exc_info[1])
    elif record.exc_text:
        record.exc_text = redact(record.exc_text)
    if record.stack_info:
        record.stack_info = redact(record.stack_info)
    record.__dict__[_DONE] = record.msg


def redact_value(value: Any) -> Any:
    """``value`` with every text inside dicts, lists and tuples masked; the same object when nothing was found."""
    if isinstance(value, str):
        masked = redact(value)
        return value if masked == value else masked
    if not isinstance(value, dict | list | tuple) or not _holds_secret(value):
        return value
    if isinstance(value, dict):
        copy = {key: redact_value(item) for key, item in value.items()}
        return copy if any(copy[key] is not value[key] for key in copy) else value
    items = [redact_value(item) for item in value]
    if all(new is old for new, old in zip(items, value, strict=True)):
        return value
    return items if isinstance(value, list) else tuple(items)


def _holds_secret(value: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> bool:
    """Whether anything in there is to be masked, by one look at all its texts, each of them once.

    Most values hold no secret, and a look at each text takes several times as long. What would be masked in one of
    them is masked in the whole as well, because each stands on a line of its own.
    """
    texts: set[str] = set()
    _collect_texts(value, texts)
    whole = "\n".join(texts)
    return redact(whole) != whole


def _collect_texts(value: Any, texts: set[str]) -> None:
    if isinstance(value, str):
        texts.add(value)
    elif isinstance(value, dict):
        for item in value.values():
            _collect_texts(item, texts)
    elif isinstance(value, list | tuple):
        for item in value:
            _collect_texts(item, texts)


def redacted_traceback(error: BaseException) -> str:
    """The traceback with its chain as Python prints it, masked; a short note when an exception cannot be printed."""
    try:
        return redact("".join(traceback.format_exception(error)).rstrip("\n"))
    except Exception:  # noqa: BLE001 - a foreign __str__ may fail
        return f"{type(error).__qualname__}: [could not be printed]"


def _hidden_in_arguments(record: logging.LogRecord, message: str) -> bool:
    """Whether an argument holds a secret that the clean message does not show (a handler may print arguments)."""
    if not record.args:
        return False
    values = record.args.values() if isinstance(record.args, dict) else record.args
    return any(
        redact_value(value) is not value
        for value in values
        if isinstance(value, dict | list | tuple) or (isinstance(value, str) and value not in message)
    )


def _redact_exception(record: logging.LogRecord, error: BaseException) -> None:
    """Format the exception now, masked; handlers that look at the object itself get a masked copy where needed."""
    try:
        plain = "".join(traceback.format_exception(error)).rstrip("\n")
    except Exception:  # noqa: BLE001 - a foreign __str__ may fail
        record.exc_text, record.exc_info = redacted_traceback(error), None
        return
    record.exc_text = redact(plain)
    if record.exc_text != plain:
        copy = _masked_copy(error, depth=0)
        record.exc_info = (type(copy), copy, copy.__traceback__)


def _masked_copy(error: BaseException, *, depth: int) -> BaseException:
    """An exception that prints like ``error``, masked, with its causes; nested groups are in ``exc_text`` only."""
    kind = type(error)
    stand_in: type[Exception] = type(kind.__name__, (Exception,), {"__module__": kind.__module__})
    copy = stand_in(redact(str(error)))
    for note in getattr(error, "__notes__", ()):
        copy.add_note(redact(str(note)))
    if depth < _MAX_CHAIN:
        if error.__cause__ is not None:
            copy.__cause__ = _masked_copy(error.__cause__, depth=depth + 1)
        elif error.__context__ is not None and not error.__suppress_context__:
            copy.__context__ = _masked_copy(error.__context__, depth=depth + 1)
    copy.__suppress_context__ = error.__suppress_context__
    return copy.with_traceback(_clean_frames(error.__traceback__))


def _clean_frames(frames: TracebackType | None) -> TracebackType | None:
    """The frames, unless a line of source in them holds a secret."""
    text = "".join(traceback.format_tb(frames))
    return frames if redact(text) == text else None


def is_worth_recording(record: logging.LogRecord) -> bool:
    """Our own records, whatever their level; those of libraries from WARNING."""
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] in OWN_LOGGERS
