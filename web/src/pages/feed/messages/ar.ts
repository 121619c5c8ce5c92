import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const ar: Translation<typeof en> = {
  videos: 'فيديوهات',
  title: 'مباشر الآن',
  emptyTitle: 'لا أحد يبثّ الآن',
  emptyText: 'تظهر العروض هنا لحظة بدئها. أبقِ الصفحة مفتوحة.',
  goLive: 'ابدأ بثّك أنت',
  since: 'منذ {time}',
  interrupted: 'نعود بعد لحظات',
};

export default ar;
