import { TopBar } from '../../app/TopBar';
import { Notice } from '../../ui/Card';
import { useStore } from '../../app/store';
import { account } from '../../auth/auth';
import { SignIn } from '../account/SignIn';
import { t } from '../../i18n/common';

export default function Studio() {
  const who = useStore(account);
  return (
    <>
      <TopBar title={t('studio')} />
      {who === null ? <SignIn /> : who && who.memberships.length === 0 && <Notice title={t('errorForbidden')} />}
    </>
  );
}
