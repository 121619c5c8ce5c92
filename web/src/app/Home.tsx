import { t } from '../i18n/common';
import iconURL from './icon.svg?url';
import './home.css';

/** Home is the mark that leads to the list of live shows. */
export function Home({ named }: { named: boolean }) {
  return (
    <a class="home" href="/" aria-label={`Hawker: ${t('home')}`}>
      <img src={iconURL} alt="" width={32} height={32} />
      {named && <span>Hawker</span>}
    </a>
  );
}
