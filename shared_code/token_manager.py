"""The seed document's token manager: the API keys of a company, and use of them that was reported from outside.

In this system a *token* is a company's provider API key: ``token_id``, ``api_key``. Model tokens are counts.
Seed-shaped calls on the class (``TokenManager.get_active_token("NT047")``) use the default instance.
"""

import logging
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from shared_code import bootstrap, errors
from shared_code.metering.app_setting import AppSetting
from shared_code.metering.keys import USABLE_STATUSES, KeyFinder
from shared_code.metering.reported_usage import ReportedUsage
from shared_code.metering.usage_text import parse_run_usage
from shared_code.records import Provider

if TYPE_CHECKING:
    from shared_code.database.connection import Database
    from shared_code.database.key_cipher import KeyCipher

_log = logging.getLogger(__name__)

#: why a company has no usable key
_NO_KEY = (errors.AccessError, errors.QuotaExceeded)


class _OnDefault:
    """Lets a method be called on the class as well; it then runs on the default instance."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __get__(self, instance: "TokenManager | None", owner: "type[TokenManager]") -> Callable[..., Any]:
        return self._function.__get__(instance if instance is not None else owner.default(), owner)  # type: ignore[no-any-return]


class TokenManager:
    """Finds the keys of a company and books use that was reported from outside.

    :param models: the model to name for keys of each provider.
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
        self._keys = KeyFinder(database, cipher, app_setting=app_setting, clock=clock)
        self._reported = ReportedUsage(database, clock=clock, default_zone=default_zone)
        self._models = models
        self._app_setting = app_setting

    @classmethod
    def default(cls) -> Self:
        """An instance on the services of this process. Raises ConfigurationError when settings are wrong."""
        services = bootstrap.services()
        return cls(
            services.database,
            services.cipher,
            models={provider: names[0] for provider, names in services.models.items()},
            default_zone=services.settings.default_time_zone,
            app_setting=services.app_setting,
            clock=services.clock,
        )

    @_OnDefault
    def get_active_token(self, company_id: str) -> dict[str, Any]:
        """A random key among the company's usable ones, Active before BelowThreshold.

        Returns ``success, token_id, api_key, provider, status, total_limit``; without one ``success`` is False and
        ``message`` says why: in the seed's words, or which limit is used up.
        """
        company = company_id.strip().upper()
        try:
            keys = self._keys.usable_keys(company).keys
        except _NO_KEY as error:
            return {"success": False, "message": error.message}
        best = min(USABLE_STATUSES.index(key.status) for key in keys)
        key = random.choice(  # noqa: S311 - spreads load, guards nothing
            [key for key in keys if USABLE_STATUSES.index(key.status) == best]
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
            self._keys.usable_keys(company_id.strip().upper())
        except _NO_KEY as error:
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
        """Book use that was reported from outside: a usage row and all totals that it moves, in one transaction.

        ``usage_info`` has the shape of :meth:`extract_usage_from_log`. Returns ``{"success": True, "call_id": ...}``;
        an unknown token is ``{"success": False, "message": ...}``.
        """
        call_id = self._reported.book(token_id, usage_info, branch=branch, username=requested_by)
        if call_id is None:
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


def get_gemini_model_and_api_key(company_id: str) -> tuple[str, str | None, dict[str, Any]]:
    """See :meth:`TokenManager.get_gemini_model_and_api_key`."""
    found: tuple[str, str | None, dict[str, Any]] = TokenManager.get_gemini_model_and_api_key(company_id)
    return found
