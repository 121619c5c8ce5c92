import { useState } from 'preact/hooks';
import { ApiError } from '../../api/client';
import { explain } from '../../api/errors';
import { signIn, signUp } from '../../auth/auth';
import { t } from '../../i18n/common';
import { locale } from '../../i18n/language';
import { Button } from '../../ui/Button';
import { Field } from '../../ui/Field';
import './sign-in.css';

interface Props {
  /** What the reader sees first; both are one tap apart. */
  start?: 'in' | 'up';
  onDone?: () => void;
}

/** SignIn is the form for both: an account that exists and one that is made. It serves as a page and inside a sheet. */
export function SignIn({ start = 'in', onDone }: Props) {
  const [mode, setMode] = useState(start);
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();

  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      if (mode === 'in') await signIn(email, password);
      else await signUp(email, password, name, locale());
      onDone?.();
    } catch (cause) {
      setError(explainSignIn(cause, mode));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form class="sign-in" onSubmit={(event) => void submit(event)}>
      {mode === 'up' && (
        <Field
          label={t('name')}
          hint={t('nameHint')}
          name="name"
          autocomplete="name"
          required
          maxLength={100}
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      )}
      <Field
        label={t('email')}
        type="email"
        name="email"
        autocomplete="username"
        inputMode="email"
        dir="ltr"
        required
        value={email}
        onInput={(event) => setEmail(event.currentTarget.value)}
      />
      <Field
        label={t('password')}
        hint={mode === 'up' ? t('passwordHint') : undefined}
        type="password"
        name="password"
        dir="ltr"
        autocomplete={mode === 'up' ? 'new-password' : 'current-password'}
        required
        minLength={mode === 'up' ? 8 : undefined}
        value={password}
        onInput={(event) => setPassword(event.currentTarget.value)}
      />
      {error && (
        <p class="sign-in-error" role="alert">
          {error}
        </p>
      )}
      <Button kind="accent" wide type="submit" busy={busy}>
        {mode === 'in' ? t('signIn') : t('signUp')}
      </Button>
      <Button kind="quiet" wide onClick={() => setMode(mode === 'in' ? 'up' : 'in')}>
        {mode === 'in' ? t('newHere') : t('haveAccount')}
      </Button>
    </form>
  );
}

function explainSignIn(cause: unknown, mode: 'in' | 'up'): string {
  if (cause instanceof ApiError) {
    // Signing up does not tell whether an email is taken; the log-in right after it then fails.
    if (cause.status === 401) return mode === 'up' ? t('errorEmailTaken') : t('errorCredentials');
  }
  return explain(cause);
}
