import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const ar: Translation<typeof en> = {
  videoLabel: 'فيديو: {title}',
  untitled: 'فيديو',
  play: 'تشغيل',
  pause: 'إيقاف مؤقت',
  sound: 'تشغيل الصوت',
  soundOff: 'كتم الصوت',
  seek: 'الموضع في الفيديو',
  next: 'الفيديو التالي',
  previous: 'الفيديو السابق',
  leave: 'إغلاق',
  draft: 'لا يراه إلا أنت وفريقك: لم يُنشر بعد.',
  processing: 'يجري تجهيز الفيديو.',
  gone: 'تعذّر تجهيز هذا الملف.',
  captions: 'الترجمة المكتوبة',
  captionsOff: 'بلا ترجمة',
};

export default ar;
