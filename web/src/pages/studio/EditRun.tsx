import { useEffect, useState } from 'preact/hooks';
import downIcon from 'lucide-static/icons/arrow-down.svg?raw';
import upIcon from 'lucide-static/icons/arrow-up.svg?raw';
import plusIcon from 'lucide-static/icons/plus.svg?raw';
import minusIcon from 'lucide-static/icons/minus.svg?raw';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import type { Product } from '../../api/types';
import { Button, IconButton } from '../../ui/Button';
import { Sheet } from '../../ui/Sheet';
import { toast } from '../../ui/Toast';
import { t } from './messages';
import { moved } from './room';
import { Picture } from './Rundown';

interface Props {
  open: boolean;
  broadcast: string;
  products: Product[];
  run: Product[];
  onClose: () => void;
  onSaved: (bag: string[]) => void;
}

/** EditRun says what is shown in this broadcast and in which order. */
export function EditRun({ open, broadcast, products, run, onClose, onSaved }: Props) {
  const [chosen, setChosen] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (open) setChosen(run.map((product) => product.id));
  }, [open]);
  const save = async () => {
    setBusy(true);
    try {
      await api.put(`/v1/broadcasts/${broadcast}/bag`, { products: chosen });
      onSaved(chosen);
      onClose();
    } catch (error) {
      toast(explain(error), 'bad');
    } finally {
      setBusy(false);
    }
  };
  const inRun = chosen.flatMap((id) => products.find((product) => product.id === id) ?? []);
  const rest = products.filter((product) => product.state === 'active' && !chosen.includes(product.id));
  const footer = (
    <Button kind="accent" wide busy={busy} disabled={chosen.length === 0} onClick={() => void save()}>
      {t('saveRun')}
    </Button>
  );
  return (
    <Sheet title={t('editRun')} open={open} onClose={onClose} footer={footer}>
      <p class="small muted">{t('editRunText')}</p>
      <h3 class="edit-run-head">{t('inRun')}</h3>
      <ol class="edit-run">
        {inRun.map((product, at) => (
          <li key={product.id}>
            <Picture product={product} size={40} />
            <span dir="auto">{product.title}</span>
            <IconButton
              svg={upIcon}
              label={t('moveUp', { title: product.title })}
              disabled={at === 0}
              onClick={() => setChosen(moved(chosen, at, at - 1))}
            />
            <IconButton
              svg={downIcon}
              label={t('moveDown', { title: product.title })}
              disabled={at === inRun.length - 1}
              onClick={() => setChosen(moved(chosen, at, at + 1))}
            />
            <IconButton
              svg={minusIcon}
              label={t('takeFromRun', { title: product.title })}
              onClick={() => setChosen(chosen.filter((id) => id !== product.id))}
            />
          </li>
        ))}
      </ol>
      {rest.length > 0 && <h3 class="edit-run-head">{t('notInRun')}</h3>}
      <ul class="edit-run">
        {rest.map((product) => (
          <li key={product.id}>
            <Picture product={product} size={40} />
            <span dir="auto">{product.title}</span>
            <IconButton
              svg={plusIcon}
              label={t('addToRun', { title: product.title })}
              onClick={() => setChosen([...chosen, product.id])}
            />
          </li>
        ))}
      </ul>
    </Sheet>
  );
}
