import type { Translation } from '../../i18n/catalogue';
import type { en } from './en';

const ar: Translation<typeof en> = {
  stateDraft: 'مسودة',
  stateScheduled: 'مجدول',
  stateRehearsal: 'تجربة',
  stateLive: 'مباشر',
  stateInterrupted: 'انقطعت الإشارة',
  stateEnded: 'انتهى',
  keepHolding: 'استمر بالضغط',
  pressAgain: 'اضغط مرة أخرى للتأكيد',
  copy: 'نسخ',
  copied: 'نُسخ',
  reveal: 'إظهار',
  conceal: 'إخفاء',
  more: 'عرض المزيد',
  edit: 'تعديل',
  done: 'تم',
  soldOut: 'نفدت الكمية',
  left: {
    zero: 'لم يبقَ شيء',
    one: 'بقيت قطعة واحدة',
    two: 'بقيت قطعتان',
    few: 'بقيت {count} قطع',
    many: 'بقيت {count} قطعة',
    other: 'بقيت {count} قطعة',
  },
  signInTitle: 'سجّل الدخول للمتابعة',
  loadFailed: 'تعذّر التحميل',
  stale: 'لا يوجد اتصال. هذه آخر أرقام وصلتنا، من {time}.',
};

export default ar;
