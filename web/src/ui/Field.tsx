import type { InputHTMLAttributes, ComponentChildren, SelectHTMLAttributes, TextareaHTMLAttributes } from 'preact';
import { useId } from 'preact/hooks';
import './field.css';

interface Shared {
  label: string;
  hint?: string;
  /** What to change. The field is marked invalid while it is set. */
  error?: string;
}

/** Field is a labelled text input with its hint and its error. */
export function Field({ label, hint, error, ...rest }: Shared & InputHTMLAttributes) {
  return (
    <Labelled label={label} hint={hint} error={error}>
      {(ids) => <input {...rest} {...ids} class="field-input" />}
    </Labelled>
  );
}

export function TextArea({ label, hint, error, ...rest }: Shared & TextareaHTMLAttributes) {
  return (
    <Labelled label={label} hint={hint} error={error}>
      {(ids) => <textarea rows={3} {...rest} {...ids} class="field-input" />}
    </Labelled>
  );
}

export function Select({
  label,
  hint,
  error,
  children,
  ...rest
}: Shared & SelectHTMLAttributes & { children?: ComponentChildren }) {
  return (
    <Labelled label={label} hint={hint} error={error}>
      {(ids) => (
        <select {...rest} {...ids} class="field-input">
          {children}
        </select>
      )}
    </Labelled>
  );
}

interface Ids {
  id: string;
  'aria-describedby': string | undefined;
  'aria-invalid': 'true' | undefined;
}

function Labelled({ label, hint, error, children }: Shared & { children: (ids: Ids) => ComponentChildren }) {
  const id = useId();
  const note = error ?? hint;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        'aria-describedby': note ? `${id}-note` : undefined,
        'aria-invalid': error ? 'true' : undefined,
      })}
      {note && (
        <p id={`${id}-note`} class={error ? 'field-note field-error' : 'field-note'} role={error ? 'alert' : undefined}>
          {note}
        </p>
      )}
    </div>
  );
}

interface ChipsProps<V extends string> {
  label: string;
  value: V | undefined;
  options: { value: V; label: string; off?: boolean; note?: string }[];
  onChange: (value: V) => void;
}

/** Chips is one choice of a few. What cannot be had is struck through, not hidden. */
export function Chips<V extends string>({ label, value, options, onChange }: ChipsProps<V>) {
  const name = useId();
  return (
    <fieldset class="chips">
      <legend>{label}</legend>
      <div class="chips-row">
        {options.map((option) => (
          <label key={option.value} class={option.off ? 'chip chip-off' : 'chip'}>
            <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
            <span>{option.label}</span>
            {option.note && <small>{option.note}</small>}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
