"""The messages in French."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_bridge.notify.text import Text

TEXTS: Mapping[str, Text] = {
    "ready": Text(
        "Votre colis vous attend à {locker}",
        "Bonjour {name},\n\nvotre colis {parcel} se trouve dans la consigne {locker}, {address}.\n\n"
        "Ouvrez cette page devant la consigne, elle affiche votre code :\n{link}\n\n"
        "Merci de le retirer avant le {deadline}.\n",
        "Votre colis {parcel} vous attend à {locker} jusqu'au {deadline}. Code : {link}",
    ),
    "ready_to_pay": Text(
        "Votre colis vous attend à {locker} : {amount} à payer",
        "Bonjour {name},\n\nvotre colis {parcel} se trouve dans la consigne {locker}, {address}.\n\n"
        "{amount} sont à payer à la livraison. Payez sur cette page, elle affiche ensuite votre code :\n{link}\n\n"
        "Merci de le retirer avant le {deadline}.\n",
        "Votre colis {parcel} vous attend à {locker} jusqu'au {deadline}. Payez {amount} pour le code : {link}",
    ),
    "reminder": Text(
        "Votre colis vous attend toujours à {locker}",
        "Bonjour {name},\n\nvotre colis {parcel} reste à {locker}, {address}, jusqu'au {deadline}.\n\n"
        "Votre code, et plus de temps si besoin :\n{link}\n",
        "Votre colis {parcel} reste à {locker} jusqu'au {deadline} : {link}",
    ),
    "extension": Text(
        "Votre colis attend plus longtemps : jusqu'au {deadline}",
        "Bonjour {name},\n\nvotre colis {parcel} attend maintenant à {locker}, {address}, jusqu'au {deadline}."
        "\n\n{link}\n",
        "Votre colis {parcel} attend maintenant à {locker} jusqu'au {deadline} : {link}",
    ),
    "moved": Text(
        "Votre colis va dans une autre consigne : {locker}",
        "Bonjour {name},\n\nla consigne choisie est pleine. Votre colis {parcel} ira à {locker}, {address}.\n\n"
        "Nous vous écrirons dès qu'il y sera. Vous pouvez le suivre ici :\n{link}\n",
        "La consigne est pleine. Votre colis {parcel} ira à {locker}, {address} : {link}",
    ),
    "spoiled": Text(
        "Votre colis ne peut plus être remis",
        "Bonjour {name},\n\nla température à {locker} est sortie de ses limites, "
        "votre colis {parcel} n'est donc pas remis.\n\nL'expéditeur est prévenu et vous contactera :\n{link}\n",
        "Votre colis {parcel} à {locker} a eu trop chaud ou trop froid et n'est pas remis : {link}",
    ),
    "disputed": Text(
        "Nous examinons votre signalement",
        "Bonjour {name},\n\nvous nous avez signalé un problème avec votre colis {parcel} dans {locker}. "
        "Nous l’examinons et vous recontactons.\n",
        "Nous examinons votre signalement pour le colis {parcel} dans {locker}.",
    ),
    "collected": Text(
        "Votre colis a été retiré",
        "Bonjour {name},\n\nvotre colis {parcel} a été retiré de {locker}. Si ce n'était pas vous, dites-le-nous.\n",
        "Votre colis {parcel} a été retiré de {locker}.",
    ),
    "expired": Text(
        "Votre colis repart",
        "Bonjour {name},\n\nvotre colis {parcel} n'a pas été retiré de {locker} à temps et repart.\n",
        "Votre colis {parcel} n'a pas été retiré à temps et repart.",
    ),
    "drop_off": Text(
        "Apportez votre colis à {locker}",
        "Bonjour {name},\n\nun casier vous est réservé à {locker}, {address} jusqu'au {deadline}. "
        "Aucune étiquette n'est nécessaire.\n\n"
        "Ouvrez cette page devant la consigne, elle affiche votre code :\n{link}\n",
        "Apportez votre colis à {locker} avant le {deadline}. Sans étiquette. Code : {link}",
    ),
    "dropped": Text(
        "Nous avons votre colis",
        "Bonjour {name},\n\nvotre colis {parcel} se trouve à {locker}. Ce message est votre reçu.\n\n{link}\n",
        "Votre colis {parcel} se trouve à {locker}. Reçu : {link}",
    ),
}
