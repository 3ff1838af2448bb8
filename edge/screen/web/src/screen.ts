// One table: what the page says and offers at each step. Touch, keypad and speech all work from it.
import { computed } from "@preact/signals";
import { left, quietLeft, stirred, visitEndsIn, WARN_S } from "./clock";
import { type Compartment, send, type Size, speaks, type View, view } from "./link";
import * as modes from "./modes";
import { CODES, isKey, type Key, LANGUAGES, type Language, language, type Phrase, speakIn } from "./words";

export interface Choice {
  id: string;
  says: Phrase | null; // null: the name of a language, in itself
  shows?: Phrase; // when what is read aloud is longer than what stands on the button
  kind: "major" | "plain" | "minor";
  run: () => void;
  key?: string;
  on?: boolean; // of a switch
  seconds?: number; // how long it is still offered
  size?: Size;
  letter?: string; // of the size
  language?: Language;
}

export interface Screen {
  name: string;
  title: Phrase;
  hints: Phrase[];
  picture: "scan" | "door" | "doors" | "sizes" | "tick" | "stop" | "people" | "wait" | "switches";
  types: "" | "pin" | "door";
  choices: Choice[];
  endsIn: number | null; // seconds until all this is wiped
}

// The title or the step's own hint says it already.
const SILENT = new Set([
  "", "opening", "door_open", "checking", "scan_label", "choose_size", "menu", "second_person", "is_it_still_in", "what_is_in_it",
]);
const MAIN = new Set(["done", "try_again", "found:as_expected", "left_in"]);
const FOUND = ["found:as_expected", "found:empty", "found:other"];
const MINOR = new Set(["cancel", "did_not_open", "too_big", "dirty", "empty", "damaged"]);
const OF_ONE_DOOR = new Set(["open", "out_of_service", "in_service"]); // on the page of that door
const ENDS = new Set<View["step"]>(["done", "refused"]);
const LETTERS = [["M"], ["S", "L"], ["S", "M", "L"], ["S", "M", "L", "XL"], ["XS", "S", "M", "L", "XL"]];
const PICTURES: Partial<Record<View["step"], Screen["picture"]>> = {
  idle: "scan", label: "scan", size: "sizes", opening: "door", door_open: "door", retry: "door", confirm: "door",
  check: "door", menu: "doors", second: "people", done: "tick", refused: "stop", closed: "stop",
};

export const screen = computed<Screen | null>(() => {
  const now = view.value;
  if (now === null) return null;
  if (modes.optionsOpen.value) return options(now);
  if (now.step === "menu" && modes.door.value !== "") return doors(now, modes.door.value);
  const choices = now.actions.filter((action) => !OF_ONE_DOOR.has(action)).flatMap((action) => press(action, now));
  if (now.step === "menu") choices.unshift(plain("choose_door", "choose_door", () => (modes.door.value = "choose")));
  return numbered({
    name: now.step,
    title: title(now),
    hints: hints(now),
    picture: PICTURES[now.step] ?? "wait",
    types: now.step === "idle" ? "pin" : "",
    choices,
    endsIn: ending(now),
  });
});

function phrase(key: Key, values: Record<string, number> = {}): Phrase {
  return { key, values };
}

function plain(id: string, key: Key, run: () => void, values?: Record<string, number>): Choice {
  return { id, says: phrase(key, values), kind: "plain", run };
}

// --- words -----------------------------------------------------------------------------------------------------

function title(now: View): Phrase {
  const no = now.compartment_no ?? 0;
  switch (now.step) {
    case "idle":
      return phrase("welcome");
    case "label":
      return phrase(now.purpose === "retrieve" ? "retrieve_title" : "label");
    case "check":
      return now.expected > 0 ? phrase("check", { n: now.expected, no }) : phrase("check_empty", { no });
    case "opening":
      return no === 0 ? phrase("checking") : phrase("opening", { no });
    case "door_open":
    case "retry":
      return phrase(now.step, { no });
    default:
      return phrase(now.step);
  }
}

const STEP_HINTS: Partial<Record<View["step"], Key>> = {
  closed: "closed_hint", size: "size_hint", opening: "opening_hint", retry: "retry_hint", confirm: "confirm_hint",
  menu: "menu_hint", second: "second_hint", check: "check_hint",
};

function hints(now: View): Phrase[] {
  const no = now.compartment_no ?? 0;
  const said: Phrase[] = [];
  if (now.step === "door_open" && SILENT.has(now.message)) said.push(phrase(doorHint(now)));
  const known = isKey(now.message) ? now.message : "other_message";
  const own = STEP_HINTS[now.step] ?? (now.step === "label" && now.purpose !== "retrieve" ? "label_hint" : undefined);
  if (!SILENT.has(now.message)) said.push(phrase(known, { no }));
  else if (own) said.push(phrase(own, { no }));
  if (now.step === "retry") said.push(phrase("tries_left", { n: now.tries_left }));
  if (now.step === "door_open" && now.more_doors > 0) said.push(phrase("more_doors", { n: now.more_doors }));
  if (now.step === "refused" && now.wait_s > 0) said.push(duration(left(now.wait_s)));
  return said;
}

function doorHint(now: View): Key {
  const purpose = now.visit === "sender" && now.purpose === "deposit" ? "drop_off" : now.purpose || "collect";
  const key = `door_open_${purpose}`;
  return isKey(key) ? key : "door_open_maintain";
}

export function duration(seconds: number): Phrase {
  if (seconds >= 5400) return phrase("hours_left", { n: Math.ceil(seconds / 3600) });
  if (seconds >= 90) return phrase("minutes_left", { n: Math.ceil(seconds / 60) });
  return phrase("seconds_left", { n: seconds });
}

// --- choices ---------------------------------------------------------------------------------------------------

function press(action: string, now: View): Choice[] {
  if (action === "size") return now.sizes.map((size, place) => sized(size, place, now.sizes.length));
  if (action === "found") return FOUND.flatMap((answer) => press(answer, now));
  const [name, argument] = action.split(":", 2) as [string, string | undefined];
  const run = () => send("press", action);
  if (action === "reopen") {
    const rest = left(now.reopen_left_s);
    const values = { no: now.reopen_no ?? 0 };
    return rest > 0 ? [{ ...plain(action, "act_reopen", run, values), kind: "minor", seconds: rest }] : [];
  }
  const key = ENDS.has(now.step) ? "ok" : `act_${argument && name !== "found" ? name : action.replace(":", "_")}`;
  if (!isKey(key)) return [];
  const kind = MAIN.has(action) || key === "ok" ? "major" : MINOR.has(action) ? "minor" : "plain";
  const on = action === "accessible" ? now.accessible : undefined;
  return [{ id: action, says: phrase(key, { no: Number(argument) || now.compartment_no || 0 }), kind, run, on }];
}

function sized(size: Size, place: number, sizes: number): Choice {
  const [width, height, depth] = [size.width_mm, size.height_mm, size.depth_mm].map((side) => Math.floor(side / 10));
  const values = { width: width!, height: height!, depth: depth! };
  const letter = LETTERS[sizes - 1]?.[place] ?? String(place + 1);
  const words = { says: phrase("size_inside", values), shows: phrase("size_short", values) };
  const id = `size:${size.code}`;
  return { id, ...words, kind: "plain", run: () => send("press", id), size, letter };
}

// Digits in the order of the screen; the number of a digit is what the keypad presses.
function numbered(shown: Screen): Screen {
  const all = [...shown.choices];
  if (shown.endsIn !== null) all.push(plain("more_time", "act_more_time", moreTime));
  if (shown.types === "") all.forEach((choice, index) => (choice.key ??= index < 9 ? String(index + 1) : undefined));
  return { ...shown, choices: all };
}

function moreTime(): void {
  stirred();
  if (view.value?.step !== "idle") send("press", "more_time");
}

function ending(now: View): number | null {
  if (now.step !== "idle") return visitEndsIn.value;
  return quietLeft.value <= WARN_S && (modes.changed() || modes.entered.value !== "") ? quietLeft.value : null;
}

// --- pages that the locker knows nothing of --------------------------------------------------------------------

function options(now: View): Screen {
  const choices: Choice[] = CODES.map((code) => ({
    id: code, says: null, kind: "plain", run: () => speakIn(code), on: language.value === code, language: code,
  }));
  const switches = [
    ...(speaks.value ? [["speech", modes.speech] as const] : []),
    ["contrast", modes.contrast] as const,
    ["large_text", modes.largeText] as const,
    ["reach", modes.reach] as const,
  ];
  for (const [key, mode] of switches) {
    choices.push({ ...plain(key, key, () => (mode.value = !mode.value)), on: mode.value });
  }
  choices.forEach((choice, index) => (choice.key = String((index + 1) % 10)));
  choices.push({ ...plain("back", "back", () => (modes.optionsOpen.value = false)), kind: "major", key: "*" });
  return {
    name: "options", title: phrase("options"), hints: [phrase("options_hint")], picture: "switches", types: "",
    choices, endsIn: ending(now),
  };
}

function doors(now: View, picked: "choose" | number): Screen {
  const back = { ...plain("back", "back", () => (modes.door.value = "")), kind: "minor" as const, key: "*" };
  const compartment = now.compartments.find((item) => item.no === picked);
  const useless = compartment?.state === "disabled" ? "out_of_service" : "in_service";
  const about = compartment ? now.actions.filter((action) => OF_ONE_DOOR.has(action) && action !== useless) : [];
  const choices = about.flatMap((action) => press(`${action}:${picked}`, now)).map(fromDoor); // the menu has the answer
  return numbered({
    name: picked === "choose" ? "doors" : "one_door",
    title: picked === "choose" ? phrase("choose_door") : phrase("door", { no: picked }),
    hints: picked === "choose" ? [phrase("choose_door_hint")] : compartment ? [state(compartment)] : [],
    picture: "door",
    types: picked === "choose" ? "door" : "",
    choices: [...choices, back],
    endsIn: ending(now),
  });
}

function fromDoor(choice: Choice): Choice {
  const run = () => {
    choice.run();
    modes.door.value = "";
  };
  return { ...choice, run };
}

export function state(compartment: Compartment): Phrase {
  return phrase(`state_${compartment.state ?? "free"}`);
}

export function languageName(code: Language): string {
  return LANGUAGES[code];
}

export function phrases(shown: Screen): Phrase[] {
  const spoken = [shown.title, ...shown.hints];
  if (shown.types === "pin") spoken.push(phrase("keys_code"));
  if (shown.types === "door") spoken.push(phrase("keys_door"));
  for (const choice of shown.choices) {
    if (choice.says === null || choice.key === undefined || choice.key === "*") continue;
    spoken.push(choice.kind === "major" ? phrase("press_main") : phrase("press_key", { n: Number(choice.key) }), choice.says);
  }
  return spoken;
}
