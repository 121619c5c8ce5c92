import './icon.css';

interface Props {
  /** Text of a lucide file: `import heart from 'lucide-static/icons/heart.svg?raw'`. */
  svg: string;
  size?: number;
  /** Icons that point along the line of text turn round where it runs right to left. */
  mirror?: boolean;
  /** Names the icon for those who do not see it. Without it the icon is decoration beside a word. */
  label?: string;
}

/** Icon shows one outlined icon of the set. The text comes from our own build, never from users. */
export function Icon({ svg, size = 20, mirror, label }: Props) {
  return (
    <span
      class={mirror ? 'icon icon-mirror' : 'icon'}
      style={{ inlineSize: `${size}px`, blockSize: `${size}px` }}
      role={label ? 'img' : undefined}
      aria-label={label}
      aria-hidden={label ? undefined : 'true'}
      dangerouslySetInnerHTML={{ __html: svg }}
    />
  );
}
