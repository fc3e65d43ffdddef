"""``dev.py run``: starts the stack, watches it, ends it."""

import json
import os
import shlex
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from devstack.setup import ports as loopback
from devstack.setup.children import Child, Children
from devstack.setup.console import SetupProblem, say
from devstack.setup.prepare import prepare
from devstack.setup.stack import COMPANY_ID, SAMPLE, Options, Ports, Stack
from devstack.setup.state import StateFolder, write_private
from devstack.setup.stopping import StopSignal

DEFAULT_PORT = 7071
_READY_SECONDS = 90.0
_POLL_SECONDS = 0.1


class _StopRequested(Exception):
    """Somebody asked to end while the stack was starting."""


class _ChildDied(Exception):
    """A process of the stack ended by itself."""

    def __init__(self, child: Child) -> None:
        super().__init__(child.name)
        self.child = child


def run(root: Path, options: Options) -> int:
    """Run the stack until it is asked to end. Exit code: 0 asked to, 1 a process died. Raises SetupProblem."""
    # What fails at once comes before what takes minutes.
    with StateFolder(options.state) as state:
        state.end_orphans()
        port, remark = loopback.choose(options.port, default=DEFAULT_PORT)
        if remark:
            say(f"run: {remark}")
        prepared = prepare(root, storage=True)
        stack = Stack(
            root=root,
            state=state.path,
            python=prepared.python,
            azurite_command=prepared.azurite,
            options=options,
            ports=Ports(**state.ports(lambda earlier: asdict(Ports.choose(port, earlier)))),
            secrets=state.secrets(),
        )
        return _Run(stack, state).run()


class _Run:
    """One life of a stack."""

    def __init__(self, stack: Stack, state: StateFolder) -> None:
        self._stack = stack
        self._state = state
        self._children = Children(
            cwd=stack.root, secrets=[*stack.secrets.values(), stack.link_secret], quiet={"azurite"}
        )
        self._stop = StopSignal(on_second=self._children.kill)

    def run(self) -> int:
        """Start, watch, end. Whatever happens, no process is left."""
        self._forget_ready()
        with self._stop:
            try:
                self._start()
                self._watch()
            except _StopRequested:
                say("run: asked to end")
            except _ChildDied as death:
                self._report(death.child)
                return 1
            finally:
                say("run: ending every process")
                self._children.stop()
                self._state.forget_processes()
                self._forget_ready()
        return 0

    def _start(self) -> None:
        started = time.monotonic()
        stack = self._stack
        self._state.folder("azurite")
        (stack.state / "host-ready.json").unlink(missing_ok=True)
        self._write_settings()
        self._launch("azurite", stack.storage_command())
        for vendor, port in stack.model_ports.items():
            self._launch(vendor, stack.model_command(vendor, port))
        self._seed()
        self._launch("host", stack.host_command())
        self._wait_for_everything()
        self._announce(time.monotonic() - started)

    def _launch(self, name: str, arguments: list[str]) -> Child:
        """Start a process and write it down at once, so that it is found if this run is killed."""
        child = self._children.start(name, arguments, env=self._stack.environment())
        known = [(each.name, each.process.pid, each.arguments) for each in self._children.running]
        self._state.remember_processes(known)
        return child

    def _seed(self) -> None:
        environment = self._stack.environment() | self._stack.seed_environment()
        child = self._children.start("seed", self._stack.seed_command(), env=environment)
        while child.exit_code is None:
            if self._stop.wait(_POLL_SECONDS):
                raise _StopRequested
        if self._children.finish(child):
            last = "\n".join(child.tail[-6:])
            raise SetupProblem(f"The database {self._shown_database()} could not be prepared:\n{last}")

    def _wait_for_everything(self) -> None:
        for question in self._stack.questions():
            deadline = time.monotonic() + _READY_SECONDS
            while not question.answered():
                self._look(question.pause_seconds)
                if time.monotonic() > deadline:
                    raise SetupProblem(
                        f"{question.name} is not ready after {_READY_SECONDS:.0f} s; see the lines above."
                    )

    def _watch(self) -> None:
        while True:
            self._look(0.25)

    def _look(self, seconds: float = _POLL_SECONDS) -> None:
        """Wait a moment. Raises when it is time to end."""
        if self._stop.wait(seconds):
            raise _StopRequested
        dead = self._children.first_dead()
        if dead is not None:
            raise _ChildDied(dead)

    def _report(self, child: Child) -> None:
        child.reader.join(timeout=1)
        say(f"run: {child.name} ended by itself (exit code {child.exit_code}), so the stack ends. Its last lines:")
        for line in child.tail[-8:]:
            say(f"    {line}")

    def _announce(self, seconds: float) -> None:
        stack, port = self._stack, self._stack.ports.host
        ready = {
            "host": stack.host_url,
            "gemini": stack.gemini_url,
            "openai": stack.openai_url,
            "blob_connection_string": stack.blob_connection_string,
            "database_url": stack.database_url,
            "admin_key": admin_key(stack),
            "console": None if stack.console_path is None else stack.host_url + stack.console_path,
            "pids": {"dev": os.getpid()} | {each.name: each.process.pid for each in self._children.running},
        }
        say(f"run: everything answers ({seconds:.1f} s)")
        say("")
        if stack.seed_environment().get("SEED_COMPANY_ID"):
            say("  Read an invoice:")
            say(f"    {curl_line(port, stack.api)}")
        elif stack.options.real_models:
            say("  Real models: add a key first, see `manage.py tokens add --help`.")
        if stack.options.gemini_url is not None:
            say(f"  Gemini:    {stack.options.gemini_url} (in place of the stand-in, which was not started)")
        if stack.options.cors:
            say(f"  Browsers:  pages of {', '.join(stack.options.cors)} may call")
        say(f"  Health:    http://localhost:{port}{stack.api}/health")
        say(f"  Admin API: http://localhost:{port}{stack.api}/manage/tokens")
        say(f"             bearer: `admin_key` of {stack.state / 'access.json'}")
        if stack.console_path is not None:
            say(f"  Console:   http://localhost:{port}{stack.console_path}sign-in#link={stack.link_secret}")
            say("             signs you in once, within five minutes; later with the bearer above")
        say(f"  Data:      {stack.state}")
        found = "manage.py finds it by itself" if stack.state == stack.root / ".devstack" else "for manage.py"
        say(f"  Settings:  {stack.state / 'settings.env'}   ({found}; in a shell: set -a; . that file; set +a)")
        say(f"             {stack.state / 'settings.ps1'}   (the same for PowerShell: . that file)")
        say("  Ctrl-C ends everything.")
        say("")
        write_private(stack.state / "access.json", json.dumps({"admin_key": ready["admin_key"]}, indent=1))
        if stack.options.ready_file is not None:
            write_private(stack.options.ready_file, json.dumps(ready, indent=1))

    def _write_settings(self) -> None:
        settings = self._stack.settings()
        lines = [f"{name}={shlex.quote(value)}" for name, value in settings.items()]
        write_private(self._stack.state / "settings.env", "\n".join(lines) + "\n")
        write_private(self._stack.state / "settings.ps1", powershell(settings))

    def _shown_database(self) -> str:
        """Without a password."""
        scheme, _, rest = self._stack.database_url.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}"

    def _forget_ready(self) -> None:
        if self._stack.options.ready_file is not None:
            self._stack.options.ready_file.unlink(missing_ok=True)


def powershell(settings: Mapping[str, str]) -> str:
    """The settings as a script for PowerShell, which reads a file without a mark as that of an old code page."""
    lines = ["$env:{} = '{}'".format(name, value.replace("'", "''")) for name, value in settings.items()]
    return "\ufeff" + "\n".join(lines) + "\n"


def admin_key(stack: Stack) -> str:
    """The bearer value of the stack's admin key."""
    return f"{stack.secrets['admin_key_id']}.{stack.secrets['admin_secret']}"


def curl_line(port: int, api: str = "/api") -> str:
    """A request that works; kept away from a proxy where one is set."""
    proxy = (
        " --noproxy localhost" if any(os.environ.get(name) for name in ("http_proxy", "ALL_PROXY", "all_proxy")) else ""
    )
    fields = f"-F companyID={COMPANY_ID} -F username=bzumah -F branch=RUB -F licenceID=LIC001"
    return f"curl{proxy} -X POST http://localhost:{port}{api}/extract -F file=@{SAMPLE} {fields}"
