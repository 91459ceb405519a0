"""Asks a provider, as an application does that knows of no measuring: `app.py BASE_URL ANSWER..`.

Each answer is `plain`, `stream`, `left`, `embeddings`, or a status; the provider gives what it is
asked for. `left` is a stream that is read up to the chunk that says how it finished, and no further.
"""

import sys

from openai import APIStatusError, OpenAI

MODEL = "gpt-4o"
MESSAGES = [{"role": "user", "content": "a secret of the user's"}]


def ask(client, answer):
    wanted = {"x-answer": answer}
    if answer == "embeddings":
        client.embeddings.create(model="text-embedding-3-small", input="x", extra_headers=wanted)
    elif answer in ("stream", "left"):
        wanted = {"x-answer": "stream"}
        stream = client.chat.completions.create(
            model=MODEL,
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
            extra_headers=wanted,
        )
        for chunk in stream:
            if answer == "left" and chunk.choices[0].finish_reason:
                break
    else:
        client.chat.completions.create(model=MODEL, messages=MESSAGES, extra_headers=wanted)


def main():
    base_url, *answers = sys.argv[1:]
    with OpenAI(base_url=base_url, api_key="none", max_retries=0, timeout=60) as client:
        for answer in answers:
            try:
                ask(client, answer)
            except APIStatusError as error:
                if str(error.status_code) != answer:
                    raise


main()
