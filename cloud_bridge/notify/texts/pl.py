"""The messages in Polish."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_bridge.notify.text import Text

TEXTS: Mapping[str, Text] = {
    "ready": Text(
        "Paczka czeka w automacie {locker}",
        "Dzień dobry {name},\n\npaczka {parcel} jest w automacie {locker}, {address}.\n\n"
        "Proszę otworzyć tę stronę przy automacie, pokaże ona kod:\n{link}\n\n"
        "Prosimy odebrać ją do {deadline}.\n",
        "Paczka {parcel} czeka w {locker} do {deadline}. Kod: {link}",
    ),
    "ready_to_pay": Text(
        "Paczka czeka w automacie {locker}: do zapłaty {amount}",
        "Dzień dobry {name},\n\npaczka {parcel} jest w automacie {locker}, {address}.\n\n"
        "Do zapłaty przy odbiorze: {amount}. Po zapłaceniu na tej stronie pojawi się kod:\n{link}\n\n"
        "Prosimy odebrać ją do {deadline}.\n",
        "Paczka {parcel} czeka w {locker} do {deadline}. Proszę zapłacić {amount}, by dostać kod: {link}",
    ),
    "reminder": Text(
        "Paczka nadal czeka w {locker}",
        "Dzień dobry {name},\n\npaczka {parcel} nadal czeka w {locker}, {address}, do {deadline}.\n\n"
        "Kod, a w razie potrzeby także więcej czasu:\n{link}\n",
        "Paczka {parcel} nadal czeka w {locker} do {deadline}: {link}",
    ),
    "extension": Text(
        "Paczka poczeka dłużej: do {deadline}",
        "Dzień dobry {name},\n\npaczka {parcel} poczeka w {locker}, {address}, do {deadline}.\n\n{link}\n",
        "Paczka {parcel} poczeka w {locker} do {deadline}: {link}",
    ),
    "moved": Text(
        "Paczka trafi do innego automatu: {locker}",
        "Dzień dobry {name},\n\nwybrany automat jest pełny. Paczka {parcel} trafi do {locker}, {address}.\n\n"
        "Napiszemy, gdy tam będzie. Tutaj można śledzić paczkę:\n{link}\n",
        "Automat jest pełny. Paczka {parcel} trafi do {locker}, {address}: {link}",
    ),
    "spoiled": Text(
        "Paczki nie można już wydać",
        "Dzień dobry {name},\n\ntemperatura w {locker} wyszła poza granice, dlatego paczka {parcel} nie będzie wydana."
        "\n\nNadawca już wie i skontaktuje się z Państwem:\n{link}\n",
        "Paczka {parcel} w {locker} była za ciepła lub za zimna i nie będzie wydana: {link}",
    ),
    "disputed": Text(
        "Sprawdzamy Państwa zgłoszenie",
        "Dzień dobry {name},\n\nzgłoszono problem z paczką {parcel} w {locker}. Sprawdzamy to i odezwiemy się.\n",
        "Sprawdzamy zgłoszenie dotyczące paczki {parcel} w {locker}.",
    ),
    "collected": Text(
        "Paczka została odebrana",
        "Dzień dobry {name},\n\npaczka {parcel} została odebrana z {locker}. "
        "Jeśli to nie Państwo, prosimy o wiadomość.\n",
        "Paczka {parcel} została odebrana z {locker}.",
    ),
    "expired": Text(
        "Paczka wraca",
        "Dzień dobry {name},\n\npaczka {parcel} nie została odebrana z {locker} na czas i wraca.\n",
        "Paczka {parcel} nie została odebrana na czas i wraca.",
    ),
    "drop_off": Text(
        "Proszę przynieść paczkę do {locker}",
        "Dzień dobry {name},\n\nskrytka w {locker}, {address} jest zarezerwowana do {deadline}. "
        "Etykieta nie jest potrzebna.\n\nProszę otworzyć tę stronę przy automacie, pokaże ona kod:\n{link}\n",
        "Proszę przynieść paczkę do {locker} do {deadline}. Bez etykiety. Kod: {link}",
    ),
    "dropped": Text(
        "Mamy Państwa paczkę",
        "Dzień dobry {name},\n\npaczka {parcel} leży w {locker}. Ta wiadomość jest potwierdzeniem.\n\n{link}\n",
        "Paczka {parcel} leży w {locker}. Potwierdzenie: {link}",
    ),
}
