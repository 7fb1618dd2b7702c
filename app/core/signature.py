"""Did Meta send these bytes?"""

import hmac
from collections.abc import Sequence


def verify(body: bytes, header: str | None, *, app_secrets: Sequence[str]) -> bool:
    """Whether ``header`` is Meta's signature of ``body`` under one of our secrets.

    Upper-case hex is refused: Meta writes lower case, and one accepted spelling lets the whole
    header be compared at once, in constant time.

    Args:
        body: The request body exactly as received; parsing and re-encoding changes it.
        header: ``"sha256="`` and 64 hex digits, or ``None`` when there was no header.
        app_secrets: The Meta app's secret; two while it is being changed. An empty one, which
            anybody could guess, verifies nothing.

    Source: Graph API webhooks, "Validating payloads".
    """
    if header is None:
        return False
    given = header.encode(errors="replace")
    verified = False
    for secret in filter(None, app_secrets):
        wanted = "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()
        # No early exit: the time does not tell which secret it was.
        verified |= hmac.compare_digest(wanted.encode(), given)
    return verified
