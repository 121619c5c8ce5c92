import { createStore } from '../../app/store';
import { Publisher, type PublishFailure, type PublishFigures, type PublishState } from './whip';
import { keepAwake } from './awake';
import { publishToken } from './publishing';

// The camera and microphone of this device, and what goes on air from them. It outlives the page that shows it: a
// creator who looks something up in the shop stays on air.

export type CameraProblem = 'denied' | 'none' | 'taken' | 'insecure';

export interface Camera {
  phase: 'off' | 'asking' | 'on' | 'problem';
  problem?: CameraProblem;
  stream?: MediaStream;
  facing: 'user' | 'environment';
  cameras: MediaDeviceInfo[];
  microphones: MediaDeviceInfo[];
  micOn: boolean;
  /** The system took the camera away. */
  paused: boolean;
  /** The channel that it goes on air at. */
  channel?: string;
  publish: PublishState;
  failure?: PublishFailure;
  figures?: PublishFigures;
}

const off: Camera = {
  phase: 'off',
  facing: 'user',
  cameras: [],
  microphones: [],
  micOn: true,
  paused: false,
  publish: 'idle',
};

export const camera = createStore<Camera>(off);

let publisher: Publisher | undefined;
let letSleep: (() => void) | undefined;

function update(change: Partial<Camera>): void {
  camera.set({ ...camera.get(), ...change });
}

export function sending(state: PublishState): boolean {
  return state === 'connecting' || state === 'live' || state === 'reconnecting';
}

export async function turnOn(): Promise<void> {
  if (!window.isSecureContext || !navigator.mediaDevices) {
    update({ phase: 'problem', problem: 'insecure' });
    return;
  }
  update({ phase: 'asking', problem: undefined });
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      video: videoWish({ facingMode: camera.get().facing }),
      audio: audioWish(),
    });
    watch(stream);
    update({ phase: 'on', stream, paused: false, micOn: true });
    await listDevices();
  } catch (error) {
    update({ phase: 'problem', problem: problemOf(error) });
  }
}

export function turnOff(): void {
  for (const track of camera.get().stream?.getTracks() ?? []) track.stop();
  camera.set({ ...off, facing: camera.get().facing });
}

/** flip goes from the camera at the front to the one at the back. */
export async function flip(): Promise<void> {
  const facing = camera.get().facing === 'user' ? 'environment' : 'user';
  await exchange('video', { video: videoWish({ facingMode: { ideal: facing } }) });
  update({ facing });
}

export function chooseCamera(device: string): Promise<void> {
  return exchange('video', { video: videoWish({ deviceId: { exact: device } }) });
}

export function chooseMicrophone(device: string): Promise<void> {
  return exchange('audio', { audio: { ...audioWish(), deviceId: { exact: device } } });
}

/** resume takes the camera again after the system took it away. */
export async function resume(): Promise<void> {
  await exchange('video', { video: videoWish({ facingMode: camera.get().facing }) });
  await exchange('audio', { audio: audioWish() });
  if (camera.get().stream?.active) update({ paused: false });
}

export function toggleMic(): void {
  const micOn = !camera.get().micOn;
  for (const track of camera.get().stream?.getAudioTracks() ?? []) track.enabled = micOn;
  update({ micOn });
}

export function goLive(channel: string): void {
  const { stream } = camera.get();
  if (!stream || publisher) return;
  publisher = new Publisher({
    endpoint: '/whip',
    token: () => publishToken(channel),
    stream,
    onState: (publish, failure) => {
      update({ publish, failure });
      if (publish === 'failed') release();
    },
    onFigures: (figures) => update({ figures }),
  });
  update({ channel, failure: undefined, figures: undefined });
  addEventListener('beforeunload', warn);
  letSleep = keepAwake();
  publisher.start();
}

export async function stopSending(): Promise<void> {
  const was = publisher;
  release();
  await was?.stop();
  update({ publish: 'idle', channel: undefined, figures: undefined });
}

function release(): void {
  publisher = undefined;
  removeEventListener('beforeunload', warn);
  letSleep?.();
  letSleep = undefined;
}

function warn(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

async function exchange(kind: 'video' | 'audio', wish: MediaStreamConstraints): Promise<void> {
  const { stream } = camera.get();
  if (!stream) return;
  const old = stream.getTracks().find((track) => track.kind === kind);
  // Phones give one camera at a time: the old one must be let go first.
  old?.stop();
  try {
    const fresh = await navigator.mediaDevices.getUserMedia(wish);
    const track = fresh.getTracks()[0]!;
    if (old) stream.removeTrack(old);
    if (kind === 'audio') track.enabled = camera.get().micOn;
    stream.addTrack(track);
    watch(stream);
    await publisher?.replace(track);
    update({ problem: undefined, paused: false });
    await listDevices();
  } catch (error) {
    update({ paused: true, problem: problemOf(error) });
  }
}

function watch(stream: MediaStream): void {
  for (const track of stream.getTracks()) {
    track.onended = () => update({ paused: true });
    track.onmute = () => track.kind === 'video' && update({ paused: true });
    track.onunmute = () => track.kind === 'video' && update({ paused: false });
  }
}

async function listDevices(): Promise<void> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  update({
    cameras: devices.filter((one) => one.kind === 'videoinput'),
    microphones: devices.filter((one) => one.kind === 'audioinput'),
  });
}

/** A phone's picture: upright, 720 by 1280. A camera that lies stays as it is. */
function videoWish(which: MediaTrackConstraints): MediaTrackConstraints {
  const upright = window.innerHeight > window.innerWidth;
  return {
    ...which,
    width: { ideal: upright ? 720 : 1280 },
    height: { ideal: upright ? 1280 : 720 },
    frameRate: { ideal: 30, max: 30 },
  };
}

function audioWish(): MediaTrackConstraints {
  return { echoCancellation: true, noiseSuppression: true, autoGainControl: true, sampleRate: 48000 };
}

/** problemOf names what getUserMedia threw. */
export function problemOf(error: unknown): CameraProblem {
  switch ((error as { name?: string } | undefined)?.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotReadableError':
    case 'AbortError':
      return 'taken';
    default:
      return 'none';
  }
}
