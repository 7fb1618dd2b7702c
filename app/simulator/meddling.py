"""``/simulator/faults`` and ``/simulator/model-events``: what goes wrong, and the model's news."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.simulator.bodies import AsciiJson
from app.simulator.control import NotThere, control
from app.simulator.faults import BadFault
from app.simulator.world import Said, World

MODEL_PREFIX = "model-"
"""Faults of the scripted model live in its own process; here their ids begin with this."""


async def faults(world: World, request: Request, body: Any) -> Response:
    """All faults, one more, or none any more."""
    if request.method == "GET":
        return AsciiJson([fault.as_json() for fault in world.faults])
    if request.method == "DELETE":
        for fault in list(world.faults):
            world.courier.let_go(fault.id)
            world.faults.forget(fault.id)
        if world.settings.model_url is not None:
            await world.courier.delete(_at_model(world, ""))
        return Response(status_code=204)
    if body.get("on") == "model":
        answer = await world.courier.post(_at_model(world, ""), body)
        answered = answer.json()
        if "id" in answered:
            answered["id"] = MODEL_PREFIX + answered["id"]
        return AsciiJson(answered, answer.status_code)
    return AsciiJson(world.faults.ask(body).as_json(), 201)


async def fault(world: World, request: Request, body: Any) -> Response:
    """Take one fault back; what it held goes out."""
    fault_id = request.path_params["id"]
    if fault_id.startswith(MODEL_PREFIX):
        answer = await world.courier.delete(
            _at_model(world, "/" + fault_id.removeprefix(MODEL_PREFIX))
        )
        return Response(status_code=answer.status_code)
    world.courier.let_go(fault_id)
    if world.faults.forget(fault_id) is None:
        raise NotThere
    return Response(status_code=204)


async def model_events(world: World, request: Request, body: Any) -> Response:
    """The model tells of its streams; the person is found by what they said."""
    if not isinstance(body.get("phase"), str):
        raise ValueError("phase: needed")
    fields = {name: value for name, value in body.items() if name not in ("seq", "at", "kind")}
    who = _whose(world, str(body.get("said", "")))
    fields["person"] = who.person.id if who else None
    fields["phone_number_id"] = who.phone_number_id if who else None
    world.record.add("model", **fields)
    return Response(status_code=204)


def routes() -> list[Route]:
    """Faults and model events."""
    return [
        Route("/simulator/faults", control(faults), methods=["GET", "POST", "DELETE"]),
        Route("/simulator/faults/{id}", control(fault), methods=["DELETE"]),
        Route("/simulator/model-events", control(model_events), methods=["POST"]),
    ]


def _whose(world: World, said: str) -> Said | None:
    """Who last wrote something that stands in the model's question."""
    return next((who for text, who in reversed(world.lately) if text in said), None)


def _at_model(world: World, path: str) -> str:
    if world.settings.model_url is None:
        raise BadFault("on: this simulator knows no model (--model-url)")
    return f"{world.settings.model_url}/simulator/faults{path}"
