"""The messages in German."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_bridge.notify.text import Text

TEXTS: Mapping[str, Text] = {
    "ready": Text(
        "Ihr Paket liegt in {locker} bereit",
        "Guten Tag {name},\n\nIhr Paket {parcel} liegt in der Paketstation {locker}, {address}.\n\n"
        "Öffnen Sie an der Station diese Seite, sie zeigt Ihren Code:\n{link}\n\n"
        "Bitte holen Sie es bis {deadline} ab.\n",
        "Ihr Paket {parcel} liegt bis {deadline} in {locker}. Code: {link}",
    ),
    "ready_to_pay": Text(
        "Ihr Paket liegt in {locker} bereit: {amount} zu zahlen",
        "Guten Tag {name},\n\nIhr Paket {parcel} liegt in der Paketstation {locker}, {address}.\n\n"
        "Per Nachnahme sind {amount} zu zahlen. Bezahlen Sie auf dieser Seite, danach zeigt sie Ihren Code:\n{link}\n\n"
        "Bitte holen Sie es bis {deadline} ab.\n",
        "Ihr Paket {parcel} liegt bis {deadline} in {locker}. {amount} zahlen und Code erhalten: {link}",
    ),
    "reminder": Text(
        "Ihr Paket liegt noch in {locker}",
        "Guten Tag {name},\n\nIhr Paket {parcel} liegt noch bis {deadline} in {locker}, {address}.\n\n"
        "Ihr Code, und mehr Zeit, falls Sie sie brauchen:\n{link}\n",
        "Ihr Paket {parcel} liegt noch bis {deadline} in {locker}: {link}",
    ),
    "extension": Text(
        "Ihr Paket liegt länger bereit: bis {deadline}",
        "Guten Tag {name},\n\nIhr Paket {parcel} liegt jetzt bis {deadline} in {locker}, {address}.\n\n{link}\n",
        "Ihr Paket {parcel} liegt jetzt bis {deadline} in {locker}: {link}",
    ),
    "moved": Text(
        "Ihr Paket kommt in eine andere Station: {locker}",
        "Guten Tag {name},\n\ndie gewählte Paketstation ist voll. "
        "Ihr Paket {parcel} kommt stattdessen nach {locker}, {address}.\n\n"
        "Sobald es dort liegt, schreiben wir wieder. Hier sehen Sie den Stand:\n{link}\n",
        "Die Station ist voll. Ihr Paket {parcel} kommt nach {locker}, {address}: {link}",
    ),
    "spoiled": Text(
        "Ihr Paket kann nicht mehr ausgegeben werden",
        "Guten Tag {name},\n\ndie Temperatur in {locker} lag außerhalb ihrer Grenzen, "
        "darum wird Ihr Paket {parcel} nicht ausgegeben.\n\n"
        "Der Absender weiß Bescheid und meldet sich bei Ihnen:\n{link}\n",
        "Ihr Paket {parcel} in {locker} wurde zu warm oder zu kalt und wird nicht ausgegeben: {link}",
    ),
    "disputed": Text(
        "Wir gehen Ihrer Meldung nach",
        "Guten Tag {name},\n\nSie haben gemeldet, dass mit Ihrem Paket {parcel} in {locker} etwas nicht stimmt. "
        "Wir gehen dem nach und melden uns.\n",
        "Wir gehen Ihrer Meldung zum Paket {parcel} in {locker} nach.",
    ),
    "collected": Text(
        "Ihr Paket wurde abgeholt",
        "Guten Tag {name},\n\nIhr Paket {parcel} wurde aus {locker} entnommen. Waren Sie das nicht, melden Sie sich.\n",
        "Ihr Paket {parcel} wurde aus {locker} abgeholt.",
    ),
    "expired": Text(
        "Ihr Paket geht zurück",
        "Guten Tag {name},\n\nIhr Paket {parcel} wurde nicht rechtzeitig aus {locker} abgeholt und geht zurück.\n",
        "Ihr Paket {parcel} wurde nicht rechtzeitig abgeholt und geht zurück.",
    ),
    "drop_off": Text(
        "Bringen Sie Ihr Paket zu {locker}",
        "Guten Tag {name},\n\nein Fach in {locker}, {address} ist bis {deadline} für Sie frei. "
        "Sie brauchen kein Etikett.\n\nÖffnen Sie an der Station diese Seite, sie zeigt Ihren Code:\n{link}\n",
        "Bringen Sie Ihr Paket bis {deadline} zu {locker}. Ohne Etikett. Code: {link}",
    ),
    "dropped": Text(
        "Wir haben Ihr Paket",
        "Guten Tag {name},\n\nIhr Paket {parcel} liegt in {locker}. Diese Nachricht ist Ihr Beleg.\n\n{link}\n",
        "Ihr Paket {parcel} liegt in {locker}. Beleg: {link}",
    ),
}
