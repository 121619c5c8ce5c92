import { useState } from 'preact/hooks';
import creditCard from 'lucide-static/icons/credit-card.svg?raw';
import mapPin from 'lucide-static/icons/map-pin.svg?raw';
import { useStore } from '../app/store';
import { account } from '../auth/auth';
import { t as common } from '../i18n/common';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { t } from './messages';
import { ownCountry } from './countries';
import { AddressForm, SandboxForm } from './PayForms';
import { addAddress, addInstrument, describe, oneLine, wallet, type AddressInput, type SandboxToken } from './wallet';

export interface PayDetailsState {
  /** save stores what is new and names what the order needs. */
  save: () => Promise<{ instrument: string; shipTo: string | undefined }>;
  change: (what: 'payment' | 'address') => void;
  needsAddress: boolean;
  view: View;
}

type Choice = { saved: string } | 'new' | undefined;

interface View {
  payment: Choice;
  address: Choice;
  open: 'payment' | 'address' | undefined;
  token: SandboxToken;
  input: AddressInput;
  set: (change: Partial<Omit<View, 'set'>>) => void;
}

/** usePayDetails keeps how to pay and where to deliver: the last saved ones until the buyer changes them. */
export function usePayDetails(needsAddress: boolean): PayDetailsState {
  const saved = useStore(wallet);
  const who = useStore(account);
  const [state, setState] = useState<Omit<View, 'set'>>({
    payment: undefined,
    address: undefined,
    open: undefined,
    token: 'sandbox_approved',
    input: { name: '', line1: '', line2: '', city: '', zip: '', country: ownCountry() },
  });
  const set = (change: Partial<Omit<View, 'set'>>) => setState((was) => ({ ...was, ...change }));
  const payment = state.payment ?? first(saved?.instruments);
  const address = state.address ?? first(saved?.addresses);
  const input = state.input.name === '' && who ? { ...state.input, name: who.name } : state.input;

  const save = async () => {
    let instrument: string;
    if (payment === 'new' || payment === undefined) {
      instrument = (await addInstrument(state.token)).id;
      set({ payment: { saved: instrument }, open: undefined });
    } else instrument = payment.saved;
    let shipTo: string | undefined;
    if (needsAddress) {
      if (address === 'new' || address === undefined) {
        shipTo = (await addAddress(input)).id;
        set({ address: { saved: shipTo }, open: undefined });
      } else shipTo = address.saved;
    }
    return { instrument, shipTo };
  };

  return {
    save,
    needsAddress,
    change: (open) => set({ open }),
    view: { ...state, payment, address, input, set },
  };
}

function first(list: { id: string }[] | undefined): Choice {
  return list?.[0] ? { saved: list[0].id } : 'new';
}

/** PayDetails shows each in one line with "change"; what is not there yet is a form. */
export function PayDetails({ details: { view, needsAddress } }: { details: PayDetailsState }) {
  const saved = useStore(wallet) ?? { instruments: [], addresses: [] };
  return (
    <div class="pay-details">
      <Part
        svg={creditCard}
        label={t('payWith')}
        addLabel={t('addPayment')}
        choice={view.payment}
        options={saved.instruments.map((one) => ({ id: one.id, text: describe(one) }))}
        open={view.open === 'payment'}
        onOpen={() => view.set({ open: 'payment' })}
        onChoose={(payment) => view.set({ payment, open: payment === 'new' ? 'payment' : undefined })}
      >
        <SandboxForm value={view.token} onChange={(token) => view.set({ token })} />
      </Part>
      {needsAddress && (
        <Part
          svg={mapPin}
          label={t('deliverTo')}
          addLabel={t('addAddress')}
          choice={view.address}
          options={saved.addresses.map((one) => ({ id: one.id, text: oneLine(one) }))}
          open={view.open === 'address'}
          onOpen={() => view.set({ open: 'address' })}
          onChoose={(address) => view.set({ address, open: address === 'new' ? 'address' : undefined })}
        >
          <AddressForm value={view.input} onChange={(input) => view.set({ input })} />
        </Part>
      )}
    </div>
  );
}

interface PartProps {
  svg: string;
  label: string;
  addLabel: string;
  choice: Choice;
  options: { id: string; text: string }[];
  open: boolean;
  onOpen: () => void;
  onChoose: (choice: Choice) => void;
  children: preact.ComponentChildren;
}

function Part({ svg, label, addLabel, choice, options, open, onOpen, onChoose, children }: PartProps) {
  const chosen = typeof choice === 'object' ? options.find((one) => one.id === choice.saved) : undefined;
  if (chosen && !open) {
    return (
      <div class="pay-line">
        <Icon svg={svg} />
        <span class="visually-hidden">{label}</span>
        <bdi class="pay-line-text">{chosen.text}</bdi>
        <Button kind="quiet" onClick={onOpen} aria-label={`${common('change')}: ${label}`}>
          {common('change')}
        </Button>
      </div>
    );
  }
  return (
    <fieldset class="pay-part">
      <legend>{label}</legend>
      {options.map((one) => (
        <label key={one.id} class="pay-option">
          <input
            type="radio"
            name={label}
            checked={chosen?.id === one.id}
            onClick={() => onChoose({ saved: one.id })}
          />
          <bdi>{one.text}</bdi>
        </label>
      ))}
      {options.length > 0 && (
        <label class="pay-option">
          <input type="radio" name={label} checked={choice === 'new'} onClick={() => onChoose('new')} />
          {addLabel}
        </label>
      )}
      {(choice === 'new' || !chosen) && children}
    </fieldset>
  );
}
