// Captions of whatever plays in a video element: a broadcast's subtitle renditions, over HLS.

function tracks(video: HTMLVideoElement): TextTrack[] {
  return Array.from(video.textTracks).filter((track) => track.kind === 'captions' || track.kind === 'subtitles');
}

/** captionTracks are the captions that there are. */
export function captionTracks(video: HTMLVideoElement): readonly TextTrack[] {
  return tracks(video);
}

/** chooseCaptions shows the one at a place among them, and none for -1. */
export function chooseCaptions(video: HTMLVideoElement, place: number): void {
  tracks(video).forEach((track, n) => (track.mode = n === place ? 'showing' : 'disabled'));
}

/** raiseCaptions lifts what is said so many lines above the bottom, where its file does not say where it stands. */
export function raiseCaptions(video: HTMLVideoElement, lines: number): () => void {
  const lift = (event: Event) => {
    for (const cue of Array.from((event.target as TextTrack).activeCues ?? [])) {
      if (cue instanceof VTTCue && cue.line === 'auto') cue.line = -lines;
    }
  };
  const follow = () => tracks(video).forEach((track) => track.addEventListener('cuechange', lift));
  video.textTracks.addEventListener('addtrack', follow);
  follow();
  return () => {
    video.textTracks.removeEventListener('addtrack', follow);
    tracks(video).forEach((track) => track.removeEventListener('cuechange', lift));
  };
}

/** captionsShown tells whether captions are shown; undefined: there are none. */
export function captionsShown(video: HTMLVideoElement): boolean | undefined {
  const found = tracks(video);
  return found.length === 0 ? undefined : found.some((track) => track.mode === 'showing');
}

/** showCaptions shows those in the page's language, or the first; or none. */
export function showCaptions(video: HTMLVideoElement, shown: boolean): void {
  const found = tracks(video);
  const speaking = document.documentElement.lang.slice(0, 2);
  const chosen = found.find((track) => track.language.startsWith(speaking)) ?? found[0];
  for (const track of found) track.mode = shown && track === chosen ? 'showing' : 'disabled';
}

/** onCaptions tells of captions that come, go or are switched, until what it returns is called. */
export function onCaptions(video: HTMLVideoElement, listener: (shown: boolean | undefined) => void): () => void {
  const tell = () => listener(captionsShown(video));
  const kinds = ['addtrack', 'removetrack', 'change'];
  for (const kind of kinds) video.textTracks.addEventListener(kind, tell);
  tell();
  return () => kinds.forEach((kind) => video.textTracks.removeEventListener(kind, tell));
}
