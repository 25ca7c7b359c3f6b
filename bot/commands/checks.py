"""`pardna doctor`: what is wrong, and how to mend it."""

import argparse
from datetime import UTC, datetime

import aiohttp

from bot import sms
from bot.commands.reaching import transaction
from bot.config import Settings, SettingsError
from bot.house_rules import shown
from bot.place import channel_states, database_url, public_url
from bot.rails import advice, half_set, live_faults, rail_states
from channels.http import Http
from storage import ledger, queries, sim_phone
from storage.clock import Clock
from storage.engine import make_engine
from storage.pulse import Pulse
from storage.reads import Unreachable, reading


async def doctor(settings: Settings, _asked: argparse.Namespace) -> int:
    """Say what is wrong and how to mend it; 1 when anything is."""
    database, rights = await _database_faults(settings)
    faults = [
        *database,
        *([] if settings.development else rights),
        *half_set(settings),
        *await _provider_faults(settings),
    ]
    if settings.by_sim:
        silence, how = await _phone(settings)
        faults += silence
        print(f"phone with the SIM: {how}")
    print(f"settings: read, {settings.pardna_env}")
    for channel, state in channel_states(settings).items():
        print(f"{channel}: {state}")
    for rail, state in rail_states(settings).items():
        print(f"rail {rail}: {state}")
    for name, value, built_in in shown(settings.rules):
        print(f"rule {name}: {value}{'' if built_in else ' (set)'}")
    print(f"virus scan: {'set' if settings.virus_scan else 'none, so files that people send are kept as not scanned'}")
    for line in advice(settings):
        print(f"better: {line}")
    for line in rights if settings.development else ():
        print(f"note: {line}")
    print(f"hooks: {', '.join(sorted(settings.hooks)) or 'none (no verification secret is set)'}")
    for fault in faults:
        print(f"wrong: {fault}")
    if not faults:
        print("database: reached, of this release; every provider that is set up answers")
    return 1 if faults else 0


async def _provider_faults(settings: Settings) -> list[str]:
    """Ask the providers of rails and of the local SIM themselves; nothing is changed there."""
    async with aiohttp.ClientSession() as session:

        def http(party: str) -> Http:
            return Http(session, party)

        site = public_url(settings, settings.port)
        rails = await live_faults(settings, http, lambda: datetime.now(UTC).timestamp(), site)
        gate = sms.make_gate(settings, http)
        return [*rails, *(await sms.gate_faults(gate, site) if gate else [])]


async def _phone(settings: Settings) -> tuple[list[str], str]:
    """Name a silence of the phone with the local SIM, and say how it does."""
    try:
        async with transaction(settings) as conn:
            phone = await sim_phone.phone(conn)
    except SettingsError:
        return [], "unknown, since the database does not answer"
    return sms.phone_state(settings, phone, datetime.now(UTC))


async def _database_faults(settings: Settings) -> tuple[list[str], tuple[str, ...]]:
    """Name what is wrong with the database, and what the role we connect as may do to the books."""
    try:
        engine = make_engine(database_url(settings))
        try:
            if not await Pulse(engine).migrated():
                return ["the database is of another release: run `pardna migrate`"], ()
            async with reading(engine) as conn:
                clock = Clock()
                await clock.load(conn)
                staffed = bool(await queries.staff(conn))
                rights = await ledger.privileges(conn)
        finally:
            await engine.dispose()
    except SettingsError as fault:
        return list(fault.faults), ()
    except Unreachable as fault:
        return [f"the database cannot be reached ({fault}): see DATABASE_URL"], ()
    faults = []
    if clock.ahead and not settings.development:
        moved = clock.now() - datetime.now(UTC)
        faults.append(f"the service's clock is moved by {moved}: production lives by the wall clock")
    if not staffed and not settings.development:
        faults.append("nobody is staff, so no TRN can be verified: `pardna staff add`, or set PARDNA_STAFF")
    return faults, rights
