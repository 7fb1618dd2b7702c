"""What RQ's own worker runs in the benchmarks, by name."""

import os


def stream_with_sdk() -> int:
    """One answer, with the SDK and nothing else; the number of its chunks."""
    import openai  # here, as a job has it: the child imports it, not the worker

    client = openai.OpenAI(api_key="none", base_url=os.environ["OPENAI_BASE_URL"], max_retries=0)
    with client.chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": "Hello"}], stream=True
    ) as stream:
        return sum(1 for _ in stream)
