// The keypad, and the keyboard wedge: scanners type fast and end with Enter, people type digits.
import { signal } from "@preact/signals";
import { send } from "./link";
import { say } from "./words";

const PIN_DIGITS = 9;
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
export const pin = signal("");
let typed = "";

function digit(key: string): void {
  if (pin.value.length < PIN_DIGITS) pin.value += key;
}

function submit(): void {
  if (pin.value.length === PIN_DIGITS) send("pin", pin.value);
  pin.value = "";
}

export function Keypad() {
  return (
    <div class="keypad">
      <output class="pin" aria-live="off" aria-label={say("pin_label")}>
        {Array.from({ length: PIN_DIGITS }, (_, index) => (
          <span key={index} class={index < pin.value.length ? "filled" : ""} aria-hidden="true">
            {pin.value[index] ?? "•"}
          </span>
        ))}
        <span class="unseen">{`${pin.value.length}/${PIN_DIGITS}`}</span>
      </output>
      <div class="keys">
        {KEYS.map((key) => (
          <button key={key} type="button" onClick={() => digit(key)}>
            {key}
          </button>
        ))}
        <button type="button" class="minor" onClick={() => (pin.value = pin.value.slice(0, -1))}>
          {say("delete")}
        </button>
        <button type="button" onClick={() => digit("0")}>
          0
        </button>
        <button type="button" class="major" disabled={pin.value.length !== PIN_DIGITS} onClick={submit}>
          {say("ok")}
        </button>
      </div>
    </div>
  );
}

// One listener for the whole page: Enter ends a code. Nine digits typed by hand are a PIN, all else is a scan.
export function listen(): void {
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Enter") {
      if (typed === "") return; // a focused button is being pressed
      event.preventDefault();
      if (/^[0-9]{9}$/.test(typed)) send("pin", typed);
      else send("scan", typed);
      typed = "";
      pin.value = "";
    } else if (event.key === "Backspace") {
      typed = typed.slice(0, -1);
      pin.value = pin.value.slice(0, -1);
    } else if (event.key.length === 1) {
      if (event.key === " " && event.target instanceof HTMLButtonElement && typed === "") return;
      typed += event.key;
      if (/^[0-9]{1,9}$/.test(typed)) pin.value = typed;
      else pin.value = "";
      if (typed.length > 2400) typed = "";
    }
  });
}

export function forget(): void {
  typed = "";
  pin.value = "";
}
