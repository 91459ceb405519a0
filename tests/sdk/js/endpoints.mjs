// Lists the endpoints of models with OpenRouter's SDK: `endpoints.mjs BASE_URL API_KEY MODEL..`.
// Prints, for each model on a line of its own, what the SDK made of the answer. An empty key is none.

import { OpenRouter } from "@openrouter/sdk";

const [serverURL, apiKey, ...models] = process.argv.slice(2);
const client = new OpenRouter({
  serverURL,
  apiKey: apiKey || undefined,
  // It would try for an hour.
  retryConfig: { strategy: "none" },
  timeoutMs: 20_000,
});

for (const model of models) {
  const [author, slug] = model.split("/");
  let said;
  try {
    said = { parsed: await client.endpoints.list({ author, slug }) };
  } catch (error) {
    const { name, statusCode = null, body = null } = error;
    const text = error.pretty?.() ?? error.message;
    said = { error: { name, status: statusCode, body, text } };
  }
  console.log(JSON.stringify(said));
}
