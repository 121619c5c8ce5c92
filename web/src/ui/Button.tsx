import type { ComponentChildren, ButtonHTMLAttributes } from 'preact';
import { Icon } from './Icon';
import './button.css';

interface Props extends Omit<ButtonHTMLAttributes, 'size' | 'icon'> {
  /** accent: the one action of the view. plain: the others. quiet: no frame. bad: destroys something. */
  kind?: 'accent' | 'plain' | 'quiet' | 'bad';
  wide?: boolean;
  /** The action runs: the button stays where it is, says so, and takes no further press. */
  busy?: boolean;
  svg?: string;
  children?: ComponentChildren;
}

export function Button({ kind = 'plain', wide, busy, svg, children, class: extra, disabled, onClick, ...rest }: Props) {
  return (
    <button
      type="button"
      {...rest}
      class={`button button-${kind}${wide ? ' button-wide' : ''}${extra ? ` ${String(extra)}` : ''}`}
      disabled={disabled}
      aria-busy={busy ? 'true' : undefined}
      onClick={(event) => {
        if (!busy) onClick?.(event);
        else event.preventDefault();
      }}
    >
      {svg && <Icon svg={svg} />}
      <span class="button-label">{children}</span>
      {busy && <span class="button-busy" aria-hidden="true" />}
    </button>
  );
}

interface IconButtonProps extends Omit<ButtonHTMLAttributes, 'icon' | 'label'> {
  svg: string;
  label: string;
  mirror?: boolean;
  size?: number;
  children?: ComponentChildren;
}

/** IconButton is a round button with an icon, at least 44 px, and a name. */
export function IconButton({ svg, label, mirror, size = 22, children, class: extra, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      class={`icon-button${extra ? ` ${String(extra)}` : ''}`}
      aria-label={label}
      title={label}
    >
      <Icon svg={svg} size={size} mirror={mirror} />
      {children}
    </button>
  );
}
