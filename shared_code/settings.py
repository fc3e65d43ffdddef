"""All configuration, read once from the environment into one frozen object.

Nothing here is read at import. Every problem is reported in one :class:`ConfigurationError`, so that a deployment is
mended in one go. Values that are secrets are ``SecretStr``: they show as ``**********`` wherever they are printed.
"""

import os
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared_code.errors import ConfigurationError
from shared_code.periods import zone_name
from shared_code.records import BYTES_PER_MB


def platform_variable() -> str | None:
    """The first variable that says that this process runs on the platform; None on other machines.

    ``func start`` sets ``WEBSITE_HOSTNAME`` too, to an address of the developer's machine.
    """
    names = (name for name in os.environ if name.upper().startswith("WEBSITE_"))
    return min((name for name in names if not _is_of_func_start(name)), default=None)


def _is_of_func_start(name: str) -> bool:
    return name.upper() == "WEBSITE_HOSTNAME" and is_local_address(os.environ[name])


def is_local_address(text: str) -> bool:
    """Whether ``host`` or ``host:port`` is this machine, by name or address."""
    return text.partition(":")[0].lower() in {"localhost", "127.0.0.1"}


class UnmeasuredCalls(StrEnum):
    """What becomes of a call whose cost nobody learned: book its bound, or release it."""

    BOOK = "book"
    RELEASE = "release"


class KeepDocuments(StrEnum):
    """Of which documents a copy is kept after they were read: of none, of those that a person must look at, of all."""

    OFF = "off"
    REVIEW = "review"
    ALL = "all"


class Ocr(StrEnum):
    """Whether pages without text are read by the second reader: never, or where it is installed."""

    OFF = "off"
    AUTO = "auto"


class OcrVerify(StrEnum):
    """Whether it also reads pages with text, to compare their totals: never, or where the reading is doubtful."""

    OFF = "off"
    DOUBTFUL = "doubtful"


Positive = Annotated[float, Field(gt=0)]
PositiveInt = Annotated[int, Field(gt=0)]


class Settings(BaseSettings):
    """One field per setting; the environment variable is the field's name in upper case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    # Database: one of the two, SQLite in the working folder when neither is set
    azure_sql_connection_string: SecretStr | None = None
    database_url: SecretStr | None = None
    db_auto_migrate: bool = True
    db_pool_size: PositiveInt = 10
    db_max_overflow: Annotated[int, Field(ge=0)] = 5
    #: connections that the database takes from all processes of the service together; the deployment computes it
    db_connection_limit: PositiveInt | None = None
    #: processes that may run at once at worst: instances times worker processes
    db_worst_case_processes: PositiveInt = 1
    #: seconds; Azure's gateway drops idle sockets at about 30 minutes
    db_pool_recycle_seconds: PositiveInt = 1500
    db_login_timeout_seconds: PositiveInt = 5
    #: seconds that a request waits in all for a database that comes back
    db_retry_budget_seconds: Positive = 20.0
    #: client id of a user-assigned managed identity, for connections by access token
    db_managed_identity_client_id: str | None = None
    #: ``kid:base64 of 32 bytes`` pairs joined by commas, newest first
    token_encryption_keys: SecretStr | None = None

    # Models
    gemini_base_url: str | None = None
    #: the SDK's own default is v1; kept explicit because a change of default would change the wire format
    gemini_api_version: str = "v1beta"
    gemini_model: str = "gemini-3.5-flash-lite"
    gemini_fallback_model: str | None = "gemini-3.8-flash"
    openai_base_url: str | None = None
    openai_model: str = "gpt-5-mini"
    openai_fallback_model: str | None = "gpt-4.1-mini"
    #: models that a caller may ask for by name, beside the configured ones; joined by commas
    allowed_models: str = ""
    #: PEM public keys or certificates of the Indian e-invoice portals, one after another; ``\n`` for line ends is
    #: fine. Without them a signed QR code is used, but called unverified
    irn_public_keys: str | None = None
    #: the seed's fallback file; off unless named
    app_setting_file: str | None = None

    # Requests
    max_upload_mb: Positive = 20.0
    max_pages: PositiveInt = 30
    #: worker processes of an instance, which the platform starts; they share what the instance takes
    functions_worker_process_count: Annotated[int, Field(ge=1, le=10)] = 1
    #: uploads in work at once before BUSY, each on a thread of its own; one company gets two thirds of them
    max_concurrent_uploads: PositiveInt = 96
    #: that uploads may hold at once, in all their copies; by the memory of the machine unless given
    max_upload_memory_mb: PositiveInt | None = None
    #: seconds for one request in all; Azure cuts at 230
    request_deadline_seconds: Positive = 200.0
    #: seconds for one blob or job in all
    blob_deadline_seconds: Positive = 500.0
    #: jobs of one company that may be queued or under way at once; the others wait for their turn
    max_jobs_per_company: PositiveInt = 8
    #: seconds for one model call; the service refuses less than 10
    model_timeout_seconds: Annotated[float, Field(ge=1)] = 90.0
    max_retries: Annotated[int, Field(ge=0, le=10)] = 3
    retry_initial_delay_seconds: Annotated[float, Field(ge=0)] = 1.0
    retry_max_delay_seconds: Annotated[float, Field(ge=0)] = 30.0
    #: seconds that a second identical upload waits for the first
    duplicate_wait_seconds: Annotated[float, Field(ge=0)] = 20.0
    #: seconds that a lease lasts beyond the deadline
    lease_margin_seconds: Positive = 60.0
    #: the second reader, for scans and photos
    ocr: Ocr = Ocr.AUTO
    #: seconds that an answer waits for it in all, beyond the model's own
    ocr_wait_seconds: Annotated[float, Field(ge=0, le=60)] = 5.0
    #: pages of one document that it reads
    ocr_pages: PositiveInt = 6
    #: compare totals of text with the picture of their page
    ocr_verify: OcrVerify = OcrVerify.OFF
    unmeasured_calls: UnmeasuredCalls = UnmeasuredCalls.BOOK

    # Accounting
    default_time_zone: str = "UTC"
    default_threshold: Annotated[int, Field(ge=0)] = 3000

    # Storage
    azurewebjobsstorage: SecretStr | None = None
    usage_outbox_queue: str = "usage-outbox"
    invoice_container: str = "invoices"
    result_container: str = "invoice-results"
    #: whether a dropped file's metadata may name another company than the folder that it lies in
    blob_company_from_metadata: bool = False
    #: age of a dropped file without any answer, or of a job that nothing moves, at which the sweep takes it up
    blob_sweep_after_seconds: Positive = 900.0
    #: of which documents a copy is kept in the container ``invoice-documents``
    keep_documents: KeepDocuments = KeepDocuments.REVIEW

    # Webhooks
    #: where operators are told of alerts
    alert_webhook_url: SecretStr | None = None
    #: ``whsec_`` and base64 of 24 to 64 bytes; messages to that address are not signed without it
    alert_webhook_secret: SecretStr | None = None
    #: seconds after a first try that failed; the pause doubles with each further one
    webhook_retry_seconds: Positive = 30.0
    #: http and addresses of this machine are allowed: for development only
    webhook_allow_loopback: bool = False
    #: where the service answers, for links in messages
    public_url: str | None = None
    #: set by the platform itself: the name under which it answers, unless ``public_url`` says otherwise
    website_hostname: str | None = None

    # The console
    #: a link can sign the person at this machine in: for the local stack only
    console_sign_in_link: bool = False

    # Logins by App Service authentication
    #: set by the platform itself where its authentication is on; its headers count only then
    website_auth_enabled: bool = False
    #: type of the claim that names a user's company
    company_claim: str = "companyID"

    # Retention, in days
    #: of copies of documents; those whose reading still waits for a person stay up to 90 days longer
    keep_documents_days: PositiveInt = 30
    retain_application_logs_days: PositiveInt = 30
    retain_retry_attempts_days: PositiveInt = 90
    retain_usage_logs_days: PositiveInt = 400
    retain_extractions_days: PositiveInt = 90
    retain_quota_counters_days: PositiveInt = 400
    #: at least as long as the sweep looks back for files without an answer
    retain_closed_alerts_days: Annotated[int, Field(ge=3)] = 180
    #: of messages that were delivered, given up or dropped
    retain_webhook_deliveries_days: PositiveInt = 30
    retain_admin_audit_days: PositiveInt = 1100

    # Logs and telemetry
    log_level: str = "INFO"
    applicationinsights_connection_string: SecretStr | None = None
    #: ``Authorization=AAD``, with ``;ClientId=...`` for a user-assigned identity: send with a token
    applicationinsights_authentication_string: str | None = None
    #: turns the platform's own exporter on, which reads the same connection string: ours is off then
    python_applicationinsights_enable_telemetry: bool = False
    #: turns the platform's OpenTelemetry on without an exporter in the worker: the app brings its own
    python_enable_opentelemetry: bool = False
    #: where that exporter sends to, by the OpenTelemetry protocol over HTTP
    otel_exporter_otlp_endpoint: str | None = None

    @field_validator("default_time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        name = zone_name(value)
        if name is None:
            raise ValueError(f"{value!r} is not an IANA time zone")
        return name

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        level = value.strip().upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
            raise ValueError(f"{value!r} is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL")
        return level

    @model_validator(mode="after")
    def _one_database(self) -> Self:
        if self.azure_sql_connection_string and self.database_url:
            raise ValueError("AZURE_SQL_CONNECTION_STRING and DATABASE_URL are both set; keep one")
        return self

    @model_validator(mode="after")
    def _loopback_on_laptops_only(self) -> Self:
        given = {
            "WEBHOOK_ALLOW_LOOPBACK": self.webhook_allow_loopback,
            "CONSOLE_SIGN_IN_LINK": self.console_sign_in_link,
        }
        wrong = next((name for name, is_set in given.items() if is_set), None)
        found = platform_variable()
        if wrong is not None and found is not None:
            raise ValueError(
                f"{wrong} is for development only, and {found} says that this is the platform; take it away"
            )
        return self

    @property
    def public_address(self) -> str:
        """Scheme and host under which the service answers, without a slash behind; '' when nobody has said."""
        if self.public_url is None and self.website_hostname is not None:
            scheme = "http" if is_local_address(self.website_hostname) else "https"
            return f"{scheme}://{self.website_hostname}"
        return (self.public_url or "").rstrip("/")

    def per_process(self, of_instance: int) -> int:
        """What each worker process gets of something that the instance has; at least one."""
        return max(of_instance // self.functions_worker_process_count, 1)

    @cached_property
    def max_upload_bytes(self) -> int:
        """``max_upload_mb`` in bytes."""
        return int(self.max_upload_mb * BYTES_PER_MB)


def load_settings() -> Settings:
    """Read the environment. Raises :class:`ConfigurationError` that names every wrong setting, never its secret."""
    try:
        return Settings()
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in item['loc']).upper() or 'settings'}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationError("Configuration is wrong: " + "; ".join(problems)) from None
