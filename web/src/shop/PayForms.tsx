import { useMemo } from 'preact/hooks';
import { Chips, Field, Select } from '../ui/Field';
import { t } from './messages';
import { countries } from './countries';
import type { AddressInput, SandboxToken } from './wallet';

/** SandboxForm chooses a test instrument by the answer that the bank shall give. */
export function SandboxForm({ value, onChange }: { value: SandboxToken; onChange: (token: SandboxToken) => void }) {
  return (
    <div class="pay-form">
      <Chips<SandboxToken>
        label={t('testPayment')}
        value={value}
        onChange={onChange}
        options={[
          { value: 'sandbox_approved', label: t('sandboxApproved') },
          { value: 'sandbox_declined', label: t('sandboxDeclined') },
          { value: 'sandbox_requires_action', label: t('sandboxAction') },
          { value: 'sandbox_slow', label: t('sandboxSlow') },
          { value: 'sandbox_late', label: t('sandboxLate') },
        ]}
      />
      <p class="muted small">{t('testPaymentNote')}</p>
    </div>
  );
}

interface AddressProps {
  value: AddressInput;
  onChange: (value: AddressInput) => void;
}

export function AddressForm({ value, onChange }: AddressProps) {
  const list = useMemo(() => countries(), []);
  const set = (key: keyof AddressInput) => (event: { currentTarget: HTMLInputElement | HTMLSelectElement }) =>
    onChange({ ...value, [key]: event.currentTarget.value });
  const text = (key: keyof AddressInput, label: string, autocomplete: string, required = true) => (
    <Field
      label={label}
      name={key}
      autocomplete={autocomplete as 'name'}
      required={required}
      maxLength={200}
      value={value[key] ?? ''}
      onInput={set(key)}
    />
  );
  return (
    <div class="pay-form">
      {text('name', t('addressName'), 'shipping name')}
      {text('line1', t('addressLine1'), 'shipping address-line1')}
      {text('line2', t('addressLine2'), 'shipping address-line2', false)}
      <div class="pay-form-row">
        {text('zip', t('addressZip'), 'shipping postal-code')}
        {text('city', t('addressCity'), 'shipping address-level2')}
      </div>
      <Select
        label={t('addressCountry')}
        name="country"
        autocomplete="shipping country"
        required
        value={value.country}
        onChange={set('country')}
      >
        <option value="" />
        {list.map(({ code, name }) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </Select>
    </div>
  );
}
