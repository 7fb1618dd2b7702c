"""Several business numbers: what the file may say, what is said when it is wrong, who gets what."""

import re
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.bootstrap import open_accounts, open_reply_services, open_services
from app.core.keys import Keys
from app.core.model import Bubble
from app.errors import Parked
from app.numbers import NUMBER_KEYS, TOKEN_KEY
from app.pipeline.ports import Bot, Limits, Rates
from app.pipeline.receive import receive
from app.pipeline.reply import give_up, reply
from app.settings import Installation, Settings, SettingsError, load_settings
from tests.adapters.test_pair_limit import open_store
from tests.fakes import FakeModel, World, said
from tests.test_settings import NEEDED

KITCHEN, WORKSHOP = "106015550100001", "106015550100002"


def loaded(folder: Path, toml: str, **more: str) -> Installation:
    file = folder / "numbers.toml"
    file.write_text(toml, "utf-8")
    return load_settings({**NEEDED, "NUMBERS_FILE": str(file), **more}, env_file=None)


def complaints(folder: Path, toml: str, **more: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(folder, toml, **more)
    return [
        line.removeprefix(str(folder / "numbers.toml")).strip()
        for line in str(caught.value).splitlines()
    ]


# -- what the file may say -------------------------------------------------------------------------


def test_a_number_has_its_own_and_the_installations_for_the_rest(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        f"""
        [{KITCHEN}]
        bot_system_prompt = "You cook."
        openai_model = "small"
        bubble_style = "single"
        pair_burst = 3
        message_max_age = "2h"
        bubble_order_wait = 1.5

        [{WORKSHOP}]
        bot_human_contact = "workshop@example.com"
        """,
        BOT_SYSTEM_PROMPT="You help.",
        BUBBLE_MAX_CHARS="300",
    )
    kitchen, workshop = settings.numbers[KITCHEN], settings.numbers[WORKSHOP]
    assert (kitchen.system_prompt, workshop.system_prompt) == ("You cook.", "You help.")
    assert (kitchen.openai_model, kitchen.bubble_style, kitchen.pair_burst) == (
        *("small", "single", 3),
    )
    assert kitchen.message_max_age == timedelta(hours=2)
    assert kitchen.bubble_order_wait == timedelta(seconds=1.5)
    assert {settings.bubble_max_chars, kitchen.bubble_max_chars, workshop.bubble_max_chars} == {300}
    assert workshop.bot_human_contact == "workshop@example.com"
    assert settings.bot_human_contact == kitchen.bot_human_contact == ""


def test_every_key_is_a_setting_in_lower_case() -> None:
    assert NUMBER_KEYS.keys() - {TOKEN_KEY} <= Settings.model_fields.keys()


def test_the_readme_lists_every_key() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    listed = readme.partition("A number may have its own")[2].partition("Anything else")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == NUMBER_KEYS.keys()


def test_a_prompts_file_lies_beside_the_numbers_file(tmp_path: Path) -> None:
    (tmp_path / "kitchen.txt").write_text("You cook. 🍳", "utf-8")
    settings = loaded(tmp_path, f'[{KITCHEN}]\nbot_system_prompt_file = "kitchen.txt"')
    assert settings.numbers[KITCHEN].system_prompt == "You cook. 🍳"


def test_a_numbers_own_prompt_wins_over_the_installations_file(tmp_path: Path) -> None:
    (tmp_path / "all.txt").write_text("You help.")
    toml = f'[{KITCHEN}]\nbot_system_prompt = "You cook."'
    settings = loaded(tmp_path, toml, BOT_SYSTEM_PROMPT_FILE=str(tmp_path / "all.txt"))
    assert settings.numbers[KITCHEN].system_prompt == "You cook."
    assert settings.system_prompt == "You help."


def test_a_token_comes_from_the_environment_under_any_name(tmp_path: Path) -> None:
    toml = f'[{KITCHEN}]\naccess_token_env = "WHATSAPP_TOKEN_KITCHEN"\n[{WORKSHOP}]\n'
    settings = loaded(tmp_path, toml, WHATSAPP_TOKEN_KITCHEN="kitchen-word")
    tokens = [settings.numbers[n].whatsapp_access_token for n in (KITCHEN, WORKSHOP)]
    assert [token.get_secret_value() for token in tokens] == ["kitchen-word", "token-word"]
    assert "kitchen-word" not in repr(settings)
    assert "kitchen-word" not in str(settings.model_dump())


def test_the_working_folders_file_is_read_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(NEEDED, env_file=None).numbers == {}
    (tmp_path / "numbers.toml").write_text(f"[{KITCHEN}]\npair_burst = 2")
    assert load_settings(NEEDED, env_file=None).numbers[KITCHEN].pair_burst == 2
    assert load_settings(NEEDED, env_file=None, numbers_file=None).numbers == {}


# -- what is wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        pytest.param(
            '[106]\nbubble_stile = "single"',
            "[106] bubble_stile: there is no such key; is it bubble_style?",
            id="misspelt",
        ),
        pytest.param(
            "[106]\nworker_max_concurrency = 5",
            "[106] worker_max_concurrency: there is no such key",
            id="no number's own",
        ),
        pytest.param(
            '[106]\naccess_token = "secret-word"',
            "[106] access_token: there is no such key; is it access_token_env?",
            id="a secret in the file",
        ),
        pytest.param(
            '[106]\npair_burst = "10"', "[106] pair_burst: is not a whole number", id="text"
        ),
        pytest.param(
            "[106]\npair_burst = true", "[106] pair_burst: is not a whole number", id="a switch"
        ),
        pytest.param("[106]\nopenai_model = 5", "[106] openai_model: is not text", id="a number"),
        pytest.param(
            "[106]\nuncertain_wait = [8]", "[106] uncertain_wait: is not a duration", id="a list"
        ),
        pytest.param(
            '[106]\nuncertain_wait = "soon"',
            "[106] uncertain_wait: is not a duration such as 8s, 90s or 24h",
            id="no duration",
        ),
        pytest.param(
            "[106]\npair_burst = 46",
            "[106] pair_burst: Input should be less than or equal to 45",
            id="too many",
        ),
        pytest.param(
            "[106]\nbubble_min_chars = 300",
            "[106] bubble_max_chars: is smaller than BUBBLE_MIN_CHARS",
            id="a band upside down",
        ),
        pytest.param(
            '[106]\nbot_system_prompt_file = "nowhere"',
            "[106] bot_system_prompt_file: FileNotFoundError",
            id="no prompt",
        ),
        pytest.param(
            '[106]\nbot_system_prompt = "a"\nbot_system_prompt_file = "b"',
            "[106] bot_system_prompt_file: stands beside bot_system_prompt; choose one",
            id="two prompts",
        ),
        pytest.param(
            '[106]\naccess_token_env = "NOWHERE"',
            "[106] access_token_env: is empty",
            id="a token that is not set",
        ),
        pytest.param("[kitchen]\n", "[kitchen]: is no phone_number_id", id="a name"),
        pytest.param(
            'openai_model = "x"',
            "openai_model: stands in no number's table; what holds for all is a setting",
            id="outside",
        ),
    ],
)
def test_what_is_wrong_is_named_by_file_number_and_key(
    tmp_path: Path, toml: str, told: str
) -> None:
    assert complaints(tmp_path, toml) == [told]


def test_all_that_is_wrong_is_named_in_one_go(tmp_path: Path) -> None:
    toml = "[1]\npair_burst = 0\n[2]\nnumber_rate = 0\nbubble_min_chars = 0"
    named = [line.split(":")[0] for line in complaints(tmp_path, toml)]
    assert named == ["[1] pair_burst", "[2] bubble_min_chars", "[2] number_rate"]
    assert complaints(tmp_path, "[x]\n", LOG_LEVEL="loud")[0].startswith("[x]")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        pytest.param(b"[106", ": is no TOML: ", id="no TOML"),
        pytest.param(b"[106]\n[106]", ": is no TOML: ", id="a number twice"),
        pytest.param(b"\xff\xfe", ": UnicodeDecodeError", id="no text"),
        pytest.param(None, ": FileNotFoundError", id="not there"),
    ],
)
def test_a_file_that_cannot_be_read_stops_the_start(
    tmp_path: Path, written: bytes | None, told: str
) -> None:
    file = tmp_path / "ours.toml"
    if written is not None:
        file.write_bytes(written)
    with pytest.raises(SettingsError) as caught:
        load_settings({**NEEDED, "NUMBERS_FILE": str(file)}, env_file=None)
    assert str(caught.value).startswith(f"{file}{told}")


@pytest.mark.parametrize("key", [TOKEN_KEY, "access_token"])
def test_a_token_put_into_the_file_is_not_shown(tmp_path: Path, key: str) -> None:
    assert "secret-word" not in "\n".join(complaints(tmp_path, f'[106]\n{key} = "secret-word"'))


def test_the_example_is_one_that_starts(tmp_path: Path) -> None:
    example = Path(__file__).parents[1] / "deploy" / "numbers.example.toml"
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "workshop.txt").write_text("You mend boats.")
    settings = loaded(tmp_path, example.read_text("utf-8"), WHATSAPP_ACCESS_TOKEN_2="another-word")
    own = [one.whatsapp_access_token.get_secret_value() for one in settings.numbers.values()]
    assert own == ["token-word", "another-word"]


# -- who gets what ---------------------------------------------------------------------------------


async def test_each_number_is_answered_in_its_own_way() -> None:
    world, kitchen = World(), FakeModel([["We cook."]])
    own = replace(world.services, model=kitchen, bot=Bot(system_prompt="You cook."))
    services = replace(world.services, numbers={KITCHEN: own})
    await receive([said("Hi", number=KITCHEN), said("Hi", number=WORKSHOP)], services)
    for turn_id, conversation in world.store.queue:
        assert await reply(conversation, turn_id, services) == "answered"
    assert [address.phone_number_id for address, *_ in world.channel.sent] == [KITCHEN, WORKSHOP]
    assert world.channel.texts == ["We cook.", "Yes, we are open."]
    assert "You cook." in kitchen.prompts[0][0].content
    assert len(kitchen.prompts) == len(world.model.prompts) == 1


async def test_a_turn_that_is_given_up_ends_in_its_numbers_own_words() -> None:
    world = World()
    own = replace(world.services, bot=Bot(apology="Call the kitchen."))
    services = replace(world.services, numbers={KITCHEN: own})
    await receive([said("Hi", number=KITCHEN)], services)
    ((turn_id, conversation),) = world.store.queue
    await give_up(conversation, turn_id, services)
    assert world.channel.texts == ["Call the kitchen."]


async def test_what_is_too_old_for_a_number_is_not_answered_there() -> None:
    world = World()
    own = replace(world.services, limits=Limits(message_max_age=timedelta(seconds=5)))
    services = replace(world.services, numbers={WORKSHOP: own})
    at = world.clock.now() - timedelta(seconds=6)
    await receive([said("Hi", number=n, at=at) for n in (KITCHEN, WORKSHOP)], services)
    assert len(world.store.queue) == 1


@pytest.mark.parametrize(("number", "most"), [(KITCHEN, 2), (WORKSHOP, 3)])
async def test_each_number_has_its_own_burst(redis_url: str, number: str, most: int) -> None:
    rates = Rates(pair_burst=3, numbers={KITCHEN: Rates(pair_burst=2)})
    async with AsyncExitStack() as stack:
        store = open_store(redis_url, stack, rates)
        await store.take_in([said("Hi", user_id="US.7", phone=None, number=number)])
        conversation = Keys("a key of the tests").user(number, "US.7")
        async with store.turn(conversation, "a" * 32) as hand:
            assert hand is not None
            *bubbles, last = [Bubble("a" * 32, place, "Yes.", "Yes.") for place in range(most + 1)]
            for bubble in bubbles:
                assert await hand.begin_send(bubble, attempt=1, within=timedelta(seconds=1))
            with pytest.raises(Parked):
                await hand.begin_send(last, attempt=1, within=timedelta(seconds=1))


async def test_a_revoked_token_stops_its_own_numbers_alone(redis_url: str) -> None:
    keys = Keys("a key of the tests")
    async with AsyncExitStack() as stack:
        store = open_store(redis_url, stack, Rates())
        for number in (KITCHEN, WORKSHOP):
            await store.take_in([said("Hi", user_id="US.7", phone=None, number=number)])
        async with store.turn(keys.user(KITCHEN, "US.7"), "a" * 32) as hand:
            assert hand is not None
            await hand.hold("token", code=190, wait=timedelta(minutes=1), growth=1)
        with pytest.raises(Parked):
            await store.turn(keys.user(KITCHEN, "US.7"), "a" * 32).__aenter__()
        async with store.turn(keys.user(WORKSHOP, "US.7"), "b" * 32) as hand:
            assert hand is not None


async def test_numbers_share_what_they_do_not_have_of_their_own(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        f"""
        [{KITCHEN}]
        openai_model = "small"
        pair_burst = 3
        [{WORKSHOP}]
        access_token_env = "WORKSHOP_TOKEN"
        """,
        WORKSHOP_TOKEN="workshop-word",
        REDIS_URL="redis://127.0.0.1:1",
    )
    async with AsyncExitStack() as stack:
        services = open_reply_services(settings, stack)
        kitchen, workshop = (services.for_number(number) for number in (KITCHEN, WORKSHOP))
        assert services.for_number("999") is services
        assert services.store is kitchen.store is workshop.store
        assert services.channel is kitchen.channel is not workshop.channel
        assert services.model is workshop.model is not kitchen.model


async def test_each_token_is_asked_about_its_own_numbers(tmp_path: Path) -> None:
    toml = f'[{WORKSHOP}]\naccess_token_env = "WORKSHOP_TOKEN"'
    settings = loaded(tmp_path, toml, WORKSHOP_TOKEN="workshop-word")
    async with AsyncExitStack() as stack:
        accounts = open_accounts(settings, stack, timeout=timedelta(seconds=1))
        has = {
            token.get_secret_value(): [account._has(number) for number in (KITCHEN, WORKSHOP)]
            for token, account in accounts.items()
        }
    assert has == {"token-word": [True, False], "workshop-word": [False, True]}


async def test_the_web_process_knows_each_numbers_limits(tmp_path: Path) -> None:
    settings = loaded(tmp_path, f'[{KITCHEN}]\nmessage_max_age = "1h"')
    async with AsyncExitStack() as stack:
        services, _ = open_services(settings, stack)
        assert services.for_number(KITCHEN).limits.message_max_age == timedelta(hours=1)
        assert services.for_number(WORKSHOP).limits.message_max_age == timedelta(hours=24)
