// The recipient's, or a proxy's, page: opens doors, takes more time, pays, sends somebody, complains. The codes work
// without this file. Every wish has a key, so that a repeated press of a bad connection is one wish.
const page = document.getElementById("pickup");
const said = document.getElementById("said");
const api = `/v1/pickups/${page.dataset.link}`;
const say = (text) => (said.textContent = text);
const key = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

async function call(method, path, body, wish) {
  const headers = { "Content-Type": "application/json", ...(wish ? { "Idempotency-Key": wish } : {}) };
  const answer = await fetch(api + path, { method, headers, body: body && JSON.stringify(body) });
  const value = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(value.detail), { status: answer.status });
  return value;
}

async function open(no) {
  const named = (text) => text.replace("{no}", no);
  say(named(page.dataset.opening));
  let seen = await call("POST", "/openings", { compartment_no: no }, key());
  for (let tries = 0; tries < 40 && ["sent", "accepted"].includes(seen.state); tries += 1) {
    await new Promise((done) => setTimeout(done, 500));
    seen = await call("GET", `/openings/${seen.command_id}`);
  }
  const good = seen.state === "finished" && ["opened", "unverified", "already_open"].includes(seen.outcome);
  say(named(good ? page.dataset.opened : page.dataset.notOpened));
}

const DEEDS = {
  open: ({ open: no }) => open(Number(no)),
  extend: async ({ extend, currency }, wish) => {
    await call("POST", "/extend", { price_minor: Number(extend), currency }, wish);
    location.reload();
  },
  pay: async ({ pay, currency }, wish) => {
    await call("POST", "/pay", { amount_minor: Number(pay), currency }, wish);
    location.reload();
  },
  proxy: async () => {
    await call("POST", "/proxies");
    location.reload();
  },
  end: async ({ end }) => {
    await call("DELETE", `/proxies/${end}`);
    location.reload();
  },
  copy: async ({ copy }) => {
    const field = document.getElementById(copy);
    field.select();
    await navigator.clipboard?.writeText(field.value);
    say(page.dataset.proxyCopied);
  },
  claim: async ({ claim, parcel }) => {
    await call("POST", "/claims", { kind: claim, parcel_id: parcel });
    say(page.dataset.told);
  },
};

const wishes = new Map(); // one key for each button until it worked or was refused for good
page.addEventListener("click", async ({ target }) => {
  const button = target.closest("button");
  const deed = button && Object.keys(DEEDS).find((name) => name in button.dataset);
  if (!deed) return;
  button.disabled = true;
  if (!wishes.has(button)) wishes.set(button, key());
  try {
    await DEEDS[deed](button.dataset, wishes.get(button));
    wishes.delete(button);
  } catch (error) {
    if (error.status) wishes.delete(button);
    say(page.dataset.failed);
  } finally {
    button.disabled = false;
  }
});
