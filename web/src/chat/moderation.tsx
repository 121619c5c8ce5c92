import { api } from '../api/client';
import { explain } from '../api/errors';
import { Button } from '../ui/Button';
import { toast } from '../ui/Toast';
import { t } from './messages';
import type { Line } from './types';

/** act does something as a moderator, and says what went wrong. */
export async function act(what: () => Promise<unknown>): Promise<boolean> {
  try {
    await what();
    return true;
  } catch (error) {
    toast(explain(error), 'bad');
    return false;
  }
}

/** moderatorActions are what the channel's people may do with a line, wherever they read it. */
export function moderatorActions(broadcast: string, channel: string) {
  return (line: Line, done: () => void) => {
    const silence = (kind: 'mute' | 'ban', more: object) =>
      api.post(`/v1/channels/${channel}/silences`, { broadcast, message: line.id, kind, ...more });
    const choices: [string, 'plain' | 'bad', () => Promise<unknown>][] = [
      [t('pin'), 'plain', () => api.put(`/v1/broadcasts/${broadcast}/chat/pinned`, { message: line.id })],
      [t('delete'), 'bad', () => api.delete(`/v1/broadcasts/${broadcast}/chat/messages/${line.id}`)],
      [t('mute'), 'bad', () => silence('mute', { seconds: 600 })],
      [t('ban'), 'bad', () => silence('ban', { remove: true })],
      [t('banAddress'), 'bad', () => silence('ban', { remove: true, address: true })],
    ];
    return (
      <>
        {choices.map(([label, kind, what]) => (
          <Button key={label} kind={kind} onClick={() => void act(what).then((ok) => ok && done())}>
            {label}
          </Button>
        ))}
      </>
    );
  };
}
