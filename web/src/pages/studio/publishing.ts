import { api, ApiError } from '../../api/client';

// Where one publishes, and what opens the door.

export interface Ingest {
  /** Absent where the installation takes no RTMP. */
  rtmp?: { server: string };
  /** The others are absent where they are not spoken. */
  rtmps?: { server: string };
  srt?: { url: string };
  rtsp?: { url: string };
  whip: { url: string };
}

export const whereToPublish = (signal?: AbortSignal) => api.get<Ingest>('/v1/ingest', undefined, signal);

/** publishToken opens the channel for a few minutes, and leaves the stream key to the encoder that has it. */
export async function publishToken(channel: string): Promise<string> {
  return (await api.post<{ token: string }>(`/v1/channels/${channel}/publish-token`)).token;
}

/** drawKey returns server and key as a QR code, an SVG. It is drawn by the server, and kept by nobody. */
export async function drawKey(channel: string, key: string): Promise<Blob> {
  const response = await fetch(`/v1/channels/${channel}/stream-key/qr`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ stream_key: key }),
  }).catch(() => undefined);
  if (!response?.ok) throw new ApiError(response?.status ?? 0, undefined, undefined);
  return response.blob();
}
