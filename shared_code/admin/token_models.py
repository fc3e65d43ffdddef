"""Requests and answers about tokens, that is, about the companies' keys. No answer holds a key."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, Field, SecretStr

from shared_code.admin.fields import (
    CompanyId,
    GivenMoment,
    Moment,
    OptionalText100,
    PageQuery,
    Sent,
    Text200,
    Threshold,
    Tokens,
    example,
    fields_of,
)
from shared_code.database.stores.keys.token_changes import token_facts
from shared_code.database.stores.keys.tokens import StoredKey
from shared_code.operations.tokens import KeyTest
from shared_code.records import Provider

Status = Literal["Active", "BelowThreshold", "FullyUtilized", "Blocked", "Expired", "Exceeded", "Disabled"]
if TYPE_CHECKING:
    ProviderName = str
else:
    #: A Literal and not the enum itself: it puts the names into the document where they are used.
    ProviderName = Literal[tuple(member.value for member in Provider)]
#: blanks and newlines around it come with pasting and are taken off
ApiKeyText = Annotated[
    SecretStr,
    Field(
        min_length=1,
        max_length=500,
        description="The provider's key, plain. It is stored encrypted and never shown again.",
        json_schema_extra={"pattern": r"^\s*[\x21-\x7e]+\s*$", "writeOnly": True},
    ),
]


class TokenView(BaseModel):
    """A key by its last four characters and its fingerprint (SHA-256). Amounts are model tokens."""

    model_config = example(
        token_id=1,
        company_id="NT047",
        company_name="RUBI TRADERS Pvt ltd",
        provider="Gemini",
        status="Active",
        api_key_hint="x7Qz",
        api_key_fingerprint="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        in_plain_text=False,
        total_token_limit=1000000,
        threshold=3000,
        provider_project=None,
        created_at="2026-11-21T09:30:00+00:00",
        updated_at=None,
        expires_at=None,
        cooldown_until=None,
        used_tokens=12500,
        remaining_tokens=987500,
        reserved_tokens=0,
        run_out_day="2027-02-14",
    )

    token_id: int
    company_id: str | None
    company_name: str | None
    provider: str | None
    status: str | None
    api_key_hint: str | None
    api_key_fingerprint: str | None
    #: the key was typed in by SQL and is encrypted by the next write, or by ``manage.py tokens reencrypt``
    in_plain_text: bool
    total_token_limit: int | None
    threshold: int | None
    provider_project: str | None
    created_at: Moment | None
    updated_at: Moment | None
    expires_at: Moment | None
    cooldown_until: Moment | None
    used_tokens: int
    remaining_tokens: int | None
    reserved_tokens: int
    #: the company's local day on which the limit ends at the pace of the last 14 days; None when it does not
    run_out_day: date | None

    @classmethod
    def of(cls, row: StoredKey, run_out_day: date | None) -> "TokenView":
        """What is shown of a row."""
        return cls(**token_facts(row), run_out_day=run_out_day)


class TokenQuery(PageQuery):
    """Filters of the list."""

    company_id: CompanyId | None = None
    status: Status | None = None


class TokenCreate(Sent):
    """A key to be added."""

    model_config = example(
        company_id="NT047",
        company_name="RUBI TRADERS Pvt ltd",
        api_key="the-key-from-the-provider",
        provider="Gemini",
        total_token_limit=1000000,
        threshold=3000,
    )

    company_id: CompanyId
    api_key: ApiKeyText
    company_name: Text200 | None = None
    provider: ProviderName = "Gemini"
    total_token_limit: Annotated[Tokens | None, Field(description="For life; null = no limit.")] = None
    threshold: Annotated[Threshold | None, Field(description="Remaining tokens that count as low.")] = None
    status: Status = "Active"
    expires_at: GivenMoment | None = None
    provider_project: OptionalText100 | None = None


class TokenChange(Sent):
    """What is to be changed. A field that is left out stays; null empties it (for the limit: no limit)."""

    model_config = example(total_token_limit=2000000, status="Active")

    company_name: Text200 | None = None
    provider: ProviderName = "Gemini"
    total_token_limit: Tokens | None = None
    threshold: Threshold | None = None
    status: Status = "Active"
    expires_at: GivenMoment | None = None
    provider_project: OptionalText100 | None = None


class TokenRotate(Sent):
    """The key that takes the place of the old one."""

    model_config = example(api_key="the-new-key")

    api_key: ApiKeyText


class TokenTestView(fields_of(KeyTest)):  # type: ignore[misc] # its fields are known at run time
    """What the provider said when it was asked for its list of models with this key."""

    model_config = example(
        token_id=1,
        provider="Gemini",
        accepted=True,
        reason=None,
        message="The provider accepts this key; it may use 11 models.",
        models=11,
        milliseconds=310,
    )
