"""The watch: one looks for all, and what it finds is told until it is well again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from app.core.account import NumberFacts, Survey
from app.errors import Refused, Unavailable
from app.pipeline.watch import watch
from tests.core.test_account import ACCOUNT, SURVEY, TOKEN
from tests.fakes import NOW, World

RESTRICTED = replace(ACCOUNT, numbers=[NumberFacts("22", "RESTRICTED")])


@dataclass
class FakeAccount:
    """Says what it is told to; the last one again and again."""

    surveys: list[Survey] = field(default_factory=lambda: [SURVEY])
    asked: int = 0

    async def survey(self, known: Mapping[str, str]) -> Survey:
        self.asked += 1
        return self.surveys[min(self.asked, len(self.surveys)) - 1]


async def look(world: World, *accounts: FakeAccount) -> bool:
    return await watch(accounts, world.store, world.clock)


async def test_one_process_looks_every_five_minutes() -> None:
    world, account = World(), FakeAccount()
    assert [await look(world, account) for _ in range(3)] == [True, False, False]
    world.clock.time += timedelta(minutes=4)
    assert not await look(world, account)
    world.clock.time += timedelta(minutes=1)
    assert await look(world, account)
    assert account.asked == 2


async def test_what_is_found_is_told_until_it_is_well_again() -> None:
    world, account = World(), FakeAccount([replace(SURVEY, accounts=[RESTRICTED]), SURVEY])
    await look(world, account)
    assert await world.store.troubles() == {"number": "restricted"}
    world.clock.time += timedelta(minutes=5)
    await look(world, account)
    assert await world.store.troubles() == {}


async def test_every_token_is_looked_at() -> None:
    world = World()
    revoked = FakeAccount([Survey(Unavailable("no", code=190, scope="token"))])
    await look(world, FakeAccount([replace(SURVEY, accounts=[RESTRICTED])]), revoked)
    assert await world.store.troubles() == {"number": "restricted", "token": "190"}


async def test_of_two_tokens_the_worse_trouble_is_told() -> None:
    ends = NOW + timedelta(days=2)
    soon = FakeAccount([replace(SURVEY, token=replace(TOKEN, expires_at=ends))])
    invalid = FakeAccount([Survey(replace(TOKEN, is_valid=False))])
    for accounts in ((soon, invalid), (invalid, soon)):
        world = World()
        await look(world, *accounts)
        assert await world.store.troubles() == {"token": "invalid"}


async def test_an_account_that_meta_refuses_to_speak_of_hides_no_other() -> None:
    world = World()
    gone = replace(ACCOUNT, apps=Refused("no", code=100), numbers=Refused("no", code=100))
    await look(world, FakeAccount([replace(SURVEY, accounts=[gone, RESTRICTED])]))
    assert await world.store.troubles() == {"number": "restricted"}


async def test_while_meta_does_not_say_what_was_found_before_stands() -> None:
    world = World()
    silent = replace(SURVEY, accounts=[replace(ACCOUNT, numbers=Unavailable("away"))])
    away = Survey(Unavailable("away"))
    account = FakeAccount([replace(SURVEY, accounts=[RESTRICTED]), silent, away])
    for _ in range(3):
        assert await look(world, account)
        assert await world.store.troubles() == {"number": "restricted"}
        world.clock.time += timedelta(minutes=5)
    assert account.asked == 3


async def test_a_process_that_dies_as_it_looks_is_followed_by_another() -> None:
    world = World()
    assert await world.store.take_watch()  # and it is gone
    world.clock.time += timedelta(seconds=61)
    assert await look(world, FakeAccount())
