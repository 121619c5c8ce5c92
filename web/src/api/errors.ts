import { ApiError } from './client';
import { t } from '../i18n/common';

/** explain says in the reader's language what went wrong and what to do. Pages handle their own codes before. */
export function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return t('errorServer');
  if (error.status === 0) return t('errorNetwork');
  switch (error.code) {
    case 'bad-credentials':
      return t('errorCredentials');
    case 'weak-password':
      return t('errorPassword');
    case 'bad-email':
      return t('errorEmail');
    case 'bad-address':
    case 'bad-country':
      return t('errorAddress');
  }
  if (error.status === 401) return t('errorSignInFirst');
  if (error.status === 403) return t('errorForbidden');
  if (error.status === 429 || error.status === 503) return t('errorBusy');
  if (error.status >= 500) return t('errorServer');
  return error.message;
}
