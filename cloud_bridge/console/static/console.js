// The operator's page: five tables over the API and one WebSocket that resumes by `seq`. Text is only ever set as text.
const at = (ms) => (ms ? new Date(ms).toISOString().replace("T", " ").slice(0, 19) : "–");
const TABLES = {
  alarms: { path: "/v1/alarms", list: "alarms", empty: "No active alarm.", columns: {
    Severity: (row) => row.severity, Alarm: (row) => row.alarm, Device: (row) => row.device_id,
    Subject: (row) => row.subject || "–", Since: (row) => at(row.raised_at_ms) } },
  tasks: { path: "/v1/tasks", list: "tasks", empty: "Nothing to do.", columns: {
    Task: (row) => row.kind, Locker: (row) => row.locker_id, Door: (row) => row.compartment_no ?? "–",
    Why: (row) => row.reasons.join(", "), By: (row) => row.claimed_by || "–", Since: (row) => at(row.made_at_ms) } },
  devices: { path: "/v1/devices", list: "devices", empty: "No device yet.", columns: {
    Device: (row) => row.device_id, State: (row) => row.state, Link: (row) => (row.online ? "online" : "offline"),
    Desired: (row) => (row.in_sync ? `version ${row.desired_version}` : `${row.reported_version} of ${row.desired_version}`),
    Seen: (row) => at(row.seen_at_ms) } },
  parcels: { path: "/v1/parcels", list: "parcels", empty: "No parcel announced.", columns: {
    Parcel: (row) => row.parcel_id, State: (row) => row.state, Locker: (row) => row.locker_id ?? "–",
    Door: (row) => row.compartment_no ?? "–", "Collect by": (row) => at(row.collect_by_ms) } },
  messages: { path: "/v1/notifications", list: "messages", empty: "No message yet.", columns: {
    Parcel: (row) => row.parcel_id, About: (row) => row.kind, State: (row) => row.state,
    Channel: (row) => row.channel || "–", Tries: (row) => row.tries } },
};
const problem = document.getElementById("problem");
const live = document.getElementById("live");
const feed = document.getElementById("feed");

function cell(kind, text) {
  const node = document.createElement(kind);
  node.textContent = String(text);
  if (kind === "th") node.scope = "col";
  if (["critical", "offline", "quarantined", "bounced", "failed", "overdue", "spoiled", "dispute"].includes(text)) node.className = "bad tag";
  if (["online", "sent"].includes(text)) node.className = "good tag";
  return node;
}

function draw(name, rows) {
  const { columns, empty } = TABLES[name];
  const head = document.createElement("tr");
  head.append(...Object.keys(columns).map((title) => cell("th", title)));
  const body = rows.map((row) => {
    const line = document.createElement("tr");
    line.append(...Object.values(columns).map((show) => cell("td", show(row))));
    return line;
  });
  if (!rows.length) {
    const none = document.createElement("tr");
    none.append(cell("td", empty));
    none.firstChild.colSpan = Object.keys(columns).length;
    body.push(none);
  }
  document.getElementById(name).replaceChildren(head, ...body);
}

async function refresh() {
  try {
    for (const [name, { path, list }] of Object.entries(TABLES)) {
      const answer = await fetch(path);
      const body = await answer.json();
      if (!answer.ok) throw new Error(`${body.detail}. ${body.remedy}`);
      draw(name, body[list]);
    }
    problem.hidden = true;
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
}

let seq = null;
let pause_ms = 500;
let due = 0;
function refreshSoon() {
  clearTimeout(due);
  due = setTimeout(refresh, 300);
}

function follow() {
  const url = new URL("/v1/feed", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  if (seq !== null) url.searchParams.set("after", seq);
  const socket = new WebSocket(url);
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(data);
    seq = message.seq;
    if (message.hello) {
      live.textContent = "live";
      live.className = "tag good";
      pause_ms = 500;
    } else show(message.event);
    refreshSoon();
  });
  socket.addEventListener("close", () => {
    live.textContent = "reconnecting…";
    live.className = "tag bad";
    setTimeout(follow, pause_ms * (0.5 + Math.random()));
    pause_ms = Math.min(pause_ms * 2, 15000);
  });
}

function show(event) {
  const line = document.createElement("li");
  const door = event.data.compartment_no ? ` · door ${event.data.compartment_no}` : "";
  const parcel = event.data.parcel_id ? ` · ${event.data.parcel_id}` : "";
  line.textContent = `${at(event.at_ms)} · ${event.device_id} · ${event.type}${door}${parcel}`;
  feed.prepend(line);
  while (feed.childElementCount > 200) feed.lastChild.remove();
}

document.getElementById("out").addEventListener("click", async () => {
  await fetch("/v1/sessions", { method: "DELETE" });
  location.replace("/login");
});
const me = await fetch("/v1/me");
if (me.ok) {
  await refresh();
  follow();
  setInterval(refresh, 15000);
} else location.replace("/login");
