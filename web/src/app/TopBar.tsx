import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import menuIcon from 'lucide-static/icons/menu.svg?raw';
import { account, signOut } from '../auth/auth';
import { Button, IconButton } from '../ui/Button';
import { Chips, Select } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { Sheet } from '../ui/Sheet';
import { t } from '../i18n/common';
import { language, languages, type Language } from '../i18n/language';
import radio from 'lucide-static/icons/radio.svg?raw';
import receipt from 'lucide-static/icons/receipt.svg?raw';
import clapperboard from 'lucide-static/icons/clapperboard.svg?raw';
import chart from 'lucide-static/icons/chart-no-axes-column.svg?raw';
import { Home } from './Home';
import { chooseLanguage } from './speak';
import { useStore } from './store';
import { chooseTheme, type Theme } from './theme';
import './topbar.css';

/** TopBar heads every page but the viewer's on a phone: home, the way to one's own pages, language, account. */
export function TopBar({ title, children }: { title?: string; children?: ComponentChildren }) {
  const [open, setOpen] = useState(false);
  return (
    <header class="topbar">
      <Home named={!title} />
      {title && (
        <h1 class="topbar-title user-text" dir="auto">
          {title}
        </h1>
      )}
      <div class="topbar-end">{children}</div>
      <IconButton svg={menuIcon} label={t('menu')} onClick={() => setOpen(true)} />
      <Sheet title={t('menu')} open={open} onClose={() => setOpen(false)}>
        <Menu onDone={() => setOpen(false)} />
      </Sheet>
    </header>
  );
}

function Menu({ onDone }: { onDone: () => void }) {
  const who = useStore(account);
  const speaking = useStore(language);
  const [theme, setTheme] = useState<Theme>(document.documentElement.dataset['theme'] === 'light' ? 'light' : 'dark');
  const back = encodeURIComponent(location.pathname + location.search);
  return (
    <div class="menu">
      <nav class="menu-links" onClick={onDone}>
        <MenuLink href="/" svg={radio} text={t('home')} />
        <MenuLink href="/orders" svg={receipt} text={t('orders')} />
        {(who?.memberships.length ?? 0) > 0 && (
          <>
            <MenuLink href="/studio" svg={clapperboard} text={t('studio')} />
            <MenuLink href="/seller" svg={chart} text={t('seller')} />
          </>
        )}
      </nav>
      <Select
        label={t('language')}
        value={speaking}
        onChange={(event) => void chooseLanguage(event.currentTarget.value as Language)}
      >
        {Object.entries(languages).map(([tag, name]) => (
          <option key={tag} value={tag} lang={tag}>
            {name}
          </option>
        ))}
      </Select>
      <Chips<Theme>
        label={t('theme')}
        value={theme}
        options={[
          { value: 'dark', label: t('themeDark') },
          { value: 'light', label: t('themeLight') },
        ]}
        onChange={(next) => {
          chooseTheme(next);
          setTheme(next);
        }}
      />
      {who ? (
        <div class="menu-account">
          <p class="muted small">{t('signedInAs', { name: who.name })}</p>
          <Button onClick={() => void signOut().then(onDone)}>{t('signOut')}</Button>
        </div>
      ) : (
        <a class="button button-plain" href={`/sign-in?next=${back}`} onClick={onDone}>
          {t('signIn')}
        </a>
      )}
    </div>
  );
}

function MenuLink({ href, svg, text }: { href: string; svg: string; text: string }) {
  return (
    <a href={href} aria-current={location.pathname === href ? 'page' : undefined}>
      <Icon svg={svg} /> {text}
    </a>
  );
}
