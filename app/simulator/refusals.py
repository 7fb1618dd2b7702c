"""Meta's errors as a business sees them: a code, an HTTP status and a body.

Source: cloud-api notes 4.5 (Meta's error page, with the HTTP column of December 2025).
"""

import secrets
from typing import NamedTuple


class Known(NamedTuple):
    """One line of Meta's error page."""

    status: int
    title: str
    details: str = ""
    kind: str = "OAuthException"
    subcode: int | None = None
    transient: bool = False


GRAPH = "GraphMethodException"

KNOWN = {
    0: Known(401, "We were unable to authenticate the app user."),
    1: Known(400, "An unexpected error occurred"),
    2: Known(503, "An unexpected error occurred. Please retry your request", "", GRAPH, None, True),
    3: Known(500, "Capability or permissions issue."),
    4: Known(400, "Application request limit reached", "", "OAuthException", 2446079, True),
    10: Known(403, "App does not have permission to access this solution"),
    17: Known(400, "User request limit reached", transient=True),
    33: Known(400, "The business phone number has been deleted."),
    100: Known(400, "Invalid parameter", "One or more parameters are missing or wrong."),
    104: Known(401, "An access token is required to request this resource."),
    190: Known(401, "Invalid OAuth access token"),
    200: Known(403, "Permissions error"),
    368: Known(
        403,
        "Temporarily blocked for policies violations",
        "The WhatsApp Business Account has been restricted or disabled for violating a policy.",
    ),
    613: Known(400, "Calls to this api have exceeded the rate limit.", transient=True),
    803: Known(404, "Phone number not found", "", GRAPH),
    80007: Known(400, "Business request limit reached", "", "OAuthException", 2446079, True),
    130403: Known(400, "User blocked", "The business has blocked this user."),
    130429: Known(400, "Rate limit hit", "Cloud API message throughput has been reached."),
    130472: Known(
        400,
        "User's number is part of an experiment",
        "Failed to send message because this user's phone number is part of an experiment",
    ),
    130497: Known(403, "Business account is restricted from messaging users in this country."),
    131000: Known(500, "Something went wrong", "Message failed to send due to an unknown error."),
    131005: Known(403, "Access denied", "Permission is either not granted or has been removed."),
    131008: Known(400, "Required parameter is missing", "A required parameter is missing."),
    131009: Known(400, "Parameter value is not valid", "A parameter has a value that is wrong."),
    131016: Known(500, "Service unavailable", "A service is temporarily unavailable."),
    131021: Known(400, "Recipient cannot be sender", "Sender and recipient are the same."),
    131026: Known(400, "Message undeliverable", "Message Undeliverable."),
    131030: Known(
        400,
        "Recipient phone number not in allowed list",
        "Recipient phone number not in allowed list: Add recipient phone number to recipient "
        "list and try again.",
    ),
    131031: Known(403, "Business Account locked", "Business account has been locked."),
    131036: Known(
        400,
        "Message failed to be delivered on at least one of the user's device",
        "Message payload not found",
    ),
    131037: Known(400, "The number's display name has not been approved."),
    131042: Known(400, "Business eligibility payment issue", "There is a payment problem."),
    131044: Known(400, "Business eligibility payment issue", "There is a payment problem."),
    131045: Known(500, "Incorrect certificate", "The phone number is not registered."),
    131047: Known(
        400,
        "Re-engagement message",
        "Message failed to send because more than 24 hours have passed since the customer last "
        "replied to this number.",
    ),
    131048: Known(
        400, "Spam rate limit hit", "Too many messages of this number were blocked or reported."
    ),
    131049: Known(
        400,
        "This message was not delivered to maintain healthy ecosystem engagement.",
        "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
    ),
    131050: Known(400, "User has stopped marketing messages from this business."),
    131051: Known(400, "Unsupported message type", "This message type is not supported."),
    131052: Known(400, "Media download error", "The media sent by the user cannot be downloaded."),
    131053: Known(400, "Media upload error", "The media used in the message cannot be uploaded."),
    131056: Known(
        400,
        "(Business Account, Consumer Account) pair rate limit hit",
        "Message failed to send because there were too many messages sent from this phone number "
        "to the same phone number in a short period of time",
    ),
    131057: Known(500, "Account in maintenance mode", "The business account is in maintenance."),
    131062: Known(400, "Business-scoped user id not allowed for this message."),
    131063: Known(400, "Marketing templates are switched off on this API."),
    131064: Known(400, "The account is limited after a template misclassification."),
    132001: Known(404, "Template does not exist", "The template does not exist."),
    133004: Known(503, "Server temporarily unavailable", "The server is not available."),
    133010: Known(400, "Phone number not registered", "The number is not registered."),
    133016: Known(400, "Too many registrations of this number."),
    134011: Known(400, "WhatsApp Payments terms of service has not been accepted"),
    135000: Known(400, "Generic user error", "Something about the request's parameters."),
    137000: Known(400, "Identity key mismatch", "The user's identity has changed."),
}

HELP = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


class Refusal(Exception):
    """Meta says no.

    Attributes:
        code: Meta's code.
        status: The HTTP status that goes with it.
        body: The JSON that a business reads.
    """

    def __init__(self, code: int, details: str | None = None) -> None:
        known = known_as(code)
        super().__init__(f"({code}) {known.title}")
        self.code = code
        self.status = known.status
        self.body = {"error": _error(code, known, known.details if details is None else details)}


def known_as(code: int) -> Known:
    """The line of a code; one that the page does not have is a 400."""
    return KNOWN.get(code, Known(400, "An error occurred"))


def as_status_error(code: int) -> dict[str, object]:
    """The same error as a ``failed`` status tells it."""
    known = known_as(code)
    error: dict[str, object] = {"code": code, "title": known.title, "message": known.title}
    if known.details:
        error["error_data"] = {"details": known.details}
    return {**error, "href": HELP}


def _error(code: int, known: Known, details: str) -> dict[str, object]:
    # Meta puts the code before the words in the codes of WhatsApp itself.
    words = f"(#{code}) {known.title}" if code >= 100 and code not in (104, 190) else known.title
    error: dict[str, object] = {"message": words, "type": known.kind, "code": code}
    if details:
        error["error_data"] = {"messaging_product": "whatsapp", "details": details}
    if known.subcode is not None:
        error["error_subcode"] = known.subcode
    if known.transient:
        error["is_transient"] = True
    error["fbtrace_id"] = "A" + secrets.token_urlsafe(16)
    return error
