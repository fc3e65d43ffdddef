"""The companies' API keys as the seed document describes them, and their use by the pipeline.

In this system a *token* is a company's provider API key: ``token_id``, ``api_key``. Model tokens are counts.
Seed-shaped calls on the class (``TokenManager.get_active_token("NT047")``) use the default instance.
"""

import logging
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from shared_code import defaults, errors
from shared_code.database.stores import tokens, usage
from shared_code.metering import key_selection
from shared_code.metering.app_setting import AppSetting
from shared_code.metering.usage_text import parse_run_usage
from shared_code.observability import redaction
from shared_code.periods import local_day, zone
from shared_code.records import ApiKey, Caller, KeyStatus, Provider, Source, Usage, UsageKind, UsageRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database
    from shared_code.database.key_cipher import KeyCipher
    from shared_code.database.stores.tokens import ApiKeyRow

_log = logging.getLogger(__name__)

#: two of these fit into the INT column of a row's total
_MOST = (2**31 - 1) // 2
_MODALITIES = ("text_prompt_tokens", "image_prompt_tokens", "text_candidates_tokens")


@dataclass(frozen=True, slots=True)
class CompanyKeys:
    """Usable keys of a company (never empty) and the time zone by which its days turn.

    ``model`` is the one that APP_SETTING_FILE names, for a company that is served by its key.
    """

    keys: tuple[ApiKey, ...]
    time_zone: str | None
    model: str | None = None


class _OnDefault:
    """Lets a method be called on the class as well; it then runs on the default instance."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __get__(self, instance: "TokenManager | None", owner: "type[TokenManager]") -> Callable[..., Any]:
        return self._function.__get__(instance if instance is not None else owner.default(), owner)  # type: ignore[no-any-return]


class TokenManager:
    """Finds the keys of a company and books use that was reported from outside.

    :param app_setting: the fallback for companies without any row, or None.
    """

    def __init__(
        self,
        database: "Database",
        cipher: "KeyCipher",
        *,
        models: Mapping[Provider, str],
        default_zone: str = "UTC",
        app_setting: AppSetting | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._models = models
        self._default_zone = default_zone
        self._app_setting = app_setting
        self._clock = clock

    @classmethod
    def default(cls) -> Self:
        """The instance that bootstrap built."""
        return defaults.default_services().token_manager  # type: ignore[no-any-return]

    def usable_keys(self, company_id: str) -> CompanyKeys:
        """The keys that may serve the company, budgets included. One statement.

        :raises errors.TokenNotFound: the company has no key at all.
        :raises errors.TokenExpired, errors.TokenUnavailable: none is usable; the newest one decides which.
        :raises errors.ConfigurationError: the key ring opens none of the usable keys; one beside others is left out.
        """
        rows = self._database.read(lambda connection: tokens.company_keys(connection, company_id))
        if not rows:
            key, model = self._fallback(company_id)
            return CompanyKeys((key,), None, model)
        now = self._clock().astimezone(UTC).replace(tzinfo=None)
        usable = [row for row in rows if _usable(row, now)]
        if not usable:
            raise _refusal(rows, now)
        return CompanyKeys(self._opened(usable), rows[0].time_zone)

    @_OnDefault
    def get_active_token(self, company_id: str) -> dict[str, Any]:
        """A random key among the company's usable ones, Active before BelowThreshold.

        Returns ``success, token_id, api_key, provider, status, total_limit``; without one ``success`` is False and
        ``message`` says why in the seed's words.
        """
        company = company_id.strip().upper()
        try:
            keys = self.usable_keys(company).keys
        except errors.AccessError as error:
            return {"success": False, "message": error.message}
        best = min(key_selection.USABLE.index(key.status) for key in keys)
        key = random.choice(  # noqa: S311 - spreads load, guards nothing
            [key for key in keys if key_selection.USABLE.index(key.status) == best]
        )
        _log.info("Token %s selected for company %s", key.token_id, company)
        return {
            "success": True,
            "token_id": key.token_id,
            "api_key": key.secret,
            "provider": key.provider.value,
            "status": key.status.value,
            "total_limit": key.total_token_limit,
        }

    @_OnDefault
    def check_token_status(self, company_id: str) -> dict[str, Any]:
        """``{"has_error": bool, "message": str | None}``: whether the company has a usable key."""
        try:
            self.usable_keys(company_id.strip().upper())
        except errors.AccessError as error:
            return {"has_error": True, "message": error.message}
        return {"has_error": False, "message": None}

    @_OnDefault
    def log_token_usage(
        self,
        token_id: int,
        usage_info: Mapping[str, Any],
        branch: str | None = None,
        requested_by: str | None = None,
    ) -> dict[str, Any]:
        """Book use that was reported from outside: a usage row and the key's running totals, in one transaction.

        ``usage_info`` has the shape of :meth:`extract_usage_from_log`. Returns ``{"success": True, "call_id": ...}``;
        an unknown token is ``{"success": False, "message": ...}``.
        """
        reported = _reported_usage(usage_info)
        call_id = str(uuid.uuid4())

        def work(connection: "Connection") -> bool:
            token = tokens.get_token(connection, token_id)
            if token is None:
                return False
            tokens.ensure_summary(connection, token_id, token.total_token_limit)
            caller = Caller((token.company_id or "").strip().upper(), requested_by, branch)
            day = local_day(self._clock(), zone(token.time_zone, self._default_zone))
            row = UsageRow(
                call_id=call_id,
                attempt=1,
                kind=UsageKind.USAGE,
                token_id=token_id,
                caller=caller,
                usage=reported,
                local_day=day,
                model=None,
                source=Source.CLI,
                outcome="reported",
            )
            if usage.insert_usage_once(connection, row):
                usage.add_to_summary(connection, token_id, used=reported.billable_tokens or 0)
            return True

        if not self._database.run(work, on_unknown=lambda _connection: None):
            return {"success": False, "message": f"Token {token_id} does not exist."}
        return {"success": True, "call_id": call_id}

    @staticmethod
    def extract_usage_from_log(line: str) -> dict[str, int | None]:
        """Counts of a RunUsage log line, by the seed's names; see :func:`usage_text.parse_run_usage`."""
        return parse_run_usage(line)

    @_OnDefault
    def get_gemini_model_and_api_key(self, company_id: str) -> tuple[str, str | None, dict[str, Any]]:
        """``(model, api_key, token_info)``: the database first, then APP_SETTING_FILE for a company without rows.

        ``token_info`` is the result of :meth:`get_active_token`; ``api_key`` is None when it was not successful.
        """
        info = self.get_active_token(company_id)
        if not info["success"]:
            return self._models[Provider.GEMINI], None, info
        if info["token_id"] is None and self._app_setting is not None:
            return self._app_setting.model, info["api_key"], info
        return self._models[Provider(info["provider"])], info["api_key"], info

    def _opened(self, rows: "Sequence[ApiKeyRow]") -> tuple[ApiKey, ...]:
        keys, faults = [], []
        for row in rows:
            try:
                keys.append(row.decrypted(self._cipher))
            except errors.ConfigurationError as fault:
                faults.append(fault)
        if not keys:
            raise faults[0]
        for left_out in faults:
            _log.error("a key is left out: %s", left_out.message)
        for key in keys:
            redaction.remember_secret(key.secret)
        return tuple(keys)

    def _fallback(self, company_id: str) -> tuple[ApiKey, str]:
        if self._app_setting is None:
            raise errors.TokenNotFound
        _log.warning("company %s has no key; the one in APP_SETTING_FILE is used", company_id)
        redaction.remember_secret(self._app_setting.secret)
        key = ApiKey(
            token_id=None,
            company_id=company_id,
            provider=Provider.GEMINI,
            status=KeyStatus.ACTIVE,
            secret=self._app_setting.secret,
        )
        return key, self._app_setting.model


def _usable(row: "ApiKeyRow", now: datetime) -> bool:
    return (
        key_selection.usable(KeyStatus.parse(row.status))
        and Provider.parse(row.provider) is not None
        and bool((row.stored_key or "").strip())
        and not _expired(row, now)
    )


def _expired(row: "ApiKeyRow", now: datetime) -> bool:
    return KeyStatus.parse(row.status) is KeyStatus.EXPIRED or (row.expires_at is not None and row.expires_at <= now)


def _refusal(rows: "Sequence[ApiKeyRow]", now: datetime) -> errors.AccessError:
    newest = max(rows, key=lambda row: (row.created_at or datetime.min, row.token_id))  # noqa: DTZ901 - naive like the column
    return errors.TokenExpired() if _expired(newest, now) else errors.TokenUnavailable()


def _reported_usage(info: Mapping[str, Any]) -> Usage:
    counts: dict[str, int | None] = {}
    for name in ("input_tokens", "output_tokens", "requests", *_MODALITIES):
        value = info.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST):
            raise errors.InvalidRequest(
                f"{name} must be a whole number from 0 to {_MOST}, not {value!r}.", details={"field": name}
            )
        counts[name] = value
    known = {name: count for name in _MODALITIES if (count := counts[name]) is not None}
    requests = counts["requests"]
    return Usage(
        input_tokens=counts["input_tokens"],
        output_tokens=counts["output_tokens"],
        modalities=known,
        requests=1 if requests is None else requests,
    )
