"""The draw order by lottery: a promised seed, a word of each, and what anybody can work out again (rules.md 13)."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from bot.actions import scores
from bot.actions.names import called
from bot.actions.ordering import not_ready, order_lines, still_runs, unverified
from bot.actions.turn import Turn
from bot.words.say import Answer, Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain.lottery import (
    LAST_TIER,
    MARK,
    NO_WORD,
    RUNNING,
    SEED_BYTES,
    TIERS,
    Lottery,
    LotteryState,
    Word,
    draw_order,
    hash_seed,
    hash_words,
)
from domain.pardna import (
    BY_LOT,
    Circle,
    CircleState,
    Hand,
    Member,
    MemberState,
    OrderBy,
    seat_the_rest,
    turns_of,
)
from domain.schedule import JAMAICA, local_date
from storage.vault import Unsealable

WORDS_END = time(18)
"""On the day after the lottery began: everybody has had an evening and a morning, and nobody is woken."""
A_MINUTE = timedelta(minutes=1)
"""Between tiers and promise, and between the hash of the words and the seed, so that they arrive in this order."""
LAPSES_AFTER = timedelta(days=1)


def open_lottery(turn: Turn, command: c.OpenLottery) -> Say | Refusal:
    """Freeze the hands, promise a seed by its hash, and ask every member for a word; by trust, first tell the tiers."""
    circle = turn.book.circle(command.circle)
    if circle.order_by not in BY_LOT:
        return refuse("order_no_lottery", circle=circle.name)
    lottery = turn.book.get(Lottery, circle.code)
    if lottery is not None and lottery.state in RUNNING:
        return still_runs(circle, lottery)
    if lottery is not None and lottery.state is LotteryState.DRAWN:
        return _published(turn, circle, lottery)
    if lottery is not None or circle.state is not CircleState.OPEN:
        return refuse("lottery_was", circle=circle.name)
    if missing := not_ready(turn, circle):
        return missing
    turns, waiting = turns_of(turn.book.hands(circle.code)), unverified(turn, circle)
    waits = [any(hand.person_id in waiting for hand in together) for together in turns]
    until = datetime.combine(local_date(turn.at) + timedelta(days=1), WORDS_END, JAMAICA).astimezone(UTC)
    lottery = Lottery(
        circle=circle.code,
        state=LotteryState.TIERS,
        seed_hash="",
        seed=b"",
        marked=" ".join(str(number) for number, one in enumerate(waits, start=1) if one),
        began_at=turn.at,
        words_until=until,
        tiers=_tiers(turn, circle, turns, waiting),
    )
    party = f"circle:{circle.code}"
    turn.plan(f"lottery:{circle.code}:words", until, party, c.CloseWords(circle.code))
    turn.plan(f"lottery:{circle.code}:lapse", until + LAPSES_AFTER, party, c.LapseLottery(circle.code))
    if not lottery.tiers:
        return _promise(turn, circle, lottery)
    turn.book.put(lottery)
    turn.plan(f"lottery:{circle.code}:seed", turn.at + A_MINUTE, party, c.PromiseSeed(circle.code))
    head = text("lottery_tiers", circle=circle.name, code=circle.code)
    return _publish(turn, circle, Say((head, *_hands(turn, circle, lottery), text("lottery_tiers_are"))))


def _tiers(turn: Turn, circle: Circle, turns: list[tuple[Hand, ...]], waiting: frozenset[str]) -> str:
    """Return the tier of each hand, in a lottery by trust (12): the last one without a verified TRN (15).

    Two halves are in the later one of their tiers.
    """
    if circle.order_by is not OrderBy.TRUST:
        return ""
    tier = {
        hand.person_id: LAST_TIER if hand.person_id in waiting else TIERS[scores.tier(turn, hand.person_id)]
        for together in turns
        for hand in together
    }
    return " ".join(str(max(tier[hand.person_id] for hand in together)) for together in turns)


def promise_seed(turn: Turn, command: c.PromiseSeed) -> None:
    """Promise the seed of a lottery whose tiers are out, and ask for words."""
    circle = turn.book.circle(command.circle)
    lottery = turn.book.must(Lottery, circle.code)
    if lottery.state is LotteryState.TIERS and circle.state is CircleState.OPEN:
        _promise(turn, circle, lottery)


def _promise(turn: Turn, circle: Circle, lottery: Lottery) -> Say:
    seed = turn.tools.randbelow(2 ** (8 * SEED_BYTES)).to_bytes(SEED_BYTES)
    sealed = turn.tools.vault.seal(_place(circle), seed)
    lottery = replace(lottery, state=LotteryState.WORDS, seed_hash=hash_seed(seed), seed=sealed)
    turn.book.put(lottery)
    hands = () if lottery.tiers else _hands(turn, circle, lottery)
    return _publish(turn, circle, Say((_began(circle, lottery), *hands, text("lottery_ask_word"))))


def _began(circle: Circle, lottery: Lottery) -> Text:
    until = local_date(lottery.words_until)
    return text("lottery_began", circle=circle.name, code=circle.code, until=until, hash=lottery.seed_hash)


def _place(circle: Circle) -> str:
    return f"lottery.seed|{circle.code}"


def _publish(turn: Turn, circle: Circle, what: Say) -> Say:
    """Tell everybody in the circle the same, whoever gave rise to it; they are told by the answer."""
    everybody = {m.person_id for m in turn.book.members(circle.code) if m.state is MemberState.IN} | {circle.banker_id}
    for person in sorted(everybody - {turn.person_id}):
        turn.tell(person, what)
    return what


def _hands(turn: Turn, circle: Circle, lottery: Lottery) -> tuple[Text, ...]:
    """List the hands as they are frozen: number, name, tier if they have one, and a star where they wait."""
    tiers = lottery.tier_of
    lines = []
    for number, label in labels(turn, circle).items():
        tier = f" tier {tiers[number]}" if tiers else ""
        star = MARK if number in lottery.waiting else ""
        lines.append(f"#{number} {label}{tier}{star}")
    third = circle.turns // 3
    if not third or not 0 < len(lottery.waiting) < len(lines):  # where all wait, nobody is spared the first turns
        return (text("lottery_hands", lines=tuple(lines)),)
    waits = text("lottery_waits", third=third) if third > 1 else text("lottery_waits_one")
    return (text("lottery_hands", lines=tuple(lines)), waits)


def labels(turn: Turn, circle: Circle) -> dict[int, str]:
    """Return what is drawn, by number: a hand by its member's name, two halves by both (docs/lottery.md)."""
    names = called(turn, circle.code)
    every = enumerate(turns_of(turn.book.hands(circle.code)), start=1)
    return {number: " & ".join(_first_name(turn, hand, names) for hand in hands) for number, hands in every}


def _first_name(turn: Turn, hand: Hand, names: dict[str, str]) -> str:
    """Return a first name, with the number that tells two of one name apart."""
    person = turn.book.person(hand.person_id)
    return person.first_name + names[hand.person_id].removeprefix(person.name)


def give_word(turn: Turn, command: c.GiveWord) -> Say | Refusal:
    """Take a member's word and say it back; when the last one is in, no more are waited for."""
    circle = turn.book.circle(command.circle)
    lottery = turn.book.get(Lottery, circle.code)
    if lottery is None or lottery.state is not LotteryState.WORDS:
        closed = lottery is not None and lottery.state is LotteryState.CLOSED
        return refuse("words_closed" if closed else "no_lottery", circle=circle.name)
    turn.book.put(Word(circle.code, turn.person_id, command.word))
    members = [m for m in turn.book.members(circle.code) if m.state is MemberState.IN]
    if len(turn.book.all(Word, circle=circle.code)) < len(members):
        until = local_date(lottery.words_until)
        return say("word_taken", word=command.word, circle=circle.name, until=until)
    return Say((text("word_is", word=command.word), *_close(turn, circle, lottery).texts))


def close_words(turn: Turn, command: c.CloseWords) -> None:
    """The time for words is over."""
    circle = turn.book.circle(command.circle)
    lottery = turn.book.must(Lottery, circle.code)
    if circle.state is not CircleState.OPEN and lottery.state in RUNNING:  # called off meanwhile
        turn.book.put(replace(lottery, state=LotteryState.CANCELLED))
    elif lottery.state is LotteryState.WORDS:
        _close(turn, circle, lottery)


def _close(turn: Turn, circle: Circle, lottery: Lottery) -> Say:
    hashed = hash_words(_words(turn, circle))
    turn.book.put(replace(lottery, state=LotteryState.CLOSED, words_hash=hashed))
    key = f"lottery:{circle.code}:reveal"
    turn.plan(key, turn.at + A_MINUTE, f"circle:{circle.code}", c.RevealSeed(circle.code))
    return _publish(turn, circle, say("words_over", circle=circle.name, hash=hashed))


def _words(turn: Turn, circle: Circle) -> dict[int, str]:
    """Return every member's word by the number of their first hand, "" for none; of two halves one behind the other."""
    given = {w.person_id: w.word for w in turn.book.all(Word, circle=circle.code)}
    words: dict[int, str] = {}
    heard: set[str] = set()
    for number, together in enumerate(turns_of(turn.book.hands(circle.code)), start=1):
        people = [h.person_id for h in together if h.person_id not in heard]
        heard.update(people)
        if people:
            words[number] = "".join(given.get(person, "") for person in people)
    return words


def reveal_seed(turn: Turn, command: c.RevealSeed) -> None:
    """Publish the seed, the words and the order that they give."""
    circle = turn.book.circle(command.circle)
    lottery = turn.book.must(Lottery, circle.code)
    if lottery.state is not LotteryState.CLOSED or circle.state is not CircleState.OPEN:
        return
    try:
        seed = turn.tools.vault.open(_place(circle), lottery.seed)
    except Unsealable:
        _cancel(turn, circle, lottery)
        return
    turns = dict(enumerate(turns_of(turn.book.hands(circle.code)), start=1))
    order = draw_order(circle.code, seed, lottery.words_hash, len(turns), lottery.waiting, tiers=lottery.tier_of)
    if hash_seed(seed) != lottery.seed_hash:
        _cancel(turn, circle, lottery)
        return
    turn.book.put(replace(lottery, state=LotteryState.DRAWN))
    drawn = enumerate(order, start=1)
    turn.book.put(*(replace(hand, turn=place) for place, number in drawn for hand in turns[number]))
    _tell_result(turn, circle, _result(turn, circle, seed))


def _result(turn: Turn, circle: Circle, seed: bytes) -> tuple[Text, ...]:
    """Write what is published at the end: seed, words and order, and where anybody may check them."""
    words = tuple(f"#{number} {word or NO_WORD}" for number, word in sorted(_words(turn, circle).items()))
    called_so, every = labels(turn, circle), enumerate(turns_of(turn.book.hands(circle.code)), start=1)
    drawn = sorted((hands[0].turn, number) for number, hands in every)
    lines = tuple(f"{place} {called_so[number]} #{number}" for place, number in drawn)
    return (
        text("lottery_drawn", circle=circle.name, seed=seed.hex()),
        text("lottery_words", lines=words),
        text("lottery_order", lines=lines),
        text("lottery_check", link=f"{turn.tools.site}/lottery"),
    )


def _published(turn: Turn, circle: Circle, lottery: Lottery) -> Say | Refusal:
    """Say once more all that was published of a lottery that was drawn."""
    try:
        seed = turn.tools.vault.open(_place(circle), lottery.seed)
    except Unsealable:
        return refuse("lottery_was", circle=circle.name)
    tiers = (text("lottery_tiers", circle=circle.name, code=circle.code),) if lottery.tiers else ()
    began = (*tiers, _began(circle, lottery), *_hands(turn, circle, lottery))
    over = text("words_over", circle=circle.name, hash=lottery.words_hash)
    return Say((*began, over, *_result(turn, circle, seed)))


def lapse_lottery(turn: Turn, command: c.LapseLottery) -> None:
    """Cancel in public what was not revealed in time."""
    circle = turn.book.circle(command.circle)
    lottery = turn.book.must(Lottery, circle.code)
    if lottery.state in RUNNING:
        _cancel(turn, circle, lottery)


def _cancel(turn: Turn, circle: Circle, lottery: Lottery) -> None:
    """Fall back to join order: whoever dislikes a result gains nothing by holding it back (13)."""
    turn.book.put(replace(lottery, state=LotteryState.CANCELLED))
    if circle.state is not CircleState.OPEN:
        return
    turn.book.put(*seat_the_rest(turn.book.hands(circle.code)))
    lines = order_lines(turn, circle)
    _tell_result(turn, circle, (text("lottery_cancelled", circle=circle.name), text("lottery_falls_back", lines=lines)))


def _tell_result(turn: Turn, circle: Circle, told: tuple[Text, ...]) -> None:
    """Tell everybody, and the banker what comes next."""
    lock = Answer(f"LOCK {circle.code}", f"LOCK {circle.code}")
    turn.tell_all(turn.book.members(circle.code), lambda m: _for_member(circle, m, Say(told)))
    turn.tell(circle.banker_id, Say((*told, text("lottery_lock", code=circle.code)), (lock,)))


def _for_member(circle: Circle, member: Member, what: Say) -> Say | None:
    return what if member.person_id != circle.banker_id else None
