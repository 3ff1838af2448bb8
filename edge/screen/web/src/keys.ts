// What keys mean: those of the keypad, and those of scanners that pose as a keyboard and end a code with Enter.
import { stirred } from "./clock";
import { send, speaks, view } from "./link";
import * as modes from "./modes";
import { phrases, screen } from "./screen";
import { hush, read } from "./speech";

export const PIN_DIGITS = 9;
const DOOR_DIGITS = 3;
const ALONE_MS = 150; // a key with nothing behind it for so long was a finger; scanners are faster
const MAX_SCAN_CHARS = 2400;

export function readScreen(): void {
  if (screen.value !== null && modes.speech.value) read(phrases(screen.value));
}

export function digit(key: string): void {
  const most = screen.value?.types === "pin" ? PIN_DIGITS : DOOR_DIGITS;
  if (modes.entered.value.length >= most) return;
  modes.entered.value += key;
  const n = modes.entered.value.length;
  if (!modes.speech.value) return;
  // The code itself is never said aloud, only how far it has come.
  if (screen.value?.types === "pin") read([{ key: "typed", values: { n, of: PIN_DIGITS } }]);
  else read([{ key: "door_typed", values: { no: Number(modes.entered.value) } }]);
}

export function erase(): void {
  modes.entered.value = modes.entered.value.slice(0, -1);
}

export function enter(): void {
  const text = modes.entered.value;
  const now = screen.value;
  if (now?.types === "pin" && text.length === PIN_DIGITS) send("pin", text);
  if (now?.types === "door" && view.value?.compartments.some((item) => item.no === Number(text)))
    modes.door.value = Number(text);
  modes.entered.value = "";
}

// One key of the keypad: 0 to 9, * or #.
export function pressKey(key: string): void {
  stirred();
  modes.byKeys.value = true;
  const now = screen.value;
  if (now === null) return;
  const choice = now.choices.find((item) => item.key === key);
  if (/^[0-9]$/.test(key) && now.types !== "") digit(key);
  else if (choice) choice.run();
  else if (key === "0") readScreen();
  else if (key === "#") hash();
  else if (key === "*" && modes.entered.value !== "") erase();
  else if (key === "*") modes.optionsOpen.value = true;
}

function hash(): void {
  const main = screen.value?.choices.find((item) => item.kind === "major");
  if (modes.entered.value !== "") enter();
  else if (main) main.run();
  else if (!modes.speech.value && speaks.value) modes.speech.value = true;
  else readScreen();
}

// --- keyboard --------------------------------------------------------------------------------------------------

let typed = ""; // since the last Enter
let before = ""; // digits that were there already
let alone: ReturnType<typeof setTimeout> | undefined;

export function forgetKeys(): void {
  clearTimeout(alone);
  typed = before = modes.entered.value = "";
  hush();
}

export function listen(): void {
  window.addEventListener("pointerdown", () => stirred());
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    stirred();
    if (event.key === "Enter") ended(event);
    else if (event.key === "Backspace") erase();
    else if (event.key.length === 1 && !(event.key === " " && typed === "")) typing(event.key);
  });
}

function typing(key: string): void {
  clearTimeout(alone);
  if (typed === "") before = modes.entered.value;
  typed += key;
  if (typed.length > MAX_SCAN_CHARS) typed = "";
  if (typed.length === 1 && /^[0-9*#]$/.test(typed)) {
    alone = setTimeout(finger, ALONE_MS, key);
    return;
  }
  if (screen.value?.types !== "pin") return;
  modes.entered.value = /^[0-9]+$/.test(typed) && (before + typed).length <= PIN_DIGITS ? before + typed : "";
}

function finger(key: string): void {
  typed = "";
  pressKey(key);
}

function ended(event: KeyboardEvent): void {
  clearTimeout(alone);
  const code = typed;
  typed = "";
  if (code === "") {
    if (event.target instanceof HTMLButtonElement && modes.entered.value === "") return; // that button is pressed
    event.preventDefault();
    hash();
    return;
  }
  event.preventDefault();
  const digits = /^[0-9]+$/.test(code) ? before + code : "";
  modes.entered.value = "";
  if (digits.length === PIN_DIGITS) send("pin", digits);
  else send("scan", code);
}
