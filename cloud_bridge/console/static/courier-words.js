// What the courier's page says, in each language; numbers and names go where the braces stand.
const WORDS = {
  en: {
    courier: "Courier", technician: "Technician", maintain: "Maintain the locker", wait: "One moment…", route: "Your route", choose: "Choose the lockers of your route.",
    none: "No locker is installed yet.", fetch: "Get today's pass", act: "At the locker", locker: "Locker",
    operation: "What do you do?", deposit: "Put parcels in", retrieve: "Take parcels out", make: "Show my code",
    qr: "QR code that starts your visit", pass: "Your pass holds until {time}; it works without network.",
    hold: "Hold it in front of the scanner. {s} s left.", used: "Used up by time. Show a new code.",
    today: "Today", bring: "To bring: {n}", take: "To take out: {n}", door: "door {no}", offline: "Without network: as of {time}.",
    claim: "I take it", not_there: "It was not there", door_stuck: "The door is stuck", handed_over: "Handed over",
    taken: "{who} takes it", failed: "That did not work. Please try again.", nothing: "Nothing to do here.",
    old: "This browser cannot make the key that your codes are signed with. Update it, or ask the depot for a paper code.",
  },
  de: {
    courier: "Kurier", technician: "Techniker", maintain: "Die Anlage warten", wait: "Einen Moment…", route: "Ihre Tour", choose: "Wählen Sie die Schließfachanlagen Ihrer Tour.",
    none: "Noch keine Anlage ist aufgestellt.", fetch: "Ausweis für heute holen", act: "An der Anlage", locker: "Anlage",
    operation: "Was tun Sie?", deposit: "Pakete einlegen", retrieve: "Pakete herausnehmen", make: "Meinen Code zeigen",
    qr: "QR-Code, mit dem Ihr Besuch beginnt", pass: "Ihr Ausweis gilt bis {time}, auch ohne Netz.",
    hold: "Halten Sie ihn vor den Scanner. Noch {s} s.", used: "Abgelaufen. Zeigen Sie einen neuen Code.",
    today: "Heute", bring: "Zu bringen: {n}", take: "Zu holen: {n}", door: "Tür {no}", offline: "Ohne Netz: Stand {time}.",
    claim: "Ich übernehme", not_there: "Es war nicht da", door_stuck: "Die Tür klemmt", handed_over: "Übergeben",
    taken: "{who} übernimmt", failed: "Das ging nicht. Bitte versuchen Sie es noch einmal.", nothing: "Hier ist nichts zu tun.",
    old: "Dieser Browser kann den Schlüssel für Ihre Codes nicht erzeugen. Aktualisieren Sie ihn, oder fragen Sie im Depot nach einem Code auf Papier.",
  },
  fr: {
    courier: "Livreur", technician: "Technicien", maintain: "Entretenir la consigne", wait: "Un instant…", route: "Votre tournée", choose: "Choisissez les consignes de votre tournée.",
    none: "Aucune consigne n'est encore installée.", fetch: "Obtenir le laissez-passer du jour", act: "À la consigne", locker: "Consigne",
    operation: "Que faites-vous ?", deposit: "Déposer des colis", retrieve: "Retirer des colis", make: "Afficher mon code",
    qr: "Code QR qui ouvre votre visite", pass: "Votre laissez-passer vaut jusqu'à {time}, même sans réseau.",
    hold: "Présentez-le au lecteur. Encore {s} s.", used: "Délai écoulé. Affichez un nouveau code.",
    today: "Aujourd'hui", bring: "À apporter : {n}", take: "À retirer : {n}", door: "porte {no}", offline: "Sans réseau : état de {time}.",
    claim: "Je m'en charge", not_there: "Il n'y était pas", door_stuck: "La porte est bloquée", handed_over: "Remis",
    taken: "{who} s'en charge", failed: "Cela n'a pas marché. Veuillez réessayer.", nothing: "Rien à faire ici.",
    old: "Ce navigateur ne peut pas créer la clé qui signe vos codes. Mettez-le à jour ou demandez un code papier au dépôt.",
  },
  es: {
    courier: "Repartidor", technician: "Técnico", maintain: "Mantener la taquilla", wait: "Un momento…", route: "Su ruta", choose: "Elija las taquillas de su ruta.",
    none: "Aún no hay ninguna taquilla instalada.", fetch: "Obtener el pase de hoy", act: "En la taquilla", locker: "Taquilla",
    operation: "¿Qué va a hacer?", deposit: "Dejar paquetes", retrieve: "Sacar paquetes", make: "Mostrar mi código",
    qr: "Código QR que inicia su visita", pass: "Su pase vale hasta las {time}, también sin red.",
    hold: "Acérquelo al lector. Quedan {s} s.", used: "Ha caducado. Muestre un código nuevo.",
    today: "Hoy", bring: "Para llevar: {n}", take: "Para sacar: {n}", door: "puerta {no}", offline: "Sin red: estado de las {time}.",
    claim: "Me encargo", not_there: "No estaba", door_stuck: "La puerta está atascada", handed_over: "Entregado",
    taken: "Se encarga {who}", failed: "No ha funcionado. Inténtelo de nuevo.", nothing: "No hay nada que hacer aquí.",
    old: "Este navegador no puede crear la clave con la que se firman sus códigos. Actualícelo o pida un código en papel en el depósito.",
  },
  pl: {
    courier: "Kurier", technician: "Technik", maintain: "Obsługa automatu", wait: "Chwileczkę…", route: "Twoja trasa", choose: "Wybierz automaty na swojej trasie.",
    none: "Nie ma jeszcze żadnego automatu.", fetch: "Pobierz przepustkę na dziś", act: "Przy automacie", locker: "Automat",
    operation: "Co robisz?", deposit: "Wkładam paczki", retrieve: "Wyjmuję paczki", make: "Pokaż mój kod",
    qr: "Kod QR, który rozpoczyna wizytę", pass: "Przepustka jest ważna do {time}, także bez sieci.",
    hold: "Przyłóż go do skanera. Zostało {s} s.", used: "Czas minął. Pokaż nowy kod.",
    today: "Dzisiaj", bring: "Do dostarczenia: {n}", take: "Do odebrania: {n}", door: "drzwiczki {no}", offline: "Bez sieci: stan z {time}.",
    claim: "Biorę to", not_there: "Nie było jej tam", door_stuck: "Drzwiczki się zacięły", handed_over: "Przekazana",
    taken: "Zajmuje się tym {who}", failed: "Nie udało się. Spróbuj jeszcze raz.", nothing: "Nie ma tu nic do zrobienia.",
    old: "Ta przeglądarka nie potrafi utworzyć klucza do podpisywania kodów. Zaktualizuj ją albo poproś w sortowni o kod na papierze.",
  },
  ar: {
    courier: "مندوب التوصيل", technician: "فنّي الصيانة", maintain: "صيانة الخزانة", wait: "لحظة من فضلك…", route: "مسارك", choose: "اختر الخزائن التي في مسارك.",
    none: "لا توجد خزانة مركّبة بعد.", fetch: "احصل على تصريح اليوم", act: "عند الخزانة", locker: "الخزانة",
    operation: "ماذا تريد أن تفعل؟", deposit: "إيداع طرود", retrieve: "إخراج طرود", make: "أظهر رمزي",
    qr: "رمز QR الذي تبدأ به زيارتك", pass: "تصريحك صالح حتى {time}، ويعمل دون شبكة.",
    hold: "ضعه أمام الماسح. بقي {s} ث.", used: "انتهى وقته. أظهر رمزًا جديدًا.",
    today: "اليوم", bring: "للإيداع: {n}", take: "للإخراج: {n}", door: "الباب {no}", offline: "دون شبكة: الحالة عند {time}.",
    claim: "أتولّى ذلك", not_there: "لم يكن هناك", door_stuck: "الباب عالق", handed_over: "سُلّم",
    taken: "يتولّى ذلك {who}", failed: "لم ينجح ذلك. حاول مرة أخرى.", nothing: "لا شيء لتفعله هنا.",
    old: "هذا المتصفح لا يستطيع إنشاء المفتاح الذي تُوقَّع به رموزك. حدّثه أو اطلب رمزًا ورقيًا من المستودع.",
  },
};

export const language = navigator.languages.map((name) => name.slice(0, 2)).find((name) => name in WORDS) ?? "en";

export function say(key, values = {}) {
  return WORDS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function translate(page) {
  document.documentElement.lang = language;
  document.documentElement.dir = language === "ar" ? "rtl" : "ltr";
  document.title = `${say("courier")} · Parcelworks`;
  for (const element of page.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of page.querySelectorAll("[data-label]")) element.setAttribute("aria-label", say(element.dataset.label));
}
