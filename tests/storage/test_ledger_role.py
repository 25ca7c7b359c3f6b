"""The service as a role that may write the books through their doors alone."""

import re
from argparse import Namespace
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from bot.commands.checks import doctor
from bot.config import Settings
from storage.embedded import EmbeddedPostgres
from storage.engine import make_engine
from storage.ledger import privileges
from storage.migrate import migrate
from tests.flows.club import begun
from tests.teller import open_house

APP, OWNER, LOGIN, DATABASE = "pardna_app", "books_owner", "books_service", "books"
TABLES = "SELECT relname FROM pg_class WHERE relname LIKE 'ledger\\_%' AND relkind = 'r' ORDER BY 1"
COLUMN = "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum LIMIT 1"


@dataclass
class Addresses:
    owner: str
    service: str


def _as(url: str, role: str, database: str = DATABASE) -> str:
    made = make_url(url).set(database=database, username=role, password=role)
    return made.render_as_string(hide_password=False)


@pytest.fixture
async def addresses(pg: EmbeddedPostgres) -> AsyncIterator[Addresses]:
    """A database as docs/ledger.md says: made by an owner who may make roles, used by a login in `pardna_app`."""
    root = await asyncpg.connect(pg.superuser_url)
    await root.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE PASSWORD '{OWNER}'")
    await root.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
    made = Addresses(_as(pg.superuser_url, OWNER), _as(pg.superuser_url, LOGIN))
    try:
        await migrate(made.owner)
        await root.execute(f"CREATE ROLE {LOGIN} LOGIN PASSWORD '{LOGIN}' IN ROLE {APP}")
        yield made
    finally:
        await root.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
        await root.execute(f"DROP ROLE IF EXISTS {LOGIN}, {APP}, {OWNER}")
        await root.close()


@pytest.fixture
async def service(addresses: Addresses) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(addresses.service)
    yield connection
    await connection.close()


async def refusal(connection: asyncpg.Connection, statement: str) -> str | None:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(statement)
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)
    else:
        return None
    finally:
        await transaction.rollback()


async def faults(url: str) -> tuple[str, ...]:
    engine = make_engine(url)
    try:
        async with engine.connect() as conn:
            return await privileges(conn)
    finally:
        await engine.dispose()


async def test_the_whole_service_works_through_the_doors(addresses: Addresses) -> None:
    """A round is thrown, drawn and paid out; every write of every part is made by the service's role."""
    async with open_house(addresses.service) as house:
        club = await begun(house, 3)
        await club.pay(*club.phones)
        await club.pay_out()
        await club.right()


async def test_each_direct_write_to_each_table_of_the_books_is_refused(service: asyncpg.Connection) -> None:
    tables = [row["relname"] for row in await service.fetch(TABLES)]
    assert {"ledger_account", "ledger_held", "ledger_hold", "ledger_posting", "ledger_resolution"} < set(tables)
    for table in tables:
        column = await service.fetchval(COLUMN, table)
        assert await refusal(service, f"SELECT FROM {table}") is None
        for statement in (
            f"INSERT INTO {table} DEFAULT VALUES",
            f"UPDATE {table} SET {column} = DEFAULT",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"MERGE INTO {table} t USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
            f"COPY {table} FROM STDIN",
            f"ALTER TABLE {table} DISABLE TRIGGER USER",
            f"DROP TABLE {table} CASCADE",
        ):
            assert await refusal(service, statement) == "42501", statement


@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = replica",
        f"SET ROLE {OWNER}",
        "SELECT ledger_open('[]')",
        "SELECT ledger_admit()",
        "SELECT setval('ledger_transaction_id_seq', 1)",
        "SELECT nextval('ledger_transaction_id_seq')",
        "CREATE FUNCTION public.sha256(text) RETURNS bytea LANGUAGE sql RETURN ''::bytea",
        "CREATE OR REPLACE FUNCTION ledger_kept() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "UPDATE alembic_version SET version_num = '0001'",
    ],
)
async def test_nor_is_there_a_way_around(service: asyncpg.Connection, statement: str) -> None:
    assert await refusal(service, statement) == "42501"


async def test_what_a_later_release_adds_is_the_services_too(addresses: Addresses, service: asyncpg.Connection) -> None:
    owner = await asyncpg.connect(addresses.owner)
    await owner.execute("CREATE TABLE later (id bigserial, n int)")
    await service.execute("INSERT INTO later (n) VALUES (1); UPDATE later SET n = 2; DELETE FROM later")
    await owner.execute("CREATE TABLE ledger_later (n int)")  # and this too, until it is let in anew
    assert await refusal(service, "INSERT INTO ledger_later VALUES (1)") is None
    assert await faults(addresses.service) != ()
    assert await owner.fetchval("SELECT ledger_admit()") is True
    await owner.close()
    assert await refusal(service, "INSERT INTO ledger_later VALUES (1)") == "42501"
    assert await faults(addresses.service) == ()


RIGHTS = """
SELECT c.relname AS name, CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind, array_to_string(ARRAY(
    SELECT may FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'USAGE'])
        WITH ORDINALITY AS known (may, place)
    WHERE CASE WHEN c.relkind = 'S' THEN may IN ('SELECT', 'UPDATE', 'USAGE') AND has_sequence_privilege($1, c.oid, may)
        ELSE may <> 'USAGE' AND has_table_privilege($1, c.oid, may) END
    ORDER BY place), ', ') AS rights
FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL
SELECT proname, 'function', 'EXECUTE' FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND prorettype <> 'trigger'::regtype
    AND has_function_privilege($1, oid, 'EXECUTE')
ORDER BY 2, 1
"""


def documented() -> dict[tuple[str, str], str]:
    """Return what docs/ledger.md lets the role do, by kind and name; the name `every other` is the rest of a kind."""
    page = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text()
    lines = re.findall(r"^\| (table|sequence|function) \| (.+?) \| (.+?) \|$", page, re.MULTILINE)
    named = {(kind, name): rights for kind, names, rights in lines for name in re.findall(r"`(\w+)`", names)}
    return named | {(kind, "every other"): rights for kind, names, rights in lines if names == "every other"}


async def test_the_role_may_do_what_the_documents_say_and_nothing_else(addresses: Addresses) -> None:
    owner = await asyncpg.connect(addresses.owner)
    found = {(row["kind"], row["name"]): row["rights"] for row in await owner.fetch(RIGHTS, APP)}
    owned = await owner.fetchval("SELECT count(*) FROM pg_shdepend WHERE refobjid = $1::regrole AND deptype = 'o'", APP)
    await owner.close()
    told = documented()
    said = {one: told.get(one, told[one[0], "every other"]).replace("nothing", "") for one in found}
    assert found == said
    assert {one for one in told if one[1] != "every other"} <= set(found)
    assert owned == 0


async def test_migrate_ends_with_the_rights_as_they_should_be(addresses: Addresses) -> None:
    """Idempotent: whatever was granted by hand, or came with a ledger table of a later release, is put right."""
    owner = await asyncpg.connect(addresses.owner)
    before = await owner.fetch(RIGHTS, APP)
    await owner.execute(f"CREATE TABLE ledger_later (n int); GRANT UPDATE ON ledger_posting TO {APP}")
    await owner.execute(f"REVOKE ALL ON inbox FROM {APP}")
    assert await faults(addresses.service) != ()
    await migrate(addresses.owner)
    assert await faults(addresses.service) == ()
    await owner.execute("DROP TABLE ledger_later")
    assert await owner.fetch(RIGHTS, APP) == before
    await migrate(addresses.owner)
    assert await owner.fetch(RIGHTS, APP) == before
    await owner.close()
    await migrate(addresses.service)  # who is not the owner has nothing to do, and nothing to give


async def test_doctor_says_when_the_login_is_the_wrong_one(
    addresses: Addresses, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In production an error; in development, where the owner serves, a note."""
    for env, url, said in (
        ("development", addresses.service, []),
        ("production", addresses.service, []),
        ("development", addresses.owner, [f"note: role {OWNER} may write", f"note: role {OWNER} may put"]),
        ("production", addresses.owner, [f"wrong: role {OWNER} may write", f"wrong: role {OWNER} may put"]),
    ):
        monkeypatch.setenv("DATABASE_URL", url)
        settings = Settings(_env_file=None).model_copy(update={"pardna_env": env})
        status = await doctor(settings, Namespace())
        lines = [line for line in capsys.readouterr().out.splitlines() if " role " in line]
        assert [" ".join(line.split()[:5]) for line in lines] == said
        assert status == (env == "production")  # where nobody is staff, too


async def test_doctor_is_told_who_could_bend_the_books(
    addresses: Addresses, pg: EmbeddedPostgres, service: asyncpg.Connection
) -> None:
    assert await faults(addresses.service) == ()
    owned, makes = await faults(addresses.owner)
    assert owned.startswith(f"role {OWNER} may write ledger_account, ledger_head, ledger_held, ")
    assert makes.startswith(f"role {OWNER} may put functions")
    superuser = make_url(pg.superuser_url).set(database=DATABASE).render_as_string(hide_password=False)
    assert [fault[:33] for fault in await faults(superuser)] == ["role postgres is a superuser, and"]
    owner = await asyncpg.connect(addresses.owner)
    await owner.execute(f"GRANT UPDATE (kind) ON ledger_transaction TO {APP}")
    await owner.close()
    assert [fault.split(":")[0] for fault in await faults(addresses.service)] == [
        f"role {LOGIN} may write ledger_transaction directly"
    ]


async def test_an_owner_who_may_make_no_role_goes_without_until_it_is_made(database_url: str) -> None:
    owner = await asyncpg.connect(database_url)
    assert await owner.fetchval("SELECT ledger_admit()") is False
    assert await owner.fetchval(f"SELECT count(*) FROM pg_roles WHERE rolname = '{APP}'") == 0
    await owner.close()
