import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const ar: Translation<typeof en> = {
  title: 'التسجيلات والمقاطع',
  open: 'التسجيلات والمقاطع',
  back: 'العودة إلى الاستوديو',
  mode: 'كل تثبيت يدوم خمس ثوانٍ أو أكثر',
  modeDraft: 'ينتظر هنا كمقطع',
  modePublish: 'يُنشر كمقطع',
  modeOff: 'لا يصبح مقطعًا',
  waiting: 'بانتظار موافقتك',
  public: 'منشورة',
  hidden: 'مخفية',
  recordings: 'التسجيلات',
  none: 'لا مقاطع بعد',
  noneText: 'ثبّت منتجًا خمس ثوانٍ أثناء البث، أو اقتطع مقطعًا من تسجيل في الأسفل.',
  noRecordings: 'لا تسجيلات بعد',
  noRecordingsText: 'يُسجَّل البث ما إن يظهر على الهواء.',
  publish: 'نشر',
  hide: 'إخفاء',
  download: 'تنزيل',
  export: 'حزمة لموقع آخر',
  remove: 'حذف',
  cut: 'قصّ وتنزيل',
  close: 'إغلاق',
  from: 'من',
  until: 'إلى',
  name: 'عنوان المقطع',
  preview: 'معاينة',
  make: 'إنشاء المقطع',
  made: 'أصبح المقطع جاهزًا وينتظرك في الأعلى.',
  length: 'المدة {length}',
  gaps: 'مع انقطاعات',
  nothing: 'لم يُسجَّل شيء من هذا البث.',
  published: 'منشور',
};

export default ar;
