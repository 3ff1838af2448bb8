"""The messages in English."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_bridge.notify.text import Text

TEXTS: Mapping[str, Text] = {
    "ready": Text(
        "Your parcel is waiting in {locker}",
        "Hello {name},\n\nyour parcel {parcel} is in the locker {locker}, {address}.\n\n"
        "Open this page at the locker, it shows your code:\n{link}\n\nPlease collect it by {deadline}.\n",
        "Your parcel {parcel} waits in {locker} until {deadline}. Code: {link}",
    ),
    "ready_to_pay": Text(
        "Your parcel is waiting in {locker}: {amount} to pay",
        "Hello {name},\n\nyour parcel {parcel} is in the locker {locker}, {address}.\n\n"
        "{amount} are to be paid on delivery. Pay on this page, then it shows your code:\n{link}\n\n"
        "Please collect it by {deadline}.\n",
        "Your parcel {parcel} waits in {locker} until {deadline}. Pay {amount} and get the code: {link}",
    ),
    "reminder": Text(
        "Your parcel is still waiting in {locker}",
        "Hello {name},\n\nyour parcel {parcel} still waits in {locker}, {address}, until {deadline}.\n\n"
        "Your code, and more time if you need it:\n{link}\n",
        "Your parcel {parcel} still waits in {locker} until {deadline}: {link}",
    ),
    "extension": Text(
        "Your parcel waits longer: until {deadline}",
        "Hello {name},\n\nyour parcel {parcel} now waits in {locker}, {address}, until {deadline}.\n\n{link}\n",
        "Your parcel {parcel} now waits in {locker} until {deadline}: {link}",
    ),
    "moved": Text(
        "Your parcel goes to another locker: {locker}",
        "Hello {name},\n\nthe locker you chose is full. Your parcel {parcel} goes to {locker}, {address} instead.\n\n"
        "We write again as soon as it is there. You can follow it here:\n{link}\n",
        "The locker is full. Your parcel {parcel} goes to {locker}, {address}: {link}",
    ),
    "spoiled": Text(
        "Your parcel can no longer be handed out",
        "Hello {name},\n\nthe temperature in {locker} left its limits, so your parcel {parcel} is not handed out.\n\n"
        "The sender knows and will contact you:\n{link}\n",
        "Your parcel {parcel} in {locker} got too warm or too cold and is not handed out: {link}",
    ),
    "disputed": Text(
        "We look into what you told us",
        "Hello {name},\n\nyou told us that something is wrong with your parcel {parcel} in {locker}. "
        "We look into it and contact you.\n",
        "We look into what you told us about your parcel {parcel} in {locker}.",
    ),
    "collected": Text(
        "Your parcel was collected",
        "Hello {name},\n\nyour parcel {parcel} was taken out of {locker}. If that was not you, please tell us.\n",
        "Your parcel {parcel} was collected from {locker}.",
    ),
    "expired": Text(
        "Your parcel goes back",
        "Hello {name},\n\nyour parcel {parcel} was not collected from {locker} in time and goes back.\n",
        "Your parcel {parcel} was not collected in time and goes back.",
    ),
    "drop_off": Text(
        "Bring your parcel to {locker}",
        "Hello {name},\n\na compartment in {locker}, {address} is yours until {deadline}. You need no label.\n\n"
        "Open this page at the locker, it shows your code:\n{link}\n",
        "Bring your parcel to {locker} by {deadline}. No label needed. Code: {link}",
    ),
    "dropped": Text(
        "We have your parcel",
        "Hello {name},\n\nyour parcel {parcel} lies in {locker}. Keep this message as your receipt.\n\n{link}\n",
        "Your parcel {parcel} lies in {locker}. Receipt: {link}",
    ),
}
