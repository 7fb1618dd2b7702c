"""What a caller sees of a call that a fault struck."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.simulator.connections import Cut, pause
from app.simulator.faults import Fault
from app.simulator.refusals import Refusal


async def answer_of(fault: Fault, done: Response | None, request: Request) -> Response:
    """What the business gets to see of a call that a fault struck.

    Args:
        done: The true answer, when what was asked has been done.
    """
    if fault.delay:
        await pause(request.scope, request.receive, fault.delay)
    if fault.reset or fault.lose_answer:
        return Cut(reset=fault.reset)
    headers = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
    if fault.error is not None:
        refusal = Refusal(fault.error)
        return JSONResponse(refusal.body, fault.http or refusal.status, headers)
    if fault.http is not None:
        kind = "text/html" if fault.body.startswith("<") else "application/json"
        return Response(fault.body, fault.http, headers, kind)
    assert done is not None  # noqa: S101 only such faults keep a call from being done
    return done


def prevents(fault: Fault | None) -> bool:
    """Whether the fault keeps a call from being done at all."""
    if fault is None or fault.happened:
        return False
    return fault.reset or fault.error is not None or fault.http is not None


def status_of(answer: Response) -> int | None:
    """The HTTP status; ``None`` when the connection is cut in place of an answer."""
    return None if isinstance(answer, Cut) else answer.status_code
