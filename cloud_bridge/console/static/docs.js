// Draws /openapi.json and lets one try each call. No library, nothing inline.
const el = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};
const spec = await (await fetch("/openapi.json")).json();
const calls = document.getElementById("calls");
const resolve = (schema) => (schema?.$ref ? spec.components.schemas[schema.$ref.split("/").pop()] : schema) ?? {};
let fields = 0;

function sample(schema, depth = 0) {
  const plain = resolve(schema);
  if (depth > 4) return null;
  if ("default" in plain) return plain.default;
  if (plain.enum) return plain.enum[0];
  if ("const" in plain) return plain.const;
  if (plain.anyOf) return sample(plain.anyOf[0], depth + 1);
  if (plain.type === "object")
    return Object.fromEntries(Object.entries(plain.properties ?? {}).map(([key, value]) => [key, sample(value, depth + 1)]));
  if (plain.type === "array") return [sample(plain.items, depth + 1)];
  return { integer: plain.minimum ?? 0, boolean: false, string: "" }[plain.type] ?? null;
}

function field(parameter) {
  const id = `field-${(fields += 1)}`;
  const input = el("input", { id, size: 36, autocomplete: "off" });
  if (parameter.name === "Idempotency-Key") input.value = crypto.randomUUID();
  const words = `${parameter.name} (${parameter.in}${parameter.required ? ", needed" : ""})`;
  return { parameter, input, node: el("div", {}, el("label", { for: id }, words), input) };
}

function tryIt(path, method, operation) {
  const inputs = (operation.parameters ?? []).map(field);
  const content = operation.requestBody?.content;
  const kind = content && Object.keys(content)[0];
  const id = `field-${(fields += 1)}`;
  const body = content && el("textarea", { id, spellcheck: "false" });
  if (kind === "application/json") body.value = JSON.stringify(sample(content[kind].schema), null, 2);
  const output = el("pre", { role: "status" });
  const send = el("button", { type: "button" }, "Send");
  send.addEventListener("click", async () => {
    let url = path;
    const query = new URLSearchParams();
    const headers = {};
    for (const { parameter, input } of inputs) {
      if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (parameter.in === "query" && input.value) query.set(parameter.name, input.value);
      else if (parameter.in === "header") headers[parameter.name] = input.value;
    }
    const token = document.getElementById("token").value;
    if (token) headers.Authorization = `Bearer ${token}`;
    if (kind) headers["Content-Type"] = kind;
    output.textContent = "…";
    try {
      const answer = await fetch(query.size ? `${url}?${query}` : url, { method, headers, body: body?.value });
      const text = await answer.text();
      output.textContent = `${answer.status}\n${pretty(text)}`;
    } catch (error) {
      output.textContent = error.message;
    }
  });
  const parts = inputs.map(({ node }) => node);
  if (body) parts.push(el("label", { for: id }, `Body (${kind})`), body);
  return [...parts, el("p", {}, send), output];
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const byTag = Map.groupBy(
  Object.entries(spec.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, it]) => [path, method.toUpperCase(), it])),
  ([, , it]) => it.tags[0],
);
for (const [tag, list] of byTag) {
  calls.append(el("h2", {}, tag));
  for (const [path, method, operation] of list) {
    const summary = el("summary", {}, el("span", { class: "method" }, method), ` ${path} – ${operation.summary}`);
    const box = el("details", { class: "card" }, summary, el("p", { class: "soft" }, `Permission: ${operation["x-permission"]}`));
    box.addEventListener("toggle", () => box.append(...tryIt(path, method, operation)), { once: true });
    calls.append(box);
  }
}
