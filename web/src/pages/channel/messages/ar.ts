import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const ar: Translation<typeof en> = {
  liveNow: 'مباشر الآن',
  watch: 'شاهد العرض',
  products: 'المنتجات',
  emptyTitle: 'لا منتجات بعد',
  emptyText: 'عُد لاحقًا، أو شاهد من يبثّ الآن.',
  byShop: 'من {shop}',
  notLive: 'لا بثّ في هذه اللحظة',
  notLiveText: 'أبقِ الصفحة مفتوحة: تنتقل إلى العرض فور بدئه.',
  toChannel: 'إلى المتجر',
};

export default ar;
