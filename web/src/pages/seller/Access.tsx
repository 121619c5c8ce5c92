import { useState } from 'preact/hooks';
import plusIcon from 'lucide-static/icons/plus.svg?raw';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import { useLoad } from '../../api/load';
import type { Page } from '../../api/types';
import { dateTime } from '../../i18n/format';
import { t as manage } from '../../manage/messages';
import { Copy } from '../../manage/Copy';
import { Failed } from '../../manage/Gate';
import { Hold } from '../../manage/Hold';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Field } from '../../ui/Field';
import { Sheet } from '../../ui/Sheet';
import { Skeleton } from '../../ui/Skeleton';
import { toast } from '../../ui/Toast';
import type { ShopContext } from './index';
import { t } from './messages';

interface Token {
  id: string;
  name: string;
  scopes: string[];
  shop?: string;
  channel?: string;
  created_at: string;
}

/** The scopes as the API names them: whoever writes a program reads these words in its reference. */
const scopes = [
  ...['shop:read', 'shop:write', 'keys:write', 'broadcasts:read', 'broadcasts:write', 'pins:write', 'events:write'],
  ...['products:read', 'products:write', 'stock:write', 'orders:read', 'orders:write', 'orders:refund'],
  ...['orders:write:any', 'sales:read', 'videos:judge'],
];

/** Access lists the API tokens of the account for this shop, and makes and revokes them. */
export function Access({ context }: { context: ShopContext }) {
  const { shop } = context;
  const tokens = useLoad(async (signal) => (await api.get<Page<Token>>('/v1/tokens', undefined, signal)).items, []);
  const [making, setMaking] = useState(false);
  const mine = tokens.data?.filter((one) => !one.shop || one.shop === shop.id);
  const revoke = async (id: string) => {
    try {
      await api.delete(`/v1/tokens/${id}`);
      tokens.reload();
    } catch (error) {
      toast(explain(error), 'bad');
    }
  };
  if (tokens.error && !tokens.data) return <Failed error={tokens.error} onRetry={tokens.reload} />;
  return (
    <Card class="table-card" aria-label={t('tokens')}>
      <header class="chart-head">
        <h2>{t('tokens')}</h2>
        <Button svg={plusIcon} onClick={() => setMaking(true)}>
          {t('newToken')}
        </Button>
      </header>
      <p class="muted small">{t('tokensText')}</p>
      {!mine ? (
        <Skeleton height="80px" />
      ) : mine.length === 0 ? (
        <p class="chart-none">{t('noTokens')}</p>
      ) : (
        <ul class="members">
          {mine.map((one) => (
            <li key={one.id}>
              <span class="member-name">
                <span dir="auto">{one.name}</span>
                <br />
                <small class="muted" dir="ltr">
                  {one.scopes.join(' ')}
                </small>
                <br />
                <small class="muted">{t('made', { date: dateTime(one.created_at) })}</small>
              </span>
              <Hold onHold={() => void revoke(one.id)}>{t('revoke')}</Hold>
            </li>
          ))}
        </ul>
      )}
      <Sheet title={t('newToken')} open={making} onClose={() => setMaking(false)}>
        {making && <NewToken shop={shop.id} onMade={tokens.reload} onClose={() => setMaking(false)} />}
      </Sheet>
    </Card>
  );
}

function NewToken({ shop, onMade, onClose }: { shop: string; onMade: () => void; onClose: () => void }) {
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<string[]>([]);
  const [secret, setSecret] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      const made = await api.post<{ token: string }>('/v1/tokens', { name: name.trim(), scopes: chosen, shop });
      setSecret(made.token);
      onMade();
    } catch (cause) {
      setError(explain(cause));
    } finally {
      setBusy(false);
    }
  };
  if (secret) {
    return (
      <div class="form">
        <Copy label={t('token')} value={secret} secret />
        <p class="warn-text">{t('tokenOnce')}</p>
        <Button wide onClick={onClose}>
          {manage('done')}
        </Button>
      </div>
    );
  }
  const toggle = (scope: string, on: boolean) =>
    setChosen(on ? [...chosen, scope] : chosen.filter((one) => one !== scope));
  return (
    <form class="form" onSubmit={(event) => void submit(event)}>
      <Field
        label={t('tokenName')}
        required
        maxLength={80}
        dir="auto"
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <fieldset class="roles">
        <legend>{t('scopes')}</legend>
        {scopes.map((scope) => (
          <label key={scope} class="check">
            <input
              type="checkbox"
              checked={chosen.includes(scope)}
              onChange={(event) => toggle(scope, event.currentTarget.checked)}
            />
            <code dir="ltr">{scope}</code>
          </label>
        ))}
      </fieldset>
      {error && (
        <p class="form-error" role="alert">
          {error}
        </p>
      )}
      <Button kind="accent" wide type="submit" busy={busy} disabled={chosen.length === 0}>
        {t('makeToken')}
      </Button>
    </form>
  );
}
