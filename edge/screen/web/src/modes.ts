// How the page meets this person: language, speech, contrast, text size, height of the controls. All of it ends with them.
import { effect, signal } from "@preact/signals";
import { direction, language, speakIn } from "./words";

export const speech = signal(false);
export const contrast = signal(false);
export const largeText = signal(false);
export const reach = signal(false);
export const byKeys = signal(false); // the keypad was used: the buttons show their keys
export const optionsOpen = signal(false);
export const door = signal<"" | "choose" | number>(""); // what the technician has picked in the menu
export const entered = signal(""); // digits of a code, or of a door's number

const ALL = [speech, contrast, largeText, reach, byKeys, optionsOpen];

export function changed(): boolean {
  return ALL.some((mode) => mode.value) || language.value !== "en";
}

export function forget(): void {
  for (const mode of ALL) mode.value = false;
  door.value = entered.value = "";
  speakIn();
}

effect(() => {
  const root = document.documentElement;
  root.lang = language.value;
  root.dir = direction.value;
  root.toggleAttribute("data-contrast", contrast.value);
  root.toggleAttribute("data-large", largeText.value);
  root.toggleAttribute("data-reach", reach.value);
  root.toggleAttribute("data-keys", byKeys.value || speech.value);
});
