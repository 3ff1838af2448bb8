// What there is to do today, locker by locker: parcels to bring, parcels to take out. Kept for when there is no network.
import { say } from "/static/courier-words.js";

const element = (name, text, more = {}) => Object.assign(document.createElement(name), { textContent: text, ...more });
const OUTCOMES = ["not_there", "door_stuck", "handed_over"];

export async function showToday(place, lockers, { call, keep, kept }) {
  let today;
  try {
    const { tasks } = await call("/v1/courier/tasks");
    const rows = await Promise.all(lockers.map(async ([id, name]) => {
      const { parcels } = await call(`/v1/courier/lockers/${id}/parcels`);
      return { name, bring: parcels, take: tasks.filter((task) => task.locker_id === id) };
    }));
    today = { at_ms: Date.now(), rows };
    await keep("today", today);
  } catch {
    today = await kept("today");
    if (!today) return;
  }
  const again = () => showToday(place, lockers, { call, keep, kept });
  const stale = Date.now() - today.at_ms > 5000;
  const time = new Date(today.at_ms).toLocaleTimeString();
  place.replaceChildren(
    ...(stale ? [element("p", say("offline", { time }), { className: "hint" })] : []),
    ...today.rows.map((row) => locker(row, call, again)),
  );
}

function locker({ name, bring, take }, call, again) {
  const card = element("div", "", { className: "card" });
  card.append(element("h3", name));
  if (bring.length + take.length === 0) card.append(element("p", say("nothing"), { className: "hint" }));
  if (bring.length) card.append(element("p", say("bring", { n: bring.length })), list(bring.map((item) => parcel(item.parcel_id, item.compartment_no))));
  if (take.length) card.append(element("p", say("take", { n: take.length })), list(take.map((task) => [...parcel(task.subject, task.compartment_no), ...deeds(task, call, again)])));
  return card;
}

function list(items) {
  const all = element("ul", "", { className: "plain" });
  for (const parts of items) {
    const row = element("li", "");
    row.append(...parts);
    all.append(row);
  }
  return all;
}

function parcel(id, no) {
  return [element("bdi", id, { dir: "ltr" }), document.createTextNode(no === null ? "" : `, ${say("door", { no })}`)];
}

// A retrieval is taken over first; a door tells that it is done, a person what no door can tell.
function deeds(task, call, again) {
  const act = (name, path, body) => {
    const button = element("button", say(name), { type: "button", className: "plain" });
    button.dataset.deed = name;
    button.onclick = async () => {
      button.disabled = true;
      try {
        await call(`/v1/courier/tasks/${task.task_id}/${path}`, body);
        await again();
      } catch {
        button.replaceWith(element("span", ` ${say("failed")}`, { role: "status" }));
      }
    };
    return button;
  };
  if (task.state === "open") return [document.createElement("br"), act("claim", "claim", {})];
  const who = element("span", ` · ${say("taken", { who: task.claimed_by })}`);
  return [who, document.createElement("br"), ...OUTCOMES.map((outcome) => act(outcome, "done", { outcome }))];
}
