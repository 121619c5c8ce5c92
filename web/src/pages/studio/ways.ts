import type { components } from '../../api/schema';

// What is fetched for a channel, and where its broadcasts are pushed to.

export type PullSource = components['schemas']['PullSource'];
export type PushTarget = components['schemas']['PushTarget'];

const states = {
  off: 'wayOff',
  stopped: 'wayOff',
  waiting: 'wayWaiting',
  connecting: 'connecting',
  live: 'wayLive',
  retrying: 'wayRetrying',
  error: 'wayFailed',
} as const;

const reasons = {
  unreachable: 'whyUnreachable',
  address: 'whyAddress',
  credentials: 'whyCredentials',
  no_stream: 'whyNoStream',
  silent: 'whySilent',
  codec: 'whyCodec',
  malformed: 'whyMalformed',
  over: 'whyOver',
  ended: 'whyEnded',
  displaced: 'whyDisplaced',
  resting: 'whyResting',
  limits: 'whyLimits',
  busy: 'whyBusy',
  secret_key: 'whySecretKey',
  attempts_over: 'whyAttempts',
  refused: 'whyRefused',
  b_frames: 'whyBFrames',
  slow: 'whySlow',
} as const;

type StateWord = (typeof states)[keyof typeof states];
type ReasonWord = (typeof reasons)[keyof typeof reasons];

/** The word for a state; a newer server's state is at least called off. */
export function stateWord(state: string): StateWord {
  return state in states ? states[state as keyof typeof states] : 'wayOff';
}

/** The words for a reason; one that this page does not know is a connection that does not come. */
export function reasonWord(reason: string | undefined): ReasonWord | undefined {
  if (!reason) return undefined;
  return reason in reasons ? reasons[reason as keyof typeof reasons] : 'whyUnreachable';
}

/** How a state looks: the dot's level. */
export function levelOfWay(state: string): 'ok' | 'warn' | 'bad' | 'unknown' {
  if (state === 'live') return 'ok';
  if (state === 'error') return 'bad';
  return state === 'off' || state === 'stopped' ? 'unknown' : 'warn';
}
