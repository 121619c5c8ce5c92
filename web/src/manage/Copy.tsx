import { useEffect, useId, useRef, useState } from 'preact/hooks';
import copyIcon from 'lucide-static/icons/copy.svg?raw';
import checkIcon from 'lucide-static/icons/check.svg?raw';
import eyeIcon from 'lucide-static/icons/eye.svg?raw';
import eyeOffIcon from 'lucide-static/icons/eye-off.svg?raw';
import { Button, IconButton } from '../ui/Button';
import { t } from './messages';
import './copy.css';

interface Props {
  label: string;
  value: string;
  /** Covered until the reader asks: the stream may show this very screen. */
  secret?: boolean;
}

/** Copy is a value to be carried elsewhere, with the button that takes it along. */
export function Copy({ label, value, secret }: Props) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [shown, setShown] = useState(!secret);
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
    } catch {
      setShown(true); // no clipboard here: select it, and the reader copies by hand
      requestAnimationFrame(() => field.current?.select());
    }
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="copy">
        <input
          id={id}
          ref={field}
          class="field-input"
          dir="ltr"
          readOnly
          {...(shown ? { type: 'text' as const } : { type: 'password' as const })}
          autocomplete="off"
          value={value}
          onFocus={(event) => event.currentTarget.select()}
        />
        {secret && (
          <IconButton
            svg={shown ? eyeOffIcon : eyeIcon}
            label={shown ? t('conceal') : t('reveal')}
            onClick={() => setShown(!shown)}
          />
        )}
        <Button svg={copied ? checkIcon : copyIcon} onClick={() => void copy()}>
          <span role="status">{copied ? t('copied') : t('copy')}</span>
        </Button>
      </div>
    </div>
  );
}
