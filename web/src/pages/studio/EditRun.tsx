import { useEffect, useState } from 'preact/hooks';
import { api } from '../../api/client';
import { explain } from '../../api/errors';
import type { Product } from '../../api/types';
import { Button } from '../../ui/Button';
import { Sheet } from '../../ui/Sheet';
import { toast } from '../../ui/Toast';
import { t } from './messages';
import { Order } from './Order';

/** A bag holds at most so many products. */
const bagMost = 100;

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
    if (open) setChosen(run.slice(0, bagMost).map((product) => product.id));
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
  const footer = (
    <Button kind="accent" wide busy={busy} disabled={chosen.length === 0} onClick={() => void save()}>
      {t('saveRun')}
    </Button>
  );
  return (
    <Sheet title={t('editRun')} open={open} onClose={onClose} footer={footer}>
      <p class="small muted">{t('editRunText')}</p>
      <Order
        products={products}
        chosen={chosen}
        most={bagMost}
        heads={{ chosen: t('inRun'), rest: t('notInRun') }}
        onChange={setChosen}
      />
    </Sheet>
  );
}
