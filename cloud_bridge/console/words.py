"""What the recipient's page says, in each language."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Your parcel",
        "waiting": "Your parcel is waiting",
        "scan": "Hold this code in front of the locker's scanner.",
        "pin": "Or type this code on the locker's keypad",
        "until": "Collect it by",
        "where": "Locker",
        "compartment": "Door",
        "on_its_way": "Your parcel is on its way",
        "on_its_way_hint": "We send you a message as soon as it lies in the locker.",
        "collected": "Your parcel was collected",
        "collected_hint": "If that was not you, please tell the sender at once.",
        "retrieved": "Your parcel goes back",
        "retrieved_hint": "It was taken out of the locker by the courier.",
        "overdue": "The time to collect is over",
        "overdue_hint": "The courier takes the parcel back. Please contact the sender.",
        "qr": "QR code that opens the locker",
        "parcel": "Parcel",
        "tip": "Turn your screen up if the scanner does not see the code.",
    },
    "de": {
        "title": "Ihr Paket",
        "waiting": "Ihr Paket liegt bereit",
        "scan": "Halten Sie diesen Code vor den Scanner der Paketstation.",
        "pin": "Oder tippen Sie diesen Code an der Station ein",
        "until": "Abholen bis",
        "where": "Paketstation",
        "compartment": "Fach",
        "on_its_way": "Ihr Paket ist unterwegs",
        "on_its_way_hint": "Sobald es in der Station liegt, bekommen Sie eine Nachricht.",
        "collected": "Ihr Paket wurde abgeholt",
        "collected_hint": "Waren Sie das nicht, melden Sie sich bitte sofort beim Absender.",
        "retrieved": "Ihr Paket geht zurück",
        "retrieved_hint": "Der Zusteller hat es aus der Station genommen.",
        "overdue": "Die Abholfrist ist vorbei",
        "overdue_hint": "Der Zusteller nimmt das Paket zurück. Bitte wenden Sie sich an den Absender.",
        "qr": "QR-Code, der die Station öffnet",
        "parcel": "Paket",
        "tip": "Stellen Sie den Bildschirm heller, wenn der Scanner den Code nicht sieht.",
    },
}
