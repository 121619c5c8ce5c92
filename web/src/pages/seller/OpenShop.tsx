import { useState } from 'preact/hooks';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import type { Account } from '../../api/types';
import { navigate } from '../../app/router';
import { loadAccount } from '../../auth/auth';
import { locale } from '../../i18n/language';
import { isolated } from '../../manage/data';
import { Button } from '../../ui/Button';
import { Field, Select } from '../../ui/Field';
import { t } from './messages';

/** OpenShop is what somebody without a shop sees: the form that makes one, and the number that a team asks for. */
export function OpenShop({ who }: { who: Account }) {
  const [name, setName] = useState('');
  const [currency, setCurrency] = useState('EUR');
  const [zone, setZone] = useState(() => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const [key] = useState(() => crypto.randomUUID());
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      const body = { name: name.trim(), currency, time_zone: zone, locale: locale() };
      const { id } = await api.post<{ id: string }>('/v1/shops', body, { idempotencyKey: key });
      navigate(`/seller/${id}/products`, true); // shows itself as soon as the membership is known
      await loadAccount();
    } catch (cause) {
      setError(explain(cause));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="seller-form">
      <h2>{t('openShop')}</h2>
      <p class="muted">{t('openShopText')}</p>
      <form class="form" onSubmit={(event) => void submit(event)}>
        <Field
          label={t('shopName')}
          required
          maxLength={80}
          dir="auto"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <Select label={t('currency')} value={currency} onChange={(event) => setCurrency(event.currentTarget.value)}>
          {currencies().map((code) => (
            <option key={code} value={code}>
              {code} – {currencyName(code)}
            </option>
          ))}
        </Select>
        <Select
          label={t('timeZone')}
          hint={t('timeZoneHint')}
          value={zone}
          onChange={(event) => setZone(event.currentTarget.value)}
        >
          {zones(zone).map((one) => (
            <option key={one} value={one}>
              {one.replaceAll('_', ' ')}
            </option>
          ))}
        </Select>
        {error && (
          <p class="form-error" role="alert">
            {error}
          </p>
        )}
        <Button kind="accent" wide type="submit" busy={busy}>
          {t('makeShop')}
        </Button>
      </form>
      <p class="small muted">{t('orJoin', { email: isolated(who.email) })}</p>
    </main>
  );
}

function currencies(): string[] {
  const first = ['EUR', 'USD', 'GBP', 'CHF', 'AED', 'SAR', 'EGP', 'MAD', 'TND'];
  const all = Intl.supportedValuesOf?.('currency') ?? [];
  return [...first, ...all.filter((code) => !first.includes(code))];
}

function currencyName(code: string): string {
  return new Intl.DisplayNames(locale(), { type: 'currency' }).of(code) ?? code;
}

function zones(own: string): string[] {
  const all = Intl.supportedValuesOf?.('timeZone') ?? [];
  return all.includes(own) ? all : [own, ...all];
}
