"""Files: what persons send and what the business uploads."""

import base64
import hashlib

import httpx2
import pytest

from tests.simulator.business import NUMBER, TOKEN, Meta, running_meta
from tests.simulator.test_limits import Clock

AUTH = {"authorization": f"Bearer {TOKEN}"}
PIXELS = b"\x89PNG made up"


async def uploaded(meta: Meta, content: bytes = PIXELS, kind: str = "image/png") -> httpx2.Response:
    return await meta.http.post(
        f"/v26.0/{NUMBER}/media",
        headers=AUTH,
        files={"file": ("a.png", content, kind)},
        data={"messaging_product": "whatsapp", "type": kind},
    )


async def test_an_uploaded_file_can_be_fetched_and_sent(meta: Meta) -> None:
    media_id = (await uploaded(meta)).json()["id"]
    shown = (await meta.http.get(f"/v26.0/{media_id}", headers=AUTH)).json()
    assert shown["sha256"] == hashlib.sha256(PIXELS).hexdigest()
    assert (shown["file_size"], shown["mime_type"]) == (str(len(PIXELS)), "image/png")
    got = await meta.http.get(shown["url"], headers=AUTH)
    assert (got.content, got.headers["content-type"]) == (PIXELS, "image/png")
    await meta.says("amelia")
    image = {"id": media_id, "caption": "Our shop"}
    sent = await meta.call({"to": "12125550131", "type": "image", "image": image})
    assert sent.status_code == 200
    (bubble,) = await meta.recorded("bubble")
    assert (bubble["type"], bubble["text"], bubble["content"]) == ("image", "Our shop", image)


async def test_a_url_is_good_for_five_minutes_and_with_the_token_only() -> None:
    clock = Clock()
    async with running_meta(now=clock) as meta:
        media_id = (await uploaded(meta)).json()["id"]
        url = (await meta.http.get(f"/v26.0/{media_id}", headers=AUTH)).json()["url"]
        assert (await meta.http.get(url)).status_code == 404
        clock.time += 299
        assert (await meta.http.get(url, headers=AUTH)).status_code == 200
        clock.time += 1
        assert (await meta.http.get(url, headers=AUTH)).status_code == 404
        fresh = (await meta.http.get(f"/v26.0/{media_id}", headers=AUTH)).json()["url"]
        assert (await meta.http.get(fresh, headers=AUTH)).status_code == 200


async def test_what_a_person_sends_can_be_fetched(meta: Meta) -> None:
    voice = base64.b64encode(b"OggS made up").decode()
    message = {"type": "audio", "audio": {"voice": True}}
    await meta.says("mei", message=message, file=voice)
    await meta.business.until(lambda: meta.business.messages)
    audio = meta.business.messages[0]["audio"]
    assert audio["voice"] is True
    assert audio["mime_type"] == "audio/ogg; codecs=opus"
    assert audio["sha256"] == base64.b64encode(hashlib.sha256(b"OggS made up").digest()).decode()
    url = (await meta.http.get(f"/v26.0/{audio['id']}", headers=AUTH)).json()["url"]
    assert (await meta.http.get(url, headers=AUTH)).content == b"OggS made up"


async def test_a_deleted_file_is_gone(meta: Meta) -> None:
    media_id = (await uploaded(meta)).json()["id"]
    url = (await meta.http.get(f"/v26.0/{media_id}", headers=AUTH)).json()["url"]
    gone = await meta.http.delete(f"/v26.0/{media_id}", headers=AUTH)
    assert gone.json() == {"success": True}
    assert (await meta.http.get(f"/v26.0/{media_id}", headers=AUTH)).status_code == 404
    assert (await meta.http.get(url, headers=AUTH)).status_code == 404


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(b"", "image/png", id="empty"),
        pytest.param(b"x" * 5_000_001, "image/png", id="too large"),
        pytest.param(b"x", "image/gif", id="a type that Meta does not take"),
    ],
)
async def test_an_upload_that_meta_refuses_is_100(meta: Meta, content: bytes, kind: str) -> None:
    answer = await uploaded(meta, content, kind)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


async def test_a_body_that_is_no_upload_is_100(meta: Meta) -> None:
    answer = await meta.http.post(f"/v26.0/{NUMBER}/media", headers=AUTH, content=b"hello")
    assert answer.json()["error"]["code"] == 100


async def test_faults_strike_one_step_of_the_way(meta: Meta) -> None:
    media_id = (await uploaded(meta)).json()["id"]
    await meta.fault(on="media", match="download", http=500)
    url = (await meta.http.get(f"/v26.0/{media_id}", headers=AUTH)).json()["url"]
    assert (await meta.http.get(url, headers=AUTH)).status_code == 500
    assert (await meta.http.get(url, headers=AUTH)).status_code == 200
    steps = [(event["action"], event["status"]) for event in await meta.record("media")]
    assert steps == [("upload", 200), ("look", 200), ("download", 500), ("download", 200)]


async def test_the_account_tells_its_numbers_and_what_the_token_may(meta: Meta) -> None:
    number = (await meta.http.get(f"/v26.0/{NUMBER}", headers=AUTH)).json()
    assert number["display_phone_number"] == "+1 555-555-0100"
    assert number["verified_name"] == "Saltmarsh Kitchen"
    only = await meta.http.get(f"/v26.0/{NUMBER}?fields=quality_rating", headers=AUTH)
    assert only.json() == {"id": NUMBER, "quality_rating": "GREEN"}
    numbers = await meta.http.get("/v26.0/102015550100009/phone_numbers", headers=AUTH)
    assert [one["id"] for one in numbers.json()["data"]] == [NUMBER, "106015550100002"]
    for token, valid in ((TOKEN, True), ("another", False)):
        path = f"/v26.0/debug_token?input_token={token}"
        data = (await meta.http.get(path, headers=AUTH)).json()["data"]
        assert data["is_valid"] == valid
        assert ("whatsapp_business_messaging" in data["scopes"]) == valid
    assert (await meta.http.get(f"/v26.0/{NUMBER}")).status_code == 401
