import { render } from 'preact';
import './tokens.css';
import './base.css';
import { App } from './app/App';
import { startRouter } from './app/router';
import { speak } from './app/speak';
import { loadAccount } from './auth/auth';
import { common } from './i18n/common';
import { detectLanguage } from './i18n/language';

async function start(): Promise<void> {
  const chosen = detectLanguage();
  loadAccount().catch(() => {
    // Nobody can be told yet; each page asks again when it needs to know.
  });
  await common.load(chosen).catch(() => undefined);
  await speak(chosen).catch(() => undefined);
  startRouter();
  render(<App />, document.getElementById('app')!);
}

void start();
