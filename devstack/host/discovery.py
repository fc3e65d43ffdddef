"""Which functions an app has: one per direct subfolder with a ``function.json``, ordered by name.

What is wrong with one function is collected and reported; the others run. Only triggers that this stand-in can fire are
accepted (HTTP, timer, blob, queue), and it says so instead of starting a function that would never be called.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from devstack.host.errors import FunctionProblem, HostStartError
from devstack.host.settings import AppSettings, read_json

HTTP, TIMER, BLOB, QUEUE = "httpTrigger", "timerTrigger", "blobTrigger", "queueTrigger"
SUPPORTED_TRIGGERS = {name.casefold(): name for name in (HTTP, TIMER, BLOB, QUEUE)}
AUTH_LEVELS = ("anonymous", "function", "admin")
BLOB_SOURCES = ("logsandcontainerscan", "eventgrid")
RESERVED_ROUTES = ("admin", "runtime")

_VALID_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_-]{0,127}$")


@dataclass(frozen=True)
class Binding:
    """One entry of ``bindings`` as the worker is told of it."""

    name: str
    type: str
    #: in, out or inout
    direction: str
    data_type: str | None


@dataclass(frozen=True)
class FunctionDefinition:
    """A function as its function.json describes it, ``%SETTING%`` resolved."""

    name: str
    directory: Path
    script_file: Path
    entry_point: str
    bindings: tuple[Binding, ...]
    trigger: Binding
    #: the trigger's own properties, keys in lower case
    properties: Mapping[str, Any]
    disabled: bool
    config: Mapping[str, Any] = field(repr=False)

    @property
    def methods(self) -> frozenset[str] | None:
        """Upper-case methods of an HTTP function; None means all."""
        listed = self.properties.get("methods")
        return frozenset(str(method).upper() for method in listed) if listed else None

    @property
    def auth_level(self) -> str:
        """Anonymous, function or admin, in lower case; the platform's default is function."""
        return str(self.properties.get("authlevel") or "function").casefold()

    @property
    def route(self) -> str:
        """The route below the prefix; the function's name when function.json names none."""
        return str(self.properties.get("route") or self.name).strip("/")


@dataclass(frozen=True)
class Discovery:
    """What was found: functions in the order of their names, and what is wrong with the rest by name."""

    functions: tuple[FunctionDefinition, ...]
    problems: Mapping[str, str]


def discover(root: Path, settings: AppSettings) -> Discovery:
    """Read every function.json below ``root``. Raises :class:`HostStartError` for an app of the v2 model."""
    if (root / "function_app.py").exists():
        raise HostStartError(
            f"{root / 'function_app.py'} exists: the worker would use the v2 programming model and ignore every "
            "function.json. Remove or rename that file."
        )
    functions: list[FunctionDefinition] = []
    problems: dict[str, str] = {}
    for directory in sorted(root.iterdir(), key=lambda path: path.name.casefold()):
        if not (directory / "function.json").is_file():
            continue
        try:
            functions.append(_read(directory, settings))
        except FunctionProblem as problem:
            problems[directory.name] = str(problem)
    return Discovery(tuple(functions), MappingProxyType(problems))


def _read(directory: Path, settings: AppSettings) -> FunctionDefinition:
    name = directory.name
    if not _VALID_NAME.match(name):
        raise FunctionProblem(f"'{name}' is not a valid function name.")
    try:
        config = read_json(directory / "function.json")
    except ValueError as error:
        raise FunctionProblem(f"Error parsing function.json: {error}") from error
    entries = config.get("bindings")
    if not isinstance(entries, list) or not entries:
        raise FunctionProblem("At least one binding must be declared.")
    bindings = tuple(_binding(entry) for entry in entries)
    trigger, properties = _trigger(bindings, entries, settings)
    return FunctionDefinition(
        name=name,
        directory=directory,
        script_file=_script(directory, config),
        entry_point=str(config.get("entryPoint") or "main"),
        bindings=bindings,
        trigger=trigger,
        properties=MappingProxyType(properties),
        disabled=_is_disabled(name, config, settings),
        config=MappingProxyType(config),
    )


def _binding(entry: Any) -> Binding:
    lowered = {str(key).casefold(): value for key, value in entry.items()} if isinstance(entry, dict) else {}
    name, kind = lowered.get("name"), lowered.get("type")
    if not name or not kind:
        raise FunctionProblem("A binding must have a name and a type.")
    direction = str(lowered.get("direction") or "in").casefold()
    if direction not in {"in", "out", "inout"}:
        raise FunctionProblem(f"'{direction}' is not a valid binding direction.")
    data_type = lowered.get("datatype")
    canonical = SUPPORTED_TRIGGERS.get(str(kind).casefold(), str(kind))
    return Binding(str(name), canonical, direction, str(data_type).casefold() if data_type else None)


def _trigger(
    bindings: tuple[Binding, ...], entries: list[dict[str, Any]], settings: AppSettings
) -> tuple[Binding, dict[str, Any]]:
    triggers = [index for index, binding in enumerate(bindings) if binding.type.casefold().endswith("trigger")]
    if not triggers:
        raise FunctionProblem("No trigger binding specified. A function must have a trigger input binding.")
    if len(triggers) > 1:
        raise FunctionProblem("Multiple trigger bindings defined. A function can only have a single trigger binding.")
    trigger = bindings[triggers[0]]
    if trigger.type not in SUPPORTED_TRIGGERS.values():
        raise FunctionProblem(f"The binding type '{trigger.type}' is not supported by this stand-in of the host.")
    for binding in bindings:
        if binding is not trigger and binding.type.casefold() != "http":
            raise FunctionProblem(f"The binding type '{binding.type}' is not supported by this stand-in of the host.")
    properties = {str(key).casefold(): value for key, value in entries[triggers[0]].items()}
    for key in ("path", "connection", "schedule", "route", "queuename"):
        if isinstance(properties.get(key), str):
            properties[key] = settings.resolve(properties[key])
    _check(trigger, properties)
    return trigger, properties


def _check(trigger: Binding, properties: Mapping[str, Any]) -> None:
    if trigger.type == HTTP:
        level = str(properties.get("authlevel") or "function").casefold()
        if level not in AUTH_LEVELS:
            raise FunctionProblem(f"'{level}' is not a valid authLevel (anonymous, function, admin).")
        route = str(properties.get("route") or "").strip("/").casefold()
        if route.startswith(RESERVED_ROUTES):
            raise FunctionProblem("The specified route conflicts with one or more built in routes.")
    for kind, key in ((TIMER, "schedule"), (BLOB, "path"), (QUEUE, "queueName")):
        if trigger.type == kind and not properties.get(key.casefold()):
            raise FunctionProblem(f"The {kind} binding has no {key}.")
    if trigger.type == BLOB:
        # Not resolved on purpose: the host reads it straight into an enum.
        source = str(properties.get("source") or BLOB_SOURCES[0])
        if source.casefold() not in BLOB_SOURCES:
            raise FunctionProblem(
                f"Unable to configure binding '{trigger.name}' of type 'blobTrigger'. This may indicate invalid "
                f"function.json properties (source is '{source}'; %SETTING% does not resolve there)."
            )


def _script(directory: Path, config: Mapping[str, Any]) -> Path:
    named = config.get("scriptFile")
    if named:
        path = (directory / str(named)).resolve()
        if not path.is_file():
            raise FunctionProblem(f"Invalid script file name configuration. The file '{named}' does not exist.")
        return path
    if (directory / "__init__.py").is_file():
        return directory / "__init__.py"
    scripts = list(directory.glob("*.py"))
    if len(scripts) == 1:
        return scripts[0]
    raise FunctionProblem(
        "Unable to determine the primary function script: add __init__.py or a 'scriptFile' property."
    )


def _is_disabled(name: str, config: Mapping[str, Any], settings: AppSettings) -> bool:
    value = config.get("disabled")
    if isinstance(value, str):
        value = settings.get(value.strip("%")) or ""
    for pattern in ("AzureWebJobs.{}.Disabled", "AzureWebJobs_{}_Disabled"):
        override = settings.get(pattern.format(name))
        if override is not None:
            value = override
            break
    return str(value).casefold() in {"true", "1"}
