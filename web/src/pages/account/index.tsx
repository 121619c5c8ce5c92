import { useEffect } from 'preact/hooks';
import { navigate, place } from '../../app/router';
import { TopBar } from '../../app/TopBar';
import { useStore } from '../../app/store';
import { account } from '../../auth/auth';
import { t } from '../../i18n/common';
import { safeNext } from './next';
import { SignIn } from './SignIn';

/** The page of its own for signing in; whoever is signed in already is sent on. */
export default function AccountPage() {
  const who = useStore(account);
  const next = safeNext(new URLSearchParams(useStore(place).split('?')[1] ?? '').get('next'));
  useEffect(() => {
    if (who) navigate(next, true);
  }, [who, next]);
  return (
    <>
      <TopBar title={t('signIn')} />
      <main class="sign-in-page">
        <SignIn />
      </main>
    </>
  );
}
