"""Lists the endpoints of models with OpenRouter's SDK: `endpoints.py BASE_URL API_KEY MODEL..`.

Prints, for each model on a line of its own, what the SDK made of the answer. An empty key is none.
"""

import json
import sys

from openrouter import OpenRouter
from openrouter.errors import OpenRouterError


def said(client, model):
    author, slug = model.split("/")
    try:
        answer = client.endpoints.list(author=author, slug=slug)
        # It would warn of every provider that OpenRouter doesn't list.
        return {"parsed": answer.model_dump(mode="json", by_alias=True, warnings=False)}
    except OpenRouterError as error:
        return {
            "error": {
                "name": type(error).__name__,
                "status": error.status_code,
                "body": error.body,
                "text": str(error),
            }
        }


_, base_url, api_key, *models = sys.argv
settings = {"server_url": base_url, "api_key": api_key or None, "timeout_ms": 20_000}
# Without `retry_config` it would try for an hour.
with OpenRouter(**settings, retry_config=None) as client:
    for model in models:
        print(json.dumps(said(client, model)))
