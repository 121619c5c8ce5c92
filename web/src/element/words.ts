import { pickLanguage, type Language } from '../i18n/language';

/** Words are all that the element says; it is too little to be loaded apart. */
export interface Words {
  play: string;
  tapForSound: string;
  sound: string;
  mute: string;
  live: string;
  quality: string;
  automatic: string;
  buy: string;
  buyNamed: (title: string) => string;
  add: string;
  addNamed: (title: string) => string;
  soldOut: string;
  /** What opens a set, and what is said of it. */
  all: string;
  allNamed: (name: string) => string;
  count: (products: number) => string;
  from: (price: string) => string;
  close: string;
  loading: string;
  /** What those are told who listen. */
  shown: (title: string, about: string) => string;
  gone: (title: string) => string;
  before: string;
  opensIn: (time: string) => string;
  endsIn: (time: string) => string;
  left: (count: number) => string;
  taken: string;
  dealOver: string;
  connecting: string;
  waiting: string;
  away: string;
  ended: string;
  notYet: string;
  refused: string;
  missing: string;
}

const en: Words = {
  play: 'Play',
  tapForSound: 'Tap for sound',
  sound: 'Sound on',
  mute: 'Sound off',
  live: 'Live',
  quality: 'Picture quality',
  automatic: 'Automatic',
  buy: 'Buy',
  buyNamed: (title) => `Buy ${title}`,
  add: 'Add',
  addNamed: (title) => `Add ${title}`,
  soldOut: 'Sold out',
  all: 'See all',
  allNamed: (name) => `See all of ${name}`,
  count: (n) => (n === 1 ? '1 product' : `${n} products`),
  from: (price) => `from ${price}`,
  close: 'Close',
  loading: 'Loading',
  shown: (title, about) => `Shown now: ${title}, ${about}`,
  gone: (title) => `${title} is no longer shown`,
  before: 'before',
  opensIn: (time) => `Opens in ${time}`,
  endsIn: (time) => `Ends in ${time}`,
  left: (count) => `${count} left`,
  taken: 'All taken',
  dealOver: 'Deal over',
  connecting: 'Connecting',
  waiting: 'The picture is coming back',
  away: 'Back in a moment',
  ended: 'The show is over',
  notYet: 'The show has not begun yet',
  refused: 'This show is not open to you',
  missing: 'There is no such show',
};

const de: Words = {
  play: 'Abspielen',
  tapForSound: 'Tippen für Ton',
  sound: 'Ton an',
  mute: 'Ton aus',
  live: 'Live',
  quality: 'Bildqualität',
  automatic: 'Automatisch',
  buy: 'Kaufen',
  buyNamed: (title) => `Kaufen: ${title}`,
  add: 'Merken',
  addNamed: (title) => `Merken: ${title}`,
  soldOut: 'Ausverkauft',
  all: 'Ansehen',
  allNamed: (name) => `Alles aus ${name} ansehen`,
  count: (n) => (n === 1 ? '1 Produkt' : `${n} Produkte`),
  from: (price) => `ab ${price}`,
  close: 'Schließen',
  loading: 'Lädt',
  shown: (title, about) => `Jetzt gezeigt: ${title}, ${about}`,
  gone: (title) => `${title} wird nicht mehr gezeigt`,
  before: 'vorher',
  opensIn: (time) => `Beginnt in ${time}`,
  endsIn: (time) => `Endet in ${time}`,
  left: (count) => `noch ${count}`,
  taken: 'Alle vergeben',
  dealOver: 'Angebot vorbei',
  connecting: 'Verbindet',
  waiting: 'Das Bild kommt gleich wieder',
  away: 'Gleich zurück',
  ended: 'Die Show ist vorbei',
  notYet: 'Die Show hat noch nicht begonnen',
  refused: 'Diese Show ist für dich nicht offen',
  missing: 'Diese Show gibt es nicht',
};

const fr: Words = {
  play: 'Lire',
  tapForSound: 'Touchez pour le son',
  sound: 'Activer le son',
  mute: 'Couper le son',
  live: 'Direct',
  quality: 'Qualité de l’image',
  automatic: 'Automatique',
  buy: 'Acheter',
  buyNamed: (title) => `Acheter ${title}`,
  add: 'Ajouter',
  addNamed: (title) => `Ajouter ${title}`,
  soldOut: 'Épuisé',
  all: 'Tout voir',
  allNamed: (name) => `Voir tout ce que contient ${name}`,
  count: (n) => (n < 2 ? `${n} produit` : `${n} produits`),
  from: (price) => `dès ${price}`,
  close: 'Fermer',
  loading: 'Chargement',
  shown: (title, about) => `À l’écran : ${title}, ${about}`,
  gone: (title) => `${title} n’est plus à l’écran`,
  before: 'avant',
  opensIn: (time) => `Ouvre dans ${time}`,
  endsIn: (time) => `Se termine dans ${time}`,
  left: (count) => `plus que ${count}`,
  taken: 'Tout est pris',
  dealOver: 'Offre terminée',
  connecting: 'Connexion',
  waiting: 'L’image revient',
  away: 'De retour dans un instant',
  ended: 'L’émission est terminée',
  notYet: 'L’émission n’a pas encore commencé',
  refused: 'Cette émission ne vous est pas ouverte',
  missing: 'Cette émission n’existe pas',
};

const ar: Words = {
  play: 'تشغيل',
  tapForSound: 'المس لتشغيل الصوت',
  sound: 'تشغيل الصوت',
  mute: 'كتم الصوت',
  live: 'مباشر',
  quality: 'جودة الصورة',
  automatic: 'تلقائية',
  buy: 'اشترِ',
  buyNamed: (title) => `اشترِ ${title}`,
  add: 'أضف',
  addNamed: (title) => `أضف ${title}`,
  soldOut: 'نفد',
  all: 'عرض الكل',
  allNamed: (name) => `عرض كل ما في ${name}`,
  count: (n) =>
    (({ one: 'منتج واحد', two: 'منتجان', few: `${n} منتجات`, many: `${n} منتجًا` }) as Record<string, string>)[
      new Intl.PluralRules('ar').select(n)
    ] ?? `${n} منتج`,
  from: (price) => `ابتداءً من ${price}`,
  close: 'إغلاق',
  loading: 'جارٍ التحميل',
  shown: (title, about) => `معروض الآن: ${title}، ${about}`,
  gone: (title) => `لم يعد ${title} معروضًا`,
  before: 'سابقًا',
  opensIn: (time) => `يبدأ بعد ${time}`,
  endsIn: (time) => `ينتهي بعد ${time}`,
  left: (count) => `بقي ${count}`,
  taken: 'نفدت كلها',
  dealOver: 'انتهى العرض',
  connecting: 'جارٍ الاتصال',
  waiting: 'الصورة في طريقها إليك',
  away: 'نعود بعد لحظات',
  ended: 'انتهى العرض',
  notYet: 'لم يبدأ العرض بعد',
  refused: 'هذا العرض غير متاح لك',
  missing: 'لا يوجد عرض كهذا',
};

const all: Record<Language, Words> = { en, ar, de, fr };

/** spoken is the language of an element: its own, else the page's, else the reader's. */
export function spoken(own: string | null, page: string | null): Language {
  return pickLanguage(own || page, navigator.languages);
}

export function words(language: Language): Words {
  return all[language];
}
