// Every sentence of the kiosk. Keys are the machine's step and message codes; English is the fallback.
import { signal } from "@preact/signals";

export type Language = "en" | "de";
export const LANGUAGES: Record<Language, string> = { en: "English", de: "Deutsch" };
export const language = signal<Language>("en");

type Words = Record<string, string>;

const en: Words = {
  welcome: "Pick up or drop off a parcel",
  scan_here: "Hold your code under the scanner",
  or_pin: "or type your 9-digit pickup code",
  pin_label: "Pickup code",
  pin_digit: "digit",
  delete: "Delete",
  ok: "OK",
  try_again: "Try again",
  cancel: "Cancel",
  done_button: "Done",
  no_door: "The door did not open",
  offline: "Working offline",
  lost: "The screen has lost its locker. It comes back by itself.",
  closed: "Out of service for a moment",
  checking: "Checking …",
  label: "Scan the parcel's label",
  label_hint: "Scan the next parcel, or press Done.",
  opening: "Door {no} is opening",
  door_open_courier: "Door {no} is open. Put the parcel in and close the door.",
  door_open_recipient: "Door {no} is open. Take your parcel and close the door.",
  retry: "Door {no} did not open",
  retry_hint: "Push gently against the door, then try again. {left} left.",
  done: "Thank you!",
  refused: "That did not work",
  more_doors: "Another door follows.",
  map: "The locker's doors; number {no} is yours",
  map_plain: "The locker's doors",
  deposited: "Stored. Next parcel, please.",
  nothing_was_put_in: "The compartment was empty. Scan the parcel again.",
  scan_label: "Scan the label of the first parcel.",
  confirm_when_closed: "Close the door, then press Done.",
  pin_wrong: "This code is not known here. Please check it.",
  pin_mistyped: "A digit is wrong. Please look at the code again.",
  pin_blocked: "Too many wrong codes. Use your QR code, or wait {wait}.",
  already_used: "This code has been used.",
  not_valid_now: "This code is not valid now.",
  other_locker: "This code belongs to another locker.",
  revoked: "This code was withdrawn. Use the newest message.",
  untrusted: "This is not one of our codes.",
  nothing_here: "There is nothing here for this code.",
  operation_not_offered: "This code is for something that this locker does not offer.",
  scan_not_understood: "The code could not be read. Please scan it again.",
  show_courier_code_first: "Couriers: show your own code first.",
  label_not_understood: "This is not a parcel label. Scan the one with the tracking number.",
  not_announced: "This parcel is not expected here.",
  reservation_expired: "The booking of this parcel has ended.",
  already_deposited: "This parcel is already stored.",
  compartment_occupied: "Its compartment is not free. Please keep the parcel.",
  compartment_disabled: "The compartment is out of service.",
  compartment_out_of_service: "The compartment is now out of service. Please keep the parcel.",
  opening_cap: "Too many doors in one minute. Please wait a moment.",
  busy: "This door is moving. Please wait a moment.",
  call_support: "The door will not open. Please call support; your parcel is safe.",
  storage_full: "The locker cannot store what happens. It opens again by itself.",
  waiting_for_cloud: "The locker waits for its first connection.",
  no_such_compartment: "This compartment does not exist.",
};

const de: Words = {
  welcome: "Paket abholen oder einlegen",
  scan_here: "Halten Sie Ihren Code unter den Scanner",
  or_pin: "oder tippen Sie Ihren 9-stelligen Abholcode",
  pin_label: "Abholcode",
  pin_digit: "Ziffer",
  delete: "Löschen",
  ok: "OK",
  try_again: "Noch einmal",
  cancel: "Abbrechen",
  done_button: "Fertig",
  no_door: "Die Tür ging nicht auf",
  offline: "Arbeitet ohne Netz",
  lost: "Der Bildschirm hat sein Schließfach verloren. Er kommt von selbst zurück.",
  closed: "Kurz außer Betrieb",
  checking: "Wird geprüft …",
  label: "Scannen Sie das Paketetikett",
  label_hint: "Nächstes Paket scannen oder Fertig drücken.",
  opening: "Tür {no} öffnet sich",
  door_open_courier: "Tür {no} ist offen. Paket einlegen und Tür schließen.",
  door_open_recipient: "Tür {no} ist offen. Paket nehmen und Tür schließen.",
  retry: "Tür {no} ging nicht auf",
  retry_hint: "Leicht gegen die Tür drücken und noch einmal versuchen. Noch {left}.",
  done: "Vielen Dank!",
  refused: "Das hat nicht geklappt",
  more_doors: "Es folgt noch eine Tür.",
  map: "Die Türen des Schließfachs; Nummer {no} ist Ihre",
  map_plain: "Die Türen des Schließfachs",
  deposited: "Eingelegt. Das nächste Paket, bitte.",
  nothing_was_put_in: "Das Fach war leer. Scannen Sie das Paket noch einmal.",
  scan_label: "Scannen Sie das Etikett des ersten Pakets.",
  confirm_when_closed: "Tür schließen, dann Fertig drücken.",
  pin_wrong: "Dieser Code ist hier nicht bekannt. Bitte prüfen Sie ihn.",
  pin_mistyped: "Eine Ziffer stimmt nicht. Bitte sehen Sie noch einmal nach.",
  pin_blocked: "Zu viele falsche Codes. Nutzen Sie den QR-Code oder warten Sie {wait}.",
  already_used: "Dieser Code wurde schon benutzt.",
  not_valid_now: "Dieser Code gilt jetzt nicht.",
  other_locker: "Dieser Code gehört zu einem anderen Schließfach.",
  revoked: "Dieser Code wurde zurückgezogen. Nutzen Sie die neueste Nachricht.",
  untrusted: "Das ist keiner unserer Codes.",
  nothing_here: "Für diesen Code liegt hier nichts.",
  operation_not_offered: "Dieses Schließfach bietet das nicht an.",
  scan_not_understood: "Der Code war nicht lesbar. Bitte noch einmal scannen.",
  show_courier_code_first: "Kuriere: bitte zuerst den eigenen Code zeigen.",
  label_not_understood: "Das ist kein Paketetikett. Scannen Sie das mit der Sendungsnummer.",
  not_announced: "Dieses Paket wird hier nicht erwartet.",
  reservation_expired: "Die Reservierung dieses Pakets ist abgelaufen.",
  already_deposited: "Dieses Paket liegt schon im Fach.",
  compartment_occupied: "Das Fach ist nicht frei. Bitte behalten Sie das Paket.",
  compartment_disabled: "Das Fach ist außer Betrieb.",
  compartment_out_of_service: "Das Fach ist jetzt außer Betrieb. Bitte behalten Sie das Paket.",
  opening_cap: "Zu viele Türen in einer Minute. Bitte kurz warten.",
  busy: "Diese Tür bewegt sich. Bitte kurz warten.",
  call_support: "Die Tür öffnet nicht. Bitte rufen Sie an; Ihr Paket ist sicher.",
  storage_full: "Das Schließfach kann nichts speichern. Es öffnet von selbst wieder.",
  waiting_for_cloud: "Das Schließfach wartet auf seine erste Verbindung.",
  no_such_compartment: "Dieses Fach gibt es nicht.",
};

const ALL: Record<Language, Words> = { en, de };

export function say(key: string, values: Record<string, string | number> = {}): string {
  const text = ALL[language.value][key] ?? en[key] ?? "";
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

export function duration(seconds: number): string {
  if (seconds >= 3600) return `${Math.ceil(seconds / 3600)} h`;
  if (seconds >= 60) return `${Math.ceil(seconds / 60)} min`;
  return `${seconds} s`;
}
