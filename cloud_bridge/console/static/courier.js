// The phone of a courier or technician: a key of its own that never leaves it, a pass from the service for the day,
// and a fresh signed code for each visit, made without any network. Formats: docs/reference/wire.md, pickup credentials.
import { showToday } from "/static/courier-today.js";
import { say, translate } from "/static/courier-words.js";
import { qrSvg } from "/static/qr.js";

const $ = (id) => document.getElementById(id);
const tell = (text) => ($("status").textContent = text);
const utf8 = (text) => new TextEncoder().encode(text);
const join = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
const BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const LIFE_S = 120;

function head(major, size) {
  const bytes = size < 24 ? [] : size < 256 ? [size] : size < 65536 ? [size >> 8, size & 255]
    : [size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255];
  return [(major << 5) | (size < 24 ? size : 24 + Math.log2(bytes.length)), ...bytes];
}
const octets = (data) => join(head(2, data.length), data);
const text = (value) => join(head(3, utf8(value).length), utf8(value));
const list = (...items) => join(head(4, items.length), ...items);
const whole = (value) => Uint8Array.from(value < 0 ? head(1, -1 - value) : head(0, value));
const map = (...pairs) => join(head(5, pairs.length), ...pairs.flat());

function toBase45(data) {
  let out = "";
  for (let start = 0; start < data.length; start += 2) {
    const pair = data.length - start > 1;
    let rest = pair ? data[start] * 256 + data[start + 1] : data[start];
    for (let place = 0; place < (pair ? 3 : 2); place += 1) {
      out += BASE45[rest % 45];
      rest = Math.floor(rest / 45);
    }
  }
  return out;
}

function fromBase45(code) {
  const out = [];
  for (let start = 0; start < code.length; start += 3) {
    const group = [...code.slice(start, start + 3)].map((letter) => BASE45.indexOf(letter));
    const value = group.reduceRight((sum, digit) => sum * 45 + digit, 0);
    if (group.length === 3) out.push(value >> 8);
    out.push(value & 255);
  }
  return Uint8Array.from(out);
}

const digest = async (data) => new Uint8Array(await crypto.subtle.digest("SHA-256", data));

async function signAction(grantText, keys, locker, operation) {
  const grant = fromBase45(grantText.slice(5));
  const now_s = Math.floor(Date.now() / 1000);
  const payload = map(
    [whole(3), text(`locker:${locker}`)],
    [whole(4), whole(now_s + LIFE_S)],
    [whole(5), whole(now_s - 60)],
    [whole(7), octets(crypto.getRandomValues(new Uint8Array(16)))],
    [whole(-65537), text(operation)],
  );
  const context = join(utf8("parcelworks/courier-action/v1"), [0], await digest(grant));
  const keyId = (await digest(keys.raw)).slice(0, 8);
  const guarded = map([whole(1), whole(-8)], [whole(4), octets(keyId)]);
  const signed = list(text("Signature1"), octets(guarded), octets(context), octets(payload));
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", keys.pair.privateKey, signed));
  const cose = join([0xd2], list(octets(guarded), map(), octets(payload), octets(signature)));
  return `PW1:A${toBase45(list(octets(grant), octets(cose)))}`;
}

function store(mode, work) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("courier", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("kept");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const request = work(opening.result.transaction("kept", mode).objectStore("kept"));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    };
  });
}
const keep = (name, value) => store("readwrite", (kept) => kept.put(value, name));
const kept = (name) => store("readonly", (all) => all.get(name));

async function ownKeys() {
  let pair = await kept("pair");
  if (!pair) {
    pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    await keep("pair", pair);
  }
  return { pair, raw: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)) };
}

const base64url = (data) => btoa(String.fromCharCode(...data)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function call(path, body) {
  const answer = await fetch(path, body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const value = await answer.json();
  if (!answer.ok) throw new Error(`${value.detail}. ${value.remedy}`);
  return value;
}

// By who is signed in: where passes come from, and what may be done with one.
const WORK = {
  courier: { api: "/v1/courier", operations: ["deposit", "retrieve"] },
  technician: { api: "/v1/technician", operations: ["maintain"] },
};

async function offerRoute(keys, role) {
  const { lockers } = await call(`${WORK[role].api}/lockers`);
  $("lockers").replaceChildren(...lockers.map(({ locker_id, name, address }) => {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "locker", value: locker_id, checked: true });
    label.append(box, ` ${name}, ${address}`);
    label.dataset.name = name;
    return label;
  }));
  $("route").hidden = false;
  tell(say(lockers.length ? "choose" : "none"));
  $("fetch").onclick = async () => {
    try {
      const chosen = [...$("lockers").querySelectorAll("input:checked")];
      const locker_ids = chosen.map((box) => box.value);
      const { grant, expires_at_ms } = await call(`${WORK[role].api}/grants`, { public_key: base64url(keys.raw), locker_ids });
      const pass = { role, grant, expires_at_ms, lockers: chosen.map((box) => [box.value, box.parentElement.dataset.name]) };
      await keep("pass", pass);
      work(keys, pass);
    } catch (error) {
      tell(error.message);
    }
  };
}

let end = 0;
function work(keys, pass) {
  $("route").hidden = true;
  $("act").hidden = false;
  $("locker").replaceChildren(...pass.lockers.map(([id, name]) => new Option(name, id)));
  const role = pass.role ?? "courier";
  $("who").textContent = say(role);
  $("operation").replaceChildren(...WORK[role].operations.map((value) => new Option(say(value), value)));
  tell(say("pass", { time: new Date(pass.expires_at_ms).toLocaleTimeString() }));
  $("day").hidden = role !== "courier";
  if (role === "courier") void showToday($("today"), pass.lockers, { call, keep, kept });
  $("make").onclick = async () => {
    const code = await signAction(pass.grant, keys, $("locker").value, $("operation").value);
    $("qr").innerHTML = qrSvg(code);
    $("qr").dataset.text = code;
    $("qr").hidden = false;
    clearInterval(end);
    let left_s = LIFE_S;
    const tick = () => {
      $("life").textContent = left_s > 0 ? say("hold", { s: left_s }) : say("used");
      if (left_s <= 0) {
        $("qr").hidden = true;
        clearInterval(end);
      }
      left_s -= 5;
    };
    tick();
    end = setInterval(tick, 5000);
  };
}

translate(document);
try {
  const keys = await ownKeys();
  const pass = await kept("pass");
  const me = await call("/v1/me").catch(() => null); // without network the pass is all there is
  const role = me && me.role in WORK ? me.role : (pass?.role ?? "courier");
  if (pass && pass.expires_at_ms > Date.now() && (pass.role ?? "courier") === role) work(keys, pass);
  else await offerRoute(keys, role);
} catch (error) {
  tell(error.name === "NotSupportedError" || !globalThis.crypto?.subtle ? say("old") : error.message);
}
