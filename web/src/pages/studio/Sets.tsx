import { useState } from 'preact/hooks';
import copyIcon from 'lucide-static/icons/copy.svg?raw';
import layersIcon from 'lucide-static/icons/layers.svg?raw';
import pencilIcon from 'lucide-static/icons/pencil.svg?raw';
import pinIcon from 'lucide-static/icons/pin.svg?raw';
import pinOffIcon from 'lucide-static/icons/pin-off.svg?raw';
import shoppingBag from 'lucide-static/icons/shopping-bag.svg?raw';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import { useLoad } from '../../api/load';
import type { Page, Product, ProductCard, ProductSet } from '../../api/types';
import { Button, IconButton } from '../../ui/Button';
import { Field } from '../../ui/Field';
import { Sheet } from '../../ui/Sheet';
import { toast } from '../../ui/Toast';
import { t } from './messages';
import { Order } from './Order';
import { Picture } from './Rundown';
import type { Pins } from './usePins';

/** What a set may hold. */
const setMost = 100;

interface Props {
  broadcast: { id: string; channel: string };
  products: Product[];
  pins: Pins;
  onAir: boolean;
  onBag: (bag: string[]) => void;
}

/** Sets are the channel's saved lists of products: each is pinned, or put into the bag, with one tap. */
export function Sets({ broadcast, products, pins, onAir, onBag }: Props) {
  const path = `/v1/channels/${broadcast.channel}/sets`;
  const { data, reload } = useLoad((signal) => api.get<Page<ProductSet>>(path, undefined, signal), [path]);
  const [editing, setEditing] = useState<Partial<ProductSet>>();
  const sets = data?.items ?? [];
  const add = async (set: ProductSet) => {
    try {
      const { bag } = await api.put<{ bag: ProductCard[] }>(`/v1/broadcasts/${broadcast.id}/bag/sets/${set.id}`);
      onBag(bag.map((card) => card.id));
      toast(t('setAdded', { name: set.name }));
    } catch (error) {
      toast(explain(error), 'bad');
    }
  };
  return (
    <section class="deals" aria-label={t('sets')} data-sets>
      <header class="rundown-head">
        <h2>{t('sets')}</h2>
        <Button kind="quiet" svg={layersIcon} disabled={products.length === 0} onClick={() => setEditing({})}>
          {t('setNew')}
        </Button>
      </header>
      {data && sets.length === 0 && <p class="small muted">{t('setsNone')}</p>}
      <ul class="deals-list">
        {sets.map((set) => {
          const on = pins.sets.includes(set.id);
          return (
            <li key={set.id} class="deals-row sets-row" data-set={set.id} data-on={on}>
              <span class="sets-what">
                <Pictures products={set.products.flatMap((id) => products.find((one) => one.id === id) ?? [])} />
                <span class="rundown-text">
                  <span class="rundown-title" dir="auto">
                    {set.name}
                  </span>
                  <span class="small muted">{t('setCount', { count: set.products.length })}</span>
                </span>
              </span>
              <span class="sets-acts">
                <IconButton svg={shoppingBag} label={t('setToBag', { name: set.name })} onClick={() => void add(set)} />
                <IconButton
                  svg={copyIcon}
                  label={t('setCopy', { name: set.name })}
                  onClick={() => setEditing({ name: t('setCopied', { name: set.name }), products: set.products })}
                />
                <IconButton svg={pencilIcon} label={t('setEdit', { name: set.name })} onClick={() => setEditing(set)} />
                <Button
                  svg={on ? pinOffIcon : pinIcon}
                  disabled={!onAir || (!on && pins.full)}
                  busy={pins.busy === set.id}
                  aria-label={on ? t('unpinNamed', { title: set.name }) : t('pinNamed', { title: set.name })}
                  onClick={() => void (on ? pins.unpinSet(set) : pins.pinSet(set))}
                >
                  {on ? t('unpin') : t('pin')}
                </Button>
              </span>
            </li>
          );
        })}
      </ul>
      <Editor
        path={path}
        set={editing}
        products={products}
        onClose={() => setEditing(undefined)}
        onSaved={() => {
          setEditing(undefined);
          reload();
        }}
      />
    </section>
  );
}

/** Pictures are the first few of a set's, one over the other. */
function Pictures({ products }: { products: readonly Product[] }) {
  return (
    <span class="set-pictures" aria-hidden="true">
      {products.slice(0, 3).map((product) => (
        <Picture key={product.id} product={product} size={40} />
      ))}
    </span>
  );
}

interface EditorProps {
  path: string;
  /** undefined: closed; without an id a new one. */
  set: Partial<ProductSet> | undefined;
  products: Product[];
  onClose: () => void;
  onSaved: () => void;
}

function Editor({ path, set, products, onClose, onSaved }: EditorProps) {
  return (
    <Sheet title={set?.id ? t('setEditTitle') : t('setNew')} open={set !== undefined} onClose={onClose}>
      {set && <Form key={set.id ?? ''} path={path} set={set} products={products} onSaved={onSaved} />}
    </Sheet>
  );
}

function Form({ path, set, products, onSaved }: Omit<EditorProps, 'onClose'> & { set: Partial<ProductSet> }) {
  const [name, setName] = useState(set.name ?? '');
  const [chosen, setChosen] = useState<string[]>(set.products ?? []);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const act = async (what: () => Promise<unknown>) => {
    setBusy(true);
    setError('');
    try {
      await what();
      onSaved();
    } catch (cause) {
      setError(explain(cause));
    } finally {
      setBusy(false);
    }
  };
  const save = () => {
    const body = { name, products: chosen.filter((id) => products.some((product) => product.id === id)) };
    return set.id ? api.put(`${path}/${set.id}`, body) : api.post(path, body);
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void act(save);
      }}
    >
      <Field
        label={t('setName')}
        required
        maxLength={80}
        dir="auto"
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <div>
        <Order
          products={products}
          chosen={chosen}
          most={setMost}
          heads={{ chosen: t('inSet'), rest: t('notInSet') }}
          onChange={setChosen}
        />
      </div>
      {error && (
        <p class="form-error" role="alert">
          {error}
        </p>
      )}
      <Button kind="accent" wide type="submit" busy={busy} disabled={!name.trim() || chosen.length === 0}>
        {t('setSave')}
      </Button>
      {set.id && (
        <Button kind="bad" wide busy={busy} onClick={() => void act(() => api.delete(`${path}/${set.id}`))}>
          {t('setForget')}
        </Button>
      )}
    </form>
  );
}
