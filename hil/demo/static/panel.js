// The demo's panel: asks once a second how things are, and says what to do.
const at = (id) => document.getElementById(id);
let state = null;

async function signIn() {
  const login = location.hash.slice(1);
  if (login === "") return;
  history.replaceState(null, "", location.pathname);
  const reply = await fetch("/api/login", { method: "POST", body: login });
  if (!reply.ok) at("answer").textContent = await reply.text();
}

async function act(action, value = null) {
  at("answer").textContent = "…";
  const reply = await fetch("/api/do", { method: "POST", body: JSON.stringify({ action, value }) });
  const text = await reply.text();
  let body = {};
  try { body = JSON.parse(text); } catch { body = { error: text }; }
  at("answer").textContent = body.error ?? "";
  await look();
  return body.answer;
}

async function open(action, value) {
  const url = await act(action, value);
  if (url) window.open(url, "_blank", "noopener");
}

function element(tag, text, more = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(more)) {
    if (name === "onclick") made.addEventListener("click", value);
    else if (name === "class") made.className = value;
    else made.setAttribute(name, value);
  }
  return made;
}

const button = (text, onclick, broken = false) => element("button", text, { type: "button", onclick, class: broken ? "broken" : "" });

const shown = new Map();

// Draw a place anew only when what it shows has changed: a button under the mouse stays the same button.
function fill(id, facts, draw) {
  const key = JSON.stringify(facts);
  if (shown.get(id) === key) return;
  shown.set(id, key);
  const place = at(id);
  const reachable = () => [...place.querySelectorAll("button, a")];
  const focused = reachable().indexOf(document.activeElement);
  place.replaceChildren(...draw());
  if (focused >= 0) reachable()[focused]?.focus();
}

// The way of an event, with what is broken in it.
function line(now) {
  const node = (name, up) => element("li", `${up ? "●" : "✖"} ${name}`, { class: up ? "" : "down", "aria-label": `${name}: ${up ? "runs" : "is down"}` });
  const link = (whole) => element("li", whole ? "━━━" : "━ ✂ ━", { class: whole ? "" : "down", "aria-label": whole ? "connected" : "network cut" });
  const up = now.processes;
  return [
    node(now.disk_full ? "Locker (disk full)" : "Locker", up.locker && !now.disk_full), link(now.cable), node("Broker", up.broker), link(true),
    node("Bridge", up.bridge), link(true), element("li", `✉ ${now.mails}`, { "aria-label": `${now.mails} messages sent to recipients` }),
  ];
}

function faults(now) {
  const process = (name, text) => {
    const up = now.processes[name];
    return button(up ? `Kill the ${text}` : `Start the ${text} again`, () => act("process", { name, up: !up }), !up);
  };
  const waiting = now.cloud.parcels?.find((parcel) => parcel.state === "reserved" || parcel.state === "deposited");
  const door = waiting?.compartment_no ?? 1;
  const jammed = now.jammed[0];
  return [
    button(now.cable ? "Cut the network" : "Plug the network in", () => act("cable", !now.cable), !now.cable),
    process("broker", "broker"),
    process("bridge", "bridge"),
    jammed ? button(`Free door ${jammed}`, () => act("jam", { no: jammed, jammed: false }), true) : button(`Jam door ${door}`, () => act("jam", { no: door, jammed: true })),
    button(now.disk_full ? "Free the disk" : "Fill the disk", () => act("disk", !now.disk_full), now.disk_full),
    button("Pull the plug", () => act("plug")),
  ];
}

function play(now) {
  const story = button(now.story ? "The story is playing …" : "Play the whole story", () => act("story"));
  story.classList.add("first");
  story.disabled = now.story;
  return [
    story,
    button("Courier shows a code", () => act("courier")),
    button("Open the recipient's newest mail", () => open("mail")),
    button("Sign in to the console", () => open("sign_in", "operator")),
    button("Sign in as courier", () => open("sign_in", "courier")),
  ];
}

function doors(now) {
  const column = (module) => {
    const made = element("div", "", { class: "column" });
    for (const row of now.doors.filter((item) => item.module === module)) {
      const seen = row.door ?? {};
      const isOpen = Boolean(seen.open);
      const holds = Boolean(seen.occupied);
      const size = row.height_mm > 300 ? "L" : row.height_mm > 150 ? "M" : "S";
      const kind = [size, isOpen ? "open" : "", holds ? "full" : "", now.jammed.includes(row.no) ? "jam" : ""].join(" ");
      const click = async () => {
        if (!isOpen) return act("hand", { what: "force", no: row.no });
        await act("hand", { what: holds ? "take" : "put", no: row.no });
        return act("hand", { what: "close", no: row.no });
      };
      const does = isOpen ? (holds ? "take the parcel and close" : "put a parcel in and close") : "force open";
      const mark = `${holds ? "▣ parcel " : ""}${isOpen ? "open" : ""}${now.jammed.includes(row.no) ? " jammed" : ""}`.trim();
      const door = element("button", "", { type: "button", class: kind, "aria-label": `Door ${row.no} ${mark}: ${does}`, title: does, onclick: click });
      door.append(element("span", String(row.no)), element("span", mark, { class: "mark" }));
      made.append(door);
    }
    return made;
  };
  return [column("a"), column("b")];
}

function cloud(now) {
  const known = now.cloud;
  if (!known.reachable) {
    fill("alarms", "away", () => [element("p", "The bridge does not answer. The locker goes on.", { class: "alarm" })]);
    return;
  }
  const words = (code) => code.replaceAll("_", " ");
  fill("alarms", known.alarms, () => known.alarms.map((alarm) =>
    element("p", `⚠ ${words(alarm.alarm)} ${alarm.subject ?? ""} ${alarm.detail ?? ""}`.trim(), { class: "alarm" })));
  fill("parcels", known.parcels, () => known.parcels.map((parcel) => {
    const row = element("tr", "");
    row.append(element("td", parcel.parcel_id), element("td", parcel.state), element("td", String(parcel.compartment_no ?? "–")));
    const last = element("td", "");
    if (parcel.state === "reserved") {
      const scan = button("Scan label", () => act("label", parcel.parcel_id));
      scan.setAttribute("aria-label", `Scan the label of ${parcel.parcel_id}`);
      last.append(scan);
    }
    row.append(last);
    return row;
  }));
  fill("events", known.events, () => known.events.slice().reverse().map((event) => {
    const time = new Date(event.at_ms).toISOString().slice(11, 19);
    const about = event.data.compartment_no ? ` · door ${event.data.compartment_no}` : "";
    const more = event.data.reason ?? event.data.outcome ?? event.data.alarm ?? "";
    return element("li", `${time}  ${words(event.type)}${about}${more ? ` · ${words(String(more))}` : ""}${event.late ? " · late" : ""}`, { class: event.late ? "late" : "" });
  }));
}

async function look() {
  const reply = await fetch("/api/state");
  if (!reply.ok) {
    at("answer").textContent = await reply.text();
    return;
  }
  state = await reply.json();
  const now = state;
  fill("links", now.links, () => Object.entries({ "Kiosk": now.links.kiosk, "Console": now.links.console, "API": now.links.api }).map(
    ([text, href]) => element("a", text, { href, target: "_blank", rel: "noopener" })));
  fill("line", [now.processes, now.cable, now.disk_full, now.mails], () => line(now));
  fill("faults", [now.processes, now.cable, now.jammed, now.disk_full, now.cloud.parcels], () => faults(now));
  fill("play", now.story, () => play(now));
  fill("doors", [now.doors, now.jammed], () => doors(now));
  cloud(now);
  fill("lines", now.lines, () => now.lines.slice().reverse().map((text) => element("li", text)));
}

await signIn();
await look();
setInterval(() => look().catch(() => { at("answer").textContent = "The demo has ended."; }), 1000);
