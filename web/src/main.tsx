import { render } from 'preact';
import './tokens.css';
import './base.css';
import { App } from './app/App';
import { match, startRouter } from './app/router';
import { routes } from './app/routes';
import { speak } from './app/speak';
import { loadAccount } from './auth/auth';
import { common } from './i18n/common';
import { detectLanguage } from './i18n/language';

async function start(): Promise<void> {
  const chosen = detectLanguage();
  loadAccount().catch(() => {
    // Nobody can be told yet; each page asks again when it needs to know.
  });
  // The page's own code comes while its texts come.
  match(routes, location.pathname)
    ?.route.load()
    .catch(() => undefined);
  await common.load(chosen).catch(() => undefined);
  await speak(chosen).catch(() => undefined);
  startRouter();
  render(<App />, document.getElementById('app')!);
}

void start();
