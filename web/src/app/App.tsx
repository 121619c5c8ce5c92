import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Button } from '../ui/Button';
import { Notice } from '../ui/Card';
import { Toasts } from '../ui/Toast';
import { t } from '../i18n/common';
import { language } from '../i18n/language';
import { match, place, type PathParams } from './router';
import { routes } from './routes';
import { useStore } from './store';
import { applyTheme } from './theme';

interface Shown {
  Page: ComponentType<{ params: PathParams }>;
  params: PathParams;
  path: string;
}

/** App shows the page of the address. The page before stays until the next one is there: nothing flashes. */
export function App() {
  const path = useStore(place).split('?')[0]!;
  useStore(language); // another language renders the page again, it does not start it again: video plays on
  const [shown, setShown] = useState<Shown>();
  const [failed, setFailed] = useState(false);
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    const found = match(routes, path);
    if (!found) {
      setShown(undefined);
      return;
    }
    let current = true;
    setFailed(false);
    found.route.load().then(
      async (module) => {
        await module.messages?.load(language.get());
        if (!current) return;
        applyTheme(found.route.theme ?? 'dark');
        setShown({ Page: module.default, params: found.params, path: found.route.path });
      },
      () => current && setFailed(true),
    );
    return () => {
      current = false;
    };
  }, [path, turn]);

  let page;
  if (failed) {
    const again = <Button onClick={() => setTurn((n) => n + 1)}>{t('retry')}</Button>;
    page = <Notice title={t('broken')} text={t('brokenText')} action={again} />;
  } else if (!match(routes, path)) {
    const home = (
      <a class="button button-accent" href="/">
        {t('seeLive')}
      </a>
    );
    page = <Notice title={t('notFound')} text={t('notFoundText')} action={home} />;
  } else if (shown) {
    // What follows a "*" is the page's own business: it is told, not started again.
    const { rest, ...own } = shown.params;
    page = <shown.Page key={`${shown.path} ${JSON.stringify(own)}`} params={{ ...own, ...(rest && { rest }) }} />;
  }
  return (
    <>
      {page}
      <Toasts />
    </>
  );
}
