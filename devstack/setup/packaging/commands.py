"""``dev.py package``, ``dev.py lock`` and ``dev.py audit``."""

import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from devstack.setup.console import SetupProblem, say
from devstack.setup.packaging.archive import Package, write_package
from devstack.setup.packaging.contents import LOCK, REQUIREMENTS, commit_of
from devstack.setup.packaging.lock import direct_names, normal_name, read_lock, write_lock
from devstack.setup.packaging.trial import try_package
from devstack.setup.prepare import prepare

_NO_SERVICE = ("ConnectionError", "Failed to resolve", "Max retries exceeded", "could not be audited")


@dataclass(frozen=True)
class PackageOptions:
    """What the command line of ``package`` says; ``output`` None = ``.devstack/package/app-PLAN.zip``."""

    plan: str = "flex"
    output: Path | None = None
    untracked: bool = False
    listed: bool = False


def package(root: Path, options: PackageOptions) -> int:
    """Write the zip file and its bill of materials, try it, and say what it is. Raises SetupProblem."""
    python = prepare(root, storage=False).python
    absent = missing_from_lock(root)
    if absent:
        raise SetupProblem(f"{LOCK} lacks {', '.join(absent)}; `python dev.py lock` makes it anew.")
    target = options.output or root / ".devstack" / "package" / f"app-{options.plan}.zip"
    made = write_package(root, options.plan, target, python=python, untracked=options.untracked)
    trial = try_package(target, python, compiled=made.compiled)
    bill = target.with_suffix(".cdx.json")
    done = subprocess.run(
        [str(python), "-m", "devstack.setup.packaging.sbom", str(bill), made.digest], cwd=root, check=False
    )
    if done.returncode:
        raise SetupProblem("The bill of materials could not be written; see the lines above.")
    if options.listed:
        for name, size in made.files.items():
            say(f"{size:>9,} {name}")
    _report(root, made, options.plan)
    without = "" if trial.seconds_of_sources is None else f"; {trial.seconds_of_sources:.2f} s without the bytecode"
    say(f"package: its functions import in {trial.seconds:.2f} s of CPU ({trial.modules} modules of its own{without})")
    say(f"package: {bill} is its bill of materials (CycloneDX)")
    return 0


def _report(root: Path, made: Package, plan: str) -> None:
    size, unpacked = made.target.stat().st_size / 1024, sum(made.files.values()) / 1024
    say(f"package: {made.target} ({len(made.files)} files, {size:,.0f} KiB, unpacked {unpacked:,.0f} KiB, plan {plan})")
    kinds = Counter(Path(name).suffix or name for name in made.files)
    say(f"package: {', '.join(f'{count} {kind}' for kind, count in kinds.most_common())}; --list names them")
    locked = len(read_lock(root / LOCK))
    say(f"package: {REQUIREMENTS} is {LOCK}: {locked} packages, each with the digests of its files")
    say(f"package: commit {commit_of(root) or 'unknown'}, SHA-256 of the contents {made.digest}")
    if not made.compiled:
        say("package: no bytecode, because .venv has another Python than 3.13; the app compiles itself at each start")
    for name in made.unknown:
        say(f"package: left out, because git does not know it: {name} (`git add` it, or --untracked)")


def missing_from_lock(root: Path) -> list[str]:
    """Packages that the app asks for and the lock does not have."""
    if not (root / LOCK).exists():
        return [LOCK]
    locked = {one.name for one in read_lock(root / LOCK)}
    return [name for name in direct_names(root / REQUIREMENTS) if normal_name(name) not in locked]


def lock(root: Path, *, upgrade: bool) -> int:
    """Make requirements.lock and docs/third-party.md anew. Raises SetupProblem."""
    python = prepare(root, storage=False).python
    write_lock(root, python, upgrade=upgrade)
    say(f"lock: {len(read_lock(root / LOCK))} packages in {LOCK}")
    return subprocess.run(
        [str(python), "-m", "devstack.setup.packaging.third_parties"], cwd=root, check=False
    ).returncode


def audit(root: Path) -> int:
    """Ask the advisory service about the locked packages; 0 = nothing is known, 1 = something is.

    :raises SetupProblem: the service was not reached.
    """
    python = prepare(root, storage=False).python
    arguments = ["-m", "pip_audit", "-r", LOCK, "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    done = subprocess.run(
        [str(python), *arguments, "--strict"], cwd=root, check=False, stderr=subprocess.PIPE, text=True
    )
    if done.returncode and any(word in done.stderr for word in _NO_SERVICE):
        raise SetupProblem(f"The advisory service was not reached; nothing is known.\n{done.stderr[-600:]}")
    say(done.stderr.strip())
    return done.returncode
