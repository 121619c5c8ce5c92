import { useState } from 'preact/hooks';
import plusIcon from 'lucide-static/icons/plus.svg?raw';
import { api, ApiError } from '../../api/client';
import { explain } from '../../api/errors';
import { useLoad } from '../../api/load';
import type { Channel, Page, Role } from '../../api/types';
import { orNone } from '../../manage/data';
import { Failed } from '../../manage/Gate';
import { Hold } from '../../manage/Hold';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Chips, Field, Select } from '../../ui/Field';
import { Sheet } from '../../ui/Sheet';
import { Skeleton } from '../../ui/Skeleton';
import { toast } from '../../ui/Toast';
import type { ShopContext } from './index';
import { t } from './messages';

interface Member {
  account: string;
  name: string;
  role: Role;
}

const roleNames = {
  owner: 'roleOwner',
  seller: 'roleSeller',
  finance: 'roleFinance',
  creator: 'roleCreator',
  moderator: 'roleModerator',
} as const satisfies Record<Role, string>;

const roleTexts = {
  owner: 'roleOwnerText',
  seller: 'roleSellerText',
  finance: 'roleFinanceText',
  creator: 'roleCreatorText',
  moderator: 'roleModeratorText',
} as const satisfies Record<Role, string>;

const shopRoles: Role[] = ['owner', 'seller', 'finance'];
const channelRoles: Role[] = ['owner', 'creator', 'moderator'];

/** Team says who may do what, at the shop and at each of its channels. */
export function Team({ context }: { context: ShopContext }) {
  const { shop, role, who } = context;
  const channels = useLoad(
    async (signal) =>
      (await orNone(api.get<Page<Channel>>(`/v1/shops/${shop.id}/channels`, undefined, signal)))?.items ?? [],
    [shop.id],
  );
  const [place, setPlace] = useState('');
  const path = place ? `/v1/channels/${place}/members` : `/v1/shops/${shop.id}/members`;
  const places = [{ value: '', label: t('whereShop') }];
  for (const channel of channels.data ?? []) places.push({ value: channel.id, label: channel.name });
  return (
    <>
      {places.length > 1 && <Chips label={t('where')} value={place} options={places} onChange={setPlace} />}
      <Members
        key={path}
        path={path}
        roles={place ? channelRoles : shopRoles}
        mayWrite={role === 'owner'}
        self={who.id}
      />
    </>
  );
}

interface MembersProps {
  path: string;
  roles: Role[];
  mayWrite: boolean;
  self: string;
}

function Members({ path, roles, mayWrite, self }: MembersProps) {
  const members = useLoad(async (signal) => (await api.get<Page<Member>>(path, undefined, signal)).items, [path]);
  const [adding, setAdding] = useState(false);
  if (members.error && !members.data) return <Failed error={members.error} onRetry={members.reload} />;
  if (!members.data) return <Skeleton height="120px" />;
  const act = async (request: Promise<unknown>) => {
    try {
      await request;
      members.reload();
    } catch (error) {
      toast(explain(error), 'bad');
      members.reload();
    }
  };
  return (
    <Card class="table-card" aria-label={t('members')}>
      <header class="chart-head">
        <h2>{t('members')}</h2>
        {mayWrite && (
          <Button svg={plusIcon} onClick={() => setAdding(true)}>
            {t('addMember')}
          </Button>
        )}
      </header>
      <ul class="members">
        {members.data.map((one) => (
          <li key={one.account}>
            <span class="member-name" dir="auto">
              {one.name || one.account}
              {one.account === self && <small class="muted"> ({t('you')})</small>}
            </span>
            {mayWrite && one.account !== self ? (
              <>
                <Select
                  label={t('role')}
                  value={one.role}
                  onChange={(event) => void act(api.put(`${path}/${one.account}`, { role: event.currentTarget.value }))}
                >
                  {roles.map((role) => (
                    <option key={role} value={role}>
                      {t(roleNames[role])}
                    </option>
                  ))}
                </Select>
                <Hold onHold={() => void act(api.delete(`${path}/${one.account}`))}>{t('remove')}</Hold>
              </>
            ) : (
              <span class="muted">{t(roleNames[one.role])}</span>
            )}
          </li>
        ))}
      </ul>
      <Sheet title={t('addMember')} open={adding} onClose={() => setAdding(false)}>
        {adding && (
          <AddMember
            path={path}
            roles={roles}
            onDone={() => {
              setAdding(false);
              members.reload();
            }}
          />
        )}
      </Sheet>
    </Card>
  );
}

interface AddMemberProps {
  path: string;
  roles: Role[];
  onDone: () => void;
}

function AddMember({ path, roles, onDone }: AddMemberProps) {
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>(roles[1]!);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await api.put(`${path}/by-email`, { email: email.trim(), role });
      onDone();
    } catch (cause) {
      const unknown = cause instanceof ApiError && cause.code === 'no-such-person';
      setError(unknown ? t('noSuchPerson') : explain(cause));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="form" onSubmit={(event) => void submit(event)}>
      <Field
        label={t('memberEmail')}
        hint={t('memberEmailHint')}
        type="email"
        required
        dir="ltr"
        autocomplete="off"
        value={email}
        error={error}
        onInput={(event) => setEmail(event.currentTarget.value)}
      />
      <fieldset class="roles">
        <legend>{t('role')}</legend>
        {roles.map((one) => (
          <label key={one} class="check">
            <input type="radio" name="role" checked={role === one} onChange={() => setRole(one)} />
            <span>
              <strong>{t(roleNames[one])}</strong>
              <br />
              <small class="muted">{t(roleTexts[one])}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <Button kind="accent" wide type="submit" busy={busy}>
        {t('add')}
      </Button>
    </form>
  );
}
