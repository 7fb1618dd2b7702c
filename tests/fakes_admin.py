"""The operator's side of ``FakeStore``; ``tests/contracts/test_admin.py`` keeps it true."""

from collections.abc import Mapping, Sequence

from app.core.situation import Situation
from app.core.timeline import timeline
from app.pipeline.admin import Erased, Listed, Listing, Party, Requeued, Words
from app.pipeline.ports import TurnRecord
from tests.fakes import FakeStore, _Conversation


class FakeAdmin:
    """The ``Admin`` port over a ``FakeStore``'s memory."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    async def conversations(self, listed: Listed, *, offset: int, limit: int) -> Listing:
        everybody = [self._situation(found) for found in self._known()]
        match listed:
            case "waiting":
                chosen = [one for one in everybody if one.waiting and not one.given_up_at]
                chosen = [one for one in chosen if not one.paused_for]
                chosen.sort(key=lambda one: one.waiting_since or 0.0)
            case "given_up":
                chosen = sorted(
                    (one for one in everybody if one.given_up_at),
                    key=lambda one: one.given_up_at or 0.0,
                )
            case "paused":
                chosen = [one for one in everybody if one.paused_for]
                chosen = [one for one in chosen if one.waiting or not one.is_number_paused]
                chosen.sort(
                    key=lambda one: (one.is_number_paused, one.paused_until or float("inf"))
                )
            case "answered":
                chosen = [one for one in everybody if one.answered_at]
                chosen.sort(key=lambda one: one.answered_at or 0.0, reverse=True)
        return Listing(len(chosen), chosen[offset : offset + limit])

    def _known(self) -> list[_Conversation]:
        return [found for found in self._store._conversations.values() if found.number]

    async def situation(self, conversation: str) -> Situation | None:
        found = self._store._conversations.get(conversation)
        return self._situation(found) if found and found.number else None

    def _situation(self, found: _Conversation) -> Situation:
        store = self._store
        reason = store._silent_for(found)
        pause = found.pause or store._number_pauses.get(found.number)
        ended = [timeline(one, store.records[one]).ended_at for one in found.turns]
        newest = store.records[found.turns[0]] if found.turns else {}
        holds = {scope: hold for scope, hold in store.holds.items() if found.inbox}
        held_for = max(holds, key=lambda scope: holds[scope].until, default=None)
        return Situation(
            conversation=found.key,
            number=found.number,
            waiting=len(found.inbox),
            waiting_since=found.inbox[0].sent_at.timestamp() if found.inbox else None,
            turn=found.turns[0] if found.turns else None,
            answering=found.turns[0] if found.lease else None,
            is_live=bool(found.inbox) and self._is_live(found),
            held_for=held_for,
            held_until=holds[held_for].until.timestamp() if held_for else None,
            given_up_at=timeline("", newest).given_up_at if found.given_up else None,
            paused_for=reason,
            paused_until=pause.until.timestamp() if reason and pause and pause.until else None,
            is_number_paused=bool(reason) and found.pause is None,
            answered_at=max((at for at in ended if at), default=None),
        )

    def _is_live(self, found: _Conversation) -> bool:
        return bool(found.lease) or found.turn in dict(self._store.queue)

    async def turns(self, conversation: str, *, most: int) -> list[TurnRecord]:
        found = self._store._conversations.get(conversation)
        ids = found.turns[:most] if found else []
        return [TurnRecord(one, dict(self._store.records[one])) for one in ids]

    async def record(self, turn_id: str) -> TurnRecord | None:
        fields = self._store.records.get(turn_id)
        return TurnRecord(turn_id, dict(fields)) if fields else None

    async def turn_of(self, key: str) -> str | None:
        return self._store._seen.get(key) or self._store._bubbles.get(key, {}).get("turn")

    async def requeue(self, conversation: str) -> Requeued:
        found = self._store._conversations.get(conversation)
        if found is None or not found.number:
            return "unknown"
        if not found.inbox:
            return "nothing"
        if self._store._silent_for(found):
            return "paused"
        if self._is_live(found):
            return "live"
        self._store._queue(found)
        return "queued"

    async def numbers(self) -> list[str]:
        return sorted({found.number for found in self._known()})

    async def known_as(self, keys: Sequence[str]) -> list[str | None]:
        found = [self._store._aliases.get(key) for key in keys]
        return [one.key if one else None for one in found]

    async def parties(self, conversations: Sequence[str]) -> list[Party]:
        found = [self._store._conversations.get(one) for one in conversations]
        return [
            Party(one.key, one.number, one.user_id, one.phone, None, one.former, sorted(one.merged))
            for one in found
            if one and one.number
        ]

    async def words(self, conversation: str) -> Words:
        found = self._store._conversations.get(conversation)
        return Words(list(found.inbox), list(found.history)) if found else Words([], [])

    async def erase(self, conversations: Mapping[str, Sequence[str]]) -> Erased:
        store, erased = self._store, [0, 0, 0, 0]
        for conversation, ways in conversations.items():
            found = store._conversations.pop(conversation, None)
            if found is None:
                continue
            sizes = (1, len(found.inbox), len(found.history), len(found.turns))
            erased = [before + size for before, size in zip(erased, sizes, strict=True)]
            for turn_id in found.turns:
                store.records[turn_id].clear()
                store.records[turn_id]["ending"] = "erased"
            if store._silent_for(found) == "stop":
                for key in {conversation, *ways}:
                    store._conversations[key] = _Conversation(key, "", pause=found.pause)
            found.lease = found.open = None
            found.inbox.clear()
            found.history.clear()
            for way in ways:
                store._aliases.pop(way, None)
        return Erased(*erased)
