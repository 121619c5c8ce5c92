import type { ComponentChildren, HTMLAttributes } from 'preact';
import './card.css';

interface Props extends HTMLAttributes<HTMLElement> {
  children?: ComponentChildren;
}

export function Card({ children, class: extra, ...rest }: Props) {
  return (
    <section {...rest} class={extra ? `card ${String(extra)}` : 'card'}>
      {children}
    </section>
  );
}

interface NoticeProps {
  svg?: ComponentChildren;
  title: string;
  text?: string;
  /** What to do next. */
  action?: ComponentChildren;
}

/** Notice fills a place that has nothing to show: empty, broken, ended. It says what happened and what to do. */
export function Notice({ svg, title, text, action }: NoticeProps) {
  return (
    <div class="notice">
      {svg && <span class="notice-icon">{svg}</span>}
      <h2>{title}</h2>
      {text && <p>{text}</p>}
      {action}
    </div>
  );
}
