"""The messages in Arabic."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_bridge.notify.text import Text

TEXTS: Mapping[str, Text] = {
    "ready": Text(
        "طردك بانتظارك في {locker}",
        "مرحبًا {name}،\n\nطردك {parcel} موجود في الخزانة {locker}، {address}.\n\n"
        "افتح هذه الصفحة أمام الخزانة، فهي تعرض رمزك:\n{link}\n\nيرجى استلامه قبل {deadline}.\n",
        "طردك {parcel} بانتظارك في {locker} حتى {deadline}. الرمز: {link}",
    ),
    "ready_to_pay": Text(
        "طردك بانتظارك في {locker}: المبلغ {amount}",
        "مرحبًا {name}،\n\nطردك {parcel} موجود في الخزانة {locker}، {address}.\n\n"
        "المبلغ المستحق عند الاستلام هو {amount}. ادفع في هذه الصفحة ليظهر رمزك:\n{link}\n\n"
        "يرجى استلامه قبل {deadline}.\n",
        "طردك {parcel} بانتظارك في {locker} حتى {deadline}. ادفع {amount} لتحصل على الرمز: {link}",
    ),
    "reminder": Text(
        "طردك ما زال في {locker}",
        "مرحبًا {name}،\n\nطردك {parcel} ما زال في {locker}، {address}، حتى {deadline}.\n\n"
        "رمزك، ووقت إضافي إن احتجت إليه:\n{link}\n",
        "طردك {parcel} ما زال في {locker} حتى {deadline}: {link}",
    ),
    "extension": Text(
        "سيبقى طردك مدة أطول: حتى {deadline}",
        "مرحبًا {name}،\n\nسيبقى طردك {parcel} في {locker}، {address}، حتى {deadline}.\n\n{link}\n",
        "سيبقى طردك {parcel} في {locker} حتى {deadline}: {link}",
    ),
    "moved": Text(
        "سيذهب طردك إلى خزانة أخرى: {locker}",
        "مرحبًا {name}،\n\nالخزانة التي اخترتها ممتلئة. سيذهب طردك {parcel} إلى {locker}، {address}.\n\n"
        "سنكتب إليك حين يصل إليها. يمكنك متابعته هنا:\n{link}\n",
        "الخزانة ممتلئة. سيذهب طردك {parcel} إلى {locker}، {address}: {link}",
    ),
    "spoiled": Text(
        "لم يعد ممكنًا تسليم طردك",
        "مرحبًا {name}،\n\nخرجت درجة الحرارة في {locker} عن حدودها، لذلك لن يسلَّم طردك {parcel}.\n\n"
        "المرسِل على علم بذلك وسيتواصل معك:\n{link}\n",
        "طردك {parcel} في {locker} تعرض لحرارة أو برودة زائدة ولن يسلَّم: {link}",
    ),
    "disputed": Text(
        "نحن نراجع بلاغك",
        "مرحبًا {name}،\n\nأبلغتنا عن مشكلة في طردك {parcel} في {locker}. سنراجع الأمر ونتواصل معك.\n",
        "نراجع بلاغك عن الطرد {parcel} في {locker}.",
    ),
    "collected": Text(
        "تم استلام طردك",
        "مرحبًا {name}،\n\nأُخذ طردك {parcel} من {locker}. إن لم تكن أنت من أخذه فأخبرنا.\n",
        "أُخذ طردك {parcel} من {locker}.",
    ),
    "expired": Text(
        "سيعاد طردك",
        "مرحبًا {name}،\n\nلم يُستلم طردك {parcel} من {locker} في الوقت المحدد وسيعاد.\n",
        "لم يُستلم طردك {parcel} في الوقت المحدد وسيعاد.",
    ),
    "drop_off": Text(
        "أحضر طردك إلى {locker}",
        "مرحبًا {name}،\n\nخُصص لك صندوق في {locker}، {address} حتى {deadline}. لا حاجة إلى ملصق.\n\n"
        "افتح هذه الصفحة أمام الخزانة، فهي تعرض رمزك:\n{link}\n",
        "أحضر طردك إلى {locker} قبل {deadline}. دون ملصق. الرمز: {link}",
    ),
    "dropped": Text(
        "طردك عندنا",
        "مرحبًا {name}،\n\nطردك {parcel} موجود في {locker}. هذه الرسالة هي إيصالك.\n\n{link}\n",
        "طردك {parcel} موجود في {locker}. الإيصال: {link}",
    ),
}
