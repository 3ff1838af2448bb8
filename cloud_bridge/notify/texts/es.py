"""The messages in Spanish."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_bridge.notify.text import Text

TEXTS: Mapping[str, Text] = {
    "ready": Text(
        "Su paquete le espera en {locker}",
        "Hola, {name}:\n\nsu paquete {parcel} está en la consigna {locker}, {address}.\n\n"
        "Abra esta página delante de la consigna, muestra su código:\n{link}\n\n"
        "Recójalo antes del {deadline}.\n",
        "Su paquete {parcel} le espera en {locker} hasta el {deadline}. Código: {link}",
    ),
    "ready_to_pay": Text(
        "Su paquete le espera en {locker}: {amount} por pagar",
        "Hola, {name}:\n\nsu paquete {parcel} está en la consigna {locker}, {address}.\n\n"
        "Hay que pagar {amount} contra reembolso. Pague en esta página y verá su código:\n{link}\n\n"
        "Recójalo antes del {deadline}.\n",
        "Su paquete {parcel} le espera en {locker} hasta el {deadline}. Pague {amount} y reciba el código: {link}",
    ),
    "reminder": Text(
        "Su paquete sigue en {locker}",
        "Hola, {name}:\n\nsu paquete {parcel} sigue en {locker}, {address}, hasta el {deadline}.\n\n"
        "Su código, y más tiempo si lo necesita:\n{link}\n",
        "Su paquete {parcel} sigue en {locker} hasta el {deadline}: {link}",
    ),
    "extension": Text(
        "Su paquete espera más tiempo: hasta el {deadline}",
        "Hola, {name}:\n\nsu paquete {parcel} espera ahora en {locker}, {address}, hasta el {deadline}.\n\n{link}\n",
        "Su paquete {parcel} espera ahora en {locker} hasta el {deadline}: {link}",
    ),
    "moved": Text(
        "Su paquete va a otra consigna: {locker}",
        "Hola, {name}:\n\nla consigna elegida está llena. Su paquete {parcel} irá a {locker}, {address}.\n\n"
        "Le escribiremos cuando esté allí. Puede seguirlo aquí:\n{link}\n",
        "La consigna está llena. Su paquete {parcel} irá a {locker}, {address}: {link}",
    ),
    "spoiled": Text(
        "Su paquete ya no se puede entregar",
        "Hola, {name}:\n\nla temperatura en {locker} salió de sus límites, por eso no se entrega su paquete {parcel}."
        "\n\nEl remitente lo sabe y se pondrá en contacto con usted:\n{link}\n",
        "Su paquete {parcel} en {locker} pasó demasiado calor o frío y no se entrega: {link}",
    ),
    "disputed": Text(
        "Estamos revisando su aviso",
        "Hola, {name}:\n\nnos ha avisado de un problema con su paquete {parcel} en {locker}. "
        "Lo revisamos y nos pondremos en contacto.\n",
        "Revisamos su aviso sobre el paquete {parcel} en {locker}.",
    ),
    "collected": Text(
        "Su paquete fue recogido",
        "Hola, {name}:\n\nsu paquete {parcel} fue recogido en {locker}. Si no fue usted, avísenos.\n",
        "Su paquete {parcel} fue recogido en {locker}.",
    ),
    "expired": Text(
        "Su paquete se devuelve",
        "Hola, {name}:\n\nsu paquete {parcel} no se recogió a tiempo en {locker} y se devuelve.\n",
        "Su paquete {parcel} no se recogió a tiempo y se devuelve.",
    ),
    "drop_off": Text(
        "Lleve su paquete a {locker}",
        "Hola, {name}:\n\nhay un compartimento para usted en {locker}, {address} hasta el {deadline}. "
        "No necesita etiqueta.\n\nAbra esta página delante de la consigna, muestra su código:\n{link}\n",
        "Lleve su paquete a {locker} antes del {deadline}. Sin etiqueta. Código: {link}",
    ),
    "dropped": Text(
        "Tenemos su paquete",
        "Hola, {name}:\n\nsu paquete {parcel} está en {locker}. Este mensaje es su recibo.\n\n{link}\n",
        "Su paquete {parcel} está en {locker}. Recibo: {link}",
    ),
}
