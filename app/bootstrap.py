"""The one place where parts meet: ``Settings`` in, ``Services`` out, closed again on exit."""

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from functools import cache

from pydantic import SecretStr

from app.adapters.clock import SystemClock
from app.adapters.graph_account import GraphAccount
from app.adapters.leases import LeaseKeeper
from app.adapters.redis_admin import RedisAdmin
from app.adapters.redis_client import async_redis, sync_redis
from app.adapters.redis_meter import RedisMeter
from app.adapters.redis_store import RedisStore, script_header, script_text
from app.adapters.rq_queue import turn_jobs
from app.core.keys import Keys
from app.pipeline.ports import Bot, Limits, Rates, ReplyServices, Services, Tracer
from app.settings import Installation, Settings, environment


def open_services(settings: Installation, stack: AsyncExitStack) -> tuple[Services, RedisMeter]:
    """What the web process needs; the meter also renders ``/metrics``.

    Nothing connects before its first use; ``stack`` closes what was opened.
    """
    store, meter = _open_store(settings, stack)
    tracer = _open_tracer(settings, "rivulet-web", stack)
    services = Services(
        store=store,
        meter=meter,
        clock=SystemClock(),
        keys=_keys(settings),
        limits=_limits(settings),
        tracer=tracer,
        prices=settings.bubble_prices,
    )
    numbers = {
        number: replace(services, limits=_limits(own)) for number, own in settings.numbers.items()
    }
    return replace(services, numbers=numbers), meter


def open_admin(settings: Installation, stack: AsyncExitStack) -> RedisAdmin:
    """What ``/admin`` and ``rivulet person`` need beside that; ``stack`` closes it."""
    redis = async_redis(settings.redis_url.get_secret_value())
    admin = RedisAdmin(redis, turn_jobs(), texts_kept=settings.history_ttl)
    stack.push_async_callback(admin.close)
    return admin


def open_reply_services(settings: Installation, stack: AsyncExitStack) -> ReplyServices:
    """What a worker needs; ``stack`` closes what was opened."""
    # Here, not above: the SDK takes 50 MB and half a second, which a web process need not pay.
    from app.adapters.openai_model import OpenAIModel
    from app.adapters.operators import OperatorsWebhook
    from app.adapters.whatsapp import WhatsApp

    store, meter = _open_store(settings, stack)
    tracer = _open_tracer(settings, "rivulet-worker", stack)

    @cache
    def channel(access_token: SecretStr) -> WhatsApp:
        opened = WhatsApp(
            base_url=settings.whatsapp_graph_url,
            version=settings.whatsapp_graph_version,
            access_token=access_token,
            send_timeout=settings.whatsapp_send_timeout,
        )
        stack.push_async_callback(opened.close)
        return opened

    @cache
    def model(name: str) -> OpenAIModel:
        opened = OpenAIModel(
            api_key=settings.openai_api_key,
            base_url=settings.openai_base_url,
            model=name,
            first_token=settings.llm_first_token_seconds,
            idle=settings.llm_idle_seconds,
            total=settings.llm_total_seconds,
        )
        stack.push_async_callback(opened.close)
        return opened

    operators = None
    if settings.handoff_webhook_url.get_secret_value():
        operators = OperatorsWebhook(
            url=settings.handoff_webhook_url, secret=settings.handoff_webhook_secret
        )
        stack.push_async_callback(operators.close)

    def services(of: Settings) -> ReplyServices:
        """What holds for one number, or for all that have nothing of their own."""
        return ReplyServices(
            store=store,
            meter=meter,
            clock=SystemClock(),
            keys=_keys(settings),
            limits=_limits(of),
            tracer=tracer,
            channel=channel(of.whatsapp_access_token),
            model=model(of.openai_model),
            bot=Bot(
                system_prompt=of.system_prompt,
                human_contact=of.bot_human_contact,
                apology=of.bot_apology,
            ),
            operators=operators,
        )

    numbers = {number: services(own) for number, own in settings.numbers.items()}
    return replace(services(settings), numbers=numbers)


def open_accounts(
    settings: Installation, stack: AsyncExitStack, *, timeout: timedelta
) -> Mapping[SecretStr, GraphAccount]:
    """What may ask Meta about the business, by access token; ``stack`` closes it.

    Args:
        timeout: For one call.
    """

    def token_of(number: str) -> SecretStr:
        return settings.numbers.get(number, settings).whatsapp_access_token

    def account(token: SecretStr) -> GraphAccount:
        opened = GraphAccount(
            base_url=settings.whatsapp_graph_url,
            version=settings.whatsapp_graph_version,
            access_token=token,
            app_secrets=settings.app_secrets,
            has=lambda number: token_of(number) == token,
            timeout=timeout,
        )
        stack.push_async_callback(opened.close)
        return opened

    tokens = [settings.whatsapp_access_token, *map(token_of, settings.numbers)]
    return {token: account(token) for token in dict.fromkeys(tokens)}


def _open_store(settings: Installation, stack: AsyncExitStack) -> tuple[RedisStore, RedisMeter]:
    url = settings.redis_url.get_secret_value()
    jobs = turn_jobs(tells_operators=bool(settings.handoff_webhook_url.get_secret_value()))
    redis = async_redis(url)
    leases_redis = sync_redis(url)
    renew = leases_redis.register_script(script_text("renew_lease", script_header(jobs)))
    leases = LeaseKeeper(leases_redis, renew)
    store = RedisStore(redis, leases, _keys(settings), jobs, _rates(settings), settings.history_ttl)
    stack.push_async_callback(store.close)
    meter = RedisMeter(redis)
    stack.push_async_callback(meter.close)
    return store, meter


def collector_takes_spans(settings: Settings, *, timeout: timedelta) -> bool:
    """Whether the collector of the settings does; waits for it, so call it in a thread."""
    _show_sdk_its_settings()
    from app.adapters.otel_tracer import takes_spans

    return takes_spans(settings.otel_exporter_otlp_endpoint or "", timeout=timeout)


def _show_sdk_its_settings() -> None:
    for variable, value in environment().items():
        if variable.startswith("OTEL_"):
            os.environ.setdefault(variable, value)  # it does not read .env


def _open_tracer(settings: Settings, name: str, stack: AsyncExitStack) -> Tracer | None:
    """Where spans go; ``None``, and nothing of OpenTelemetry imported, without an endpoint."""
    if not settings.otel_exporter_otlp_endpoint:
        return None
    _show_sdk_its_settings()
    from app.adapters.otel_tracer import OtelTracer

    tracer = OtelTracer(name)
    stack.push_async_callback(tracer.close)
    return tracer


def _keys(settings: Settings) -> Keys:
    return Keys(settings.rivulet_key.get_secret_value())


def _rates(settings: Installation) -> Rates:
    def rates(of: Settings) -> Rates:
        return Rates(pair_burst=of.pair_burst, number_rate=of.number_rate)

    numbers = {number: rates(own) for number, own in settings.numbers.items()}
    return replace(rates(settings), numbers=numbers)


def _limits(settings: Settings) -> Limits:
    return Limits(
        min_chars=settings.bubble_min_chars,
        max_chars=settings.bubble_max_chars,
        style=settings.bubble_style,
        message_max_age=settings.message_max_age,
        order=settings.bubble_order,
        order_wait=settings.bubble_order_wait,
        send_within=settings.whatsapp_send_timeout,
        uncertain_wait=settings.uncertain_wait,
        resend_uncertain=settings.uncertain_policy == "resend",
        interrupts=settings.mid_reply == "interrupt",
        minute_turns=settings.person_turns_per_minute,
        day_turns=settings.person_turns_per_day,
        day_tokens=settings.person_tokens_per_day,
        handoff_pause=settings.handoff_pause,
    )
