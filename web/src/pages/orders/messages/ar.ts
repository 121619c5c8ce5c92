import type { Translation } from '../../../i18n/catalogue';
import type { en } from './en';

const ar: Translation<typeof en> = {
  title: 'طلباتك',
  emptyTitle: 'لا طلبات بعد',
  emptyText: 'ما تشتريه في العروض تجده هنا.',
  order: 'الطلب {number}',
  placed: 'طُلب في {when}',
  lines: '{quantity} × {title}',
  total: 'المجموع',
  refunded: 'أُعيد إليك',
  held: 'في انتظار الدفع',
  requires_action: 'أكّد لدى بنكك',
  paid: 'مدفوع',
  declined: 'رُفض الدفع',
  expired: 'انتهت مهلة الدفع',
  cancelled: 'أُلغي',
  refundedState: 'أُعيد المبلغ',
  claimed: 'بانتظار القرعة',
  not_drawn: 'لم تفز بالقرعة',
  claimedHelp: 'كل من طلب في اللحظات الأولى يشارك في قرعة واحدة. لا يُخصم شيء قبلها.',
  notDrawnHelp: 'منحت القرعة القطع لآخرين. لم يُخصم أي مبلغ.',
  partially_refunded: 'أُعيد جزء من المبلغ',
  paidHelp: 'يجهّزه المتجر الآن.',
  declinedHelp: 'لم يُخصم منك شيء.',
  expiredHelp: 'لا شيء عليك. إن وصل المال لاحقًا عاد إليك تلقائيًا.',
  refundedHelp: 'المبلغ في طريقه إلى حيث جاء.',
  goToBank: 'انتقل إلى البنك',
  receipt: 'إيصال مصوّر موقَّع',
  receiptHelp: 'طلبك وثواني البث التي اشتريت فيها، بتوقيع. يمكن لأي شخص التحقق منه.',
  all: 'كل الطلبات',
  more: 'عرض المزيد',
};

export default ar;
