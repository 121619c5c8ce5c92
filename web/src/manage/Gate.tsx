import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { explain } from '../api/errors';
import type { Account } from '../api/types';
import { useStore } from '../app/store';
import { account, loadAccount } from '../auth/auth';
import { t as common } from '../i18n/common';
import { SignIn } from '../pages/account/SignIn';
import { Button } from '../ui/Button';
import { Notice } from '../ui/Card';
import { t } from './messages';

/** Gate lets the signed-in through, and asks everybody else to sign in where they stand. */
export function Gate({ children }: { children: (who: Account) => ComponentChildren }) {
  const who = useStore(account);
  const [error, setError] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (who !== undefined) return;
    setError(undefined);
    loadAccount().catch(setError);
  }, [who === undefined, turn]);

  if (who) return <>{children(who)}</>;
  if (who === null) {
    return (
      <main class="sign-in-page">
        <h2>{t('signInTitle')}</h2>
        <SignIn />
      </main>
    );
  }
  if (!error) return null;
  return <Failed error={error} onRetry={() => setTurn((n) => n + 1)} />;
}

/** Failed says that a part of the page did not load, and what to do. */
export function Failed({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const again = <Button onClick={onRetry}>{common('retry')}</Button>;
  return <Notice title={t('loadFailed')} text={explain(error)} action={again} />;
}
