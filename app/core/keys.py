"""Opaque keys: keyed hashes that stand for ids which must not be seen.

A wamid, decoded from base64, holds the person's phone number, and phone numbers are few enough to
try them all; hence a key (``RIVULET_KEY``) and not a bare hash.
"""

from hashlib import blake2b


class Keys:
    """Makes the opaque key of an id. The same id and secret give the same key, for ever.

    A key is 32 lower-case hex digits: allowed in RQ job ids, Redis keys and log lines.
    """

    def __init__(self, secret: str) -> None:
        # BLAKE2's own key (RFC 7693) has at most 64 bytes; a secret may have more.
        key = blake2b(secret.encode()).digest()
        self._keyed = blake2b(key=key, digest_size=16)

    def message(self, wamid: str) -> str:
        """The key of a WhatsApp message, inbound or outbound."""
        return self._key("message", wamid)

    def user(self, phone_number_id: str, user_id: str) -> str:
        """The key of a person's user id with one of our numbers."""
        return self._key("user", phone_number_id, user_id)

    def phone(self, phone_number_id: str, phone: str) -> str:
        """The key of a person's phone number with one of our numbers."""
        return self._key("phone", phone_number_id, phone)

    def _key(self, *parts: str) -> str:
        # A separator that no id holds keeps ("a", "b") apart from ("ab", "").
        keyed = self._keyed.copy()
        keyed.update("\0".join(parts).encode("utf-8", "surrogatepass"))
        return keyed.hexdigest()
