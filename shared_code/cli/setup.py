"""``setup``: from nothing to a first key that works, step by step, each with what to do when it fails."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from shared_code.cli.connection import operator, process_services
from shared_code.cli.output import AsJson, complain, say, show_json
from shared_code.cli.tokens import ApiKeyOption, read_key
from shared_code.database.stores.keys import tokens as store
from shared_code.database.stores.keys.token_fields import checked_company
from shared_code.database.stores.keys.token_keys import NewToken
from shared_code.errors import ServiceError
from shared_code.records import KeyStatus, Provider

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services


_USABLE = (KeyStatus.ACTIVE, KeyStatus.BELOW_THRESHOLD)


def setup_command(
    company: Annotated[str | None, typer.Option(help="Company of the first key; without it no key is added.")] = None,
    api_key: ApiKeyOption = None,
    name: Annotated[str | None, typer.Option(help="The company's name.")] = None,
    provider: Annotated[str, typer.Option(help=f"{Provider.spelled_out()}.")] = Provider.GEMINI.value,
    limit: Annotated[int | None, typer.Option(min=0, help="Model tokens for life; left out = no limit.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check the configuration, create the tables, add the first key and ask its provider; safe to run again."""
    report = _Report(aloud=not as_json)
    try:
        with process_services(may_create=True) as services:
            report.step("configuration", f"ok ({services.database.dialect})")
            services.cipher.check()
            report.step("encryption of keys", "ok")
            services.ready()
            report.step("database and tables", "ok")
            if company is not None:
                _first_key(services, NewToken(company, "", name, provider, limit), api_key, report)
    except ServiceError as error:
        complain(error)
        report.advice = "setup has stopped. Mend this and run it again; what is done stays done."
    report.end()


class _Report:
    """What was done, told step by step to people, and as one document to programs."""

    def __init__(self, *, aloud: bool) -> None:
        self._aloud = aloud
        self._steps: dict[str, str] = {}
        #: what to do before setup is run again; None while nothing stands in the way
        self.advice: str | None = None

    def step(self, name: str, result: str) -> None:
        """Note a step that was made."""
        self._steps[name] = result
        if self._aloud:
            say(f"{name}: {result}")

    def end(self) -> None:
        """Say how it ended; exit code 1 when something is to be mended."""
        if self._aloud:
            say(self.advice or "done. Next: manage.py admin-keys create --role admin")
        else:
            show_json({"ok": self.advice is None, "steps": self._steps, "advice": self.advice})
        if self.advice is not None:
            raise typer.Exit(1)


def _first_key(services: "Services", new: NewToken, given: str | None, report: _Report) -> None:
    known = services.database.read(lambda connection: store.company_keys(connection, checked_company(new.company_id)))
    if known:
        usable = [row for row in known if KeyStatus.parse(row.status) in _USABLE]
        report.step("key", f"company {new.company_id.upper()} has {len(known)}, {len(usable)} usable; none added")
        if not usable:
            report.advice = f"Make one usable: manage.py tokens list --company {new.company_id.upper()}"
            return
        token_id = usable[-1].token_id
    else:
        row = services.token_administration.add(replace(new, api_key=read_key(given)), operator())
        token_id = row.token_id
        report.step("key", f"token {token_id} stored, encrypted")
    test = services.token_administration.test(token_id, services.providers)
    report.step("provider", f"{'ok' if test.accepted else 'refused'}: {test.message}")
    if not test.accepted:
        # A key that this process cannot open may be a good one: then it is the settings or the row that need mending.
        report.advice = (
            "Mend what it says and run setup again; the key itself may be good."
            if test.reason == "unreadable"
            else f"Put another key in its place: manage.py tokens rotate {token_id}"
        )
