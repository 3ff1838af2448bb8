// The demo's panel: asks once a second how things are, and says what to do.
const at = (id) => document.getElementById(id);
let state = null;

async function signIn() {
  const login = location.hash.slice(1);
  if (login === "") return;
  history.replaceState(null, "", location.pathname);
  await fetch("/api/login", { method: "POST", body: login });
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

function fill(id, children) {
  const place = at(id);
  const focused = place.contains(document.activeElement) ? [...place.querySelectorAll("button")].indexOf(document.activeElement) : -1;
  place.replaceChildren(...children);
  if (focused >= 0) place.querySelectorAll("button")[focused]?.focus();
}

function faults(now) {
  const process = (name, text) => {
    const up = now.processes[name];
    return button(up ? `Kill the ${text}` : `Start the ${text} again`, () => act("process", { name, up: !up }), !up);
  };
  const door = now.doors.find((row) => now.cloud.parcels?.some((p) => p.compartment_no === row.no))?.no ?? 1;
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

function play() {
  return [
    button("Play the whole story", () => act("story")),
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
      const isOpen = seen.door === "open" || seen.open === true;
      const holds = Boolean(seen.items ?? seen.item ?? seen.occupied);
      const size = row.height_mm > 300 ? "L" : row.height_mm > 150 ? "M" : "S";
      const kind = [size, isOpen ? "open" : "", holds ? "full" : "", now.jammed.includes(row.no) ? "jam" : ""].join(" ");
      const click = async () => {
        if (!isOpen) return act("hand", { what: "force", no: row.no });
        await act("hand", { what: holds ? "take" : "put", no: row.no });
        return act("hand", { what: "close", no: row.no });
      };
      const does = isOpen ? (holds ? "take the parcel and close" : "put a parcel in and close") : "force open";
      made.append(element("button", String(row.no), { type: "button", class: kind, "aria-label": `Door ${row.no}: ${does}`, title: does, onclick: click }));
    }
    return made;
  };
  return [column("a"), column("b")];
}

function cloud(now) {
  if (!now.cloud.reachable) {
    fill("alarms", [element("p", "The bridge does not answer. The locker goes on.", { class: "alarm" })]);
    return;
  }
  fill("alarms", now.cloud.alarms.map((alarm) => element("p", `${alarm.alarm} ${alarm.subject ?? ""} ${alarm.detail ?? ""}`, { class: "alarm" })));
  fill("parcels", now.cloud.parcels.map((parcel) => {
    const row = element("tr", "");
    row.append(element("td", parcel.parcel_id), element("td", parcel.state), element("td", String(parcel.compartment_no ?? "–")));
    const last = element("td", "");
    if (parcel.state === "reserved") last.append(button("Scan label", () => act("label", parcel.parcel_id)));
    row.append(last);
    return row;
  }));
  fill("events", now.cloud.events.slice().reverse().map((event) => {
    const time = new Date(event.at_ms).toISOString().slice(11, 19);
    const about = event.data.compartment_no ? ` door ${event.data.compartment_no}` : "";
    return element("li", `${time} ${event.type}${about}${event.late ? " (late)" : ""}`, { class: event.late ? "late" : "" });
  }));
}

async function look() {
  const reply = await fetch("/api/state");
  if (!reply.ok) {
    at("answer").textContent = await reply.text();
    return;
  }
  state = await reply.json();
  fill("links", Object.entries({ "Kiosk": state.links.kiosk, "Console": state.links.console, "API": state.links.api }).map(
    ([text, href]) => element("a", text, { href, target: "_blank", rel: "noopener" })));
  fill("faults", faults(state));
  if (at("play").childElementCount === 0) fill("play", play());
  fill("doors", doors(state));
  cloud(state);
  fill("lines", state.lines.slice().reverse().map((line) => element("li", line)));
}

await signIn();
await look();
setInterval(() => look().catch(() => { at("answer").textContent = "The demo has ended."; }), 1000);
