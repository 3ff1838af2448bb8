// Every sentence of the page, one table per language, fetched from the locker itself. Plurals and numbers follow the
// language; digits stay 0 to 9, because those are on the doors and on the keypad.
import { computed, signal } from "@preact/signals";
import type en from "./words/en.json";

export type Key = keyof typeof en;
export type Language = "en" | "de" | "fr" | "es" | "pl" | "ar";
export interface Phrase {
  key: Key;
  values?: Record<string, number>;
}
type Table = Record<string, string | Record<string, string>>;

export const LANGUAGES: Record<Language, string> = {
  en: "English",
  de: "Deutsch",
  fr: "Français",
  es: "Español",
  pl: "Polski",
  ar: "العربية",
};
export const CODES = Object.keys(LANGUAGES) as Language[];
const FIRST = CODES[0]!;
const tables = signal<Partial<Record<Language, Table>>>({});
const wanted = signal<Language>(FIRST);

// The language chosen, as soon as its table is here.
export const language = computed<Language>(() => (tables.value[wanted.value] ? wanted.value : FIRST));
export const ready = computed(() => FIRST in tables.value);
export const direction = computed(() => (language.value === "ar" ? "rtl" : "ltr"));

async function load(code: Language): Promise<void> {
  const answer = await fetch(`/assets/words-${code}.json`);
  if (!answer.ok) throw new Error(`words-${code}.json: ${answer.status}`);
  const table = (await answer.json()) as Table;
  tables.value = { ...tables.value, [code]: table };
}

// The first language before anything is shown, the others behind it: they are there when the server is not.
export async function loadWords(): Promise<void> {
  await load(FIRST);
  await Promise.all(CODES.filter((code) => code !== FIRST).map((code) => load(code)));
}

export function speakIn(code: Language = FIRST): void {
  wanted.value = code;
}

export function isKey(code: string): code is Key {
  return code in (tables.value[FIRST] ?? {});
}

export function number(value: number): string {
  const digits = new Intl.NumberFormat(`${language.value}-u-nu-latn`, { useGrouping: false }).format(value);
  return direction.value === "rtl" ? `\u2066${digits}\u2069` : digits;
}

export function say(phrase: Phrase): string {
  const table = tables.value[language.value]?.[phrase.key] ?? "";
  const values = phrase.values ?? {};
  const text = typeof table === "string" ? table : (table[plural(values.n ?? 0)] ?? table.other ?? "");
  return text.replace(/\{(\w+)\}/g, (_, name: string) => number(values[name] ?? 0));
}

function plural(count: number): string {
  return new Intl.PluralRules(language.value).select(count);
}
