"""A pretend Meta and a scripted model, for laptops and tests: what is here, and how to talk to it.

``python -m app.simulator meta --port P --webhook-url URL [--model-url URL] [--set KNOB=JSON …]``
``python -m app.simulator model --port P [--events-url META/simulator/model-events] [--set …]``
In a test: ``async with serving(create_meta(MetaSettings(…))) as url`` (``serve.py``).

**Graph API** as Meta has it: ``/{version}/{phone_number_id}/messages``, media, numbers, token.

**Control**, JSON; a wish that cannot be granted is a 400 with ``error``, a foreign ``Origin`` 403:

=======================================  ==========================================================
GET, POST /simulator/persons             all; one more ``{id?, name?, phone?, user_id?, username?,
                                         online?, read_after?}``, or a list of them (201)
GET, PATCH /simulator/persons/{id}       ``phone: null`` hides the number, ``online: false`` is a
                                         phone that is off
POST /simulator/persons/{id}/messages    ``{text}`` or ``{message, file?}``; ``phone_number_id``,
                                         ``context``, ``age_seconds``, ``wamid`` (202 ``{wamid}``)
POST /simulator/persons/{id}/moves       a new phone and user id, and Meta's two webhooks of it
POST /simulator/persons/{id}/read        what is on the phone is read
GET /simulator/numbers                   the business's numbers
GET, PATCH /simulator/knobs              delays, limits, redelivery (``knobs.Knobs``)
GET, POST, DELETE /simulator/faults      what shall go wrong (``faults.Fault``)
DELETE /simulator/faults/{id}            take one back; what it held goes out
POST /simulator/webhooks                 ``{body}`` or ``{raw}``: any webhook, signed
POST /simulator/handshake                Meta's GET of the webhook's URL: ``{verified, status}``
GET /simulator/record                    ``after``, ``wait`` (s), ``limit``, ``kind``: a list
GET /simulator/events                    the same live, as server-sent events
POST /simulator/model-events             the model's own news
=======================================  ==========================================================

**Record**: ``seq``, ``at``, ``kind`` and, by kind:

* ``message``: person, phone_number_id, wamid, type, text
* ``webhook``: delivery, attempt (from 1), status or error, seconds, wamids, statuses
* ``dropped``: a webhook that never goes out: fault, wamids, statuses
* ``send``: person, phone_number_id, wamid, type, text, callback, via, status (``null``: the
  connection was cut), error, fault, received_at, seconds
* ``bubble``: it is on the phone: person, phone_number_id, wamid, type, text, content
* ``read``: the business read a message: person, phone_number_id, wamid, typing (``shown``,
  ``cooldown`` or ``null``); ``typing``: shown on the phone until ``until``
* ``status``: person, phone_number_id, wamid, status, error
* ``refused``: any other call that failed: on, person, status, error, fault
* ``media``: action (``upload``, ``look``, ``download``, ``delete``), media_id
* ``model``: phase (``started``, ``first_delta``, ``ended``, ``failed``, ``left``), stream, said,
  model_at, tokens, and the person it is for

**The model**: ``/v1/chat/completions``, ``/v1/models``; ``GET, POST /simulator/model`` for its pace
``{tokens_per_second, first_token_seconds, answer, api_key, faults: […]}``.
"""
