"""``setup``: from nothing to a first key that works, step by step, each with what to do when it fails."""

from typing import TYPE_CHECKING, Annotated

import typer

from shared_code import bootstrap
from shared_code.cli.connection import operator
from shared_code.cli.output import complain, say
from shared_code.cli.tokens import ApiKeyOption, read_key
from shared_code.database import tokens as store
from shared_code.database.token_fields import checked_company
from shared_code.errors import ServiceError
from shared_code.records import Provider
from shared_code.settings import load_settings
from shared_code.token_administration import NewToken

if TYPE_CHECKING:
    from shared_code.bootstrap import Services


def setup_command(
    company: Annotated[str | None, typer.Option(help="Company of the first key; without it no key is added.")] = None,
    api_key: ApiKeyOption = None,
    name: Annotated[str | None, typer.Option(help="The company's name.")] = None,
    provider: Annotated[str, typer.Option(help="Gemini or OpenAI.")] = Provider.GEMINI.value,
    limit: Annotated[int | None, typer.Option(min=0, help="Model tokens for life; none = no limit.")] = None,
) -> None:
    """Check the configuration, create the tables, add the first key and ask its provider; safe to run again."""
    try:
        load_settings()
        services = bootstrap.services()
        say(f"configuration: ok ({services.database.dialect})")
        services.cipher.check()
        say("encryption of keys: ok")
        services.ready()
        say("database and tables: ok")
        if company is not None:
            _first_key(services, NewToken(company, "", name, provider, limit), api_key)
    except ServiceError as error:
        complain(error)
        say("setup has stopped. Mend this and run it again; what is done stays done.")
        raise typer.Exit(1) from error
    finally:
        bootstrap.reset()
    say("done. Next: manage.py admin-keys create --role admin")


def _first_key(services: "Services", new: NewToken, given: str | None) -> None:
    known = services.database.read(lambda connection: store.company_keys(connection, checked_company(new.company_id)))
    if known:
        token_id = known[0].token_id
        say(f"key: company {new.company_id.upper()} has {len(known)}; none added")
    else:
        row = services.token_administration.add(
            NewToken(
                new.company_id,
                read_key(given),
                company_name=new.company_name,
                provider=new.provider,
                total_token_limit=new.total_token_limit,
            ),
            operator(),
        )
        token_id = row.token_id
        say(f"key: token {token_id} stored, encrypted")
    test = services.token_administration.test(token_id, services.providers)
    say(f"provider: {'ok' if test.accepted else 'refused'}: {test.message}")
    if not test.accepted:
        say(f"Put another key in its place: manage.py tokens rotate {token_id}")
        raise typer.Exit(1)
