import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from './messages';

/** Below this for as long, the creator is told that nothing arrives. */
const silenceLevel = 0.004;
const silenceMilliseconds = 5000;

/** Meter shows how loud the microphone is. The bar is drawn past the page's own rendering: it moves 60 times a second. */
export function Meter({ stream, on }: { stream: MediaStream; on: boolean }) {
  const bar = useRef<HTMLSpanElement>(null);
  const [silent, setSilent] = useState(false);
  useEffect(() => {
    const track = stream.getAudioTracks()[0];
    if (!track) return;
    const context = new AudioContext();
    void context.resume(); // made after an answer, not inside a press, it may begin asleep
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let frame = 0;
    let heardAt = performance.now();
    const draw = (now: number) => {
      analyser.getFloatTimeDomainData(samples);
      const level = loudness(samples);
      if (level > silenceLevel) heardAt = now;
      setSilent(now - heardAt > silenceMilliseconds);
      if (bar.current) bar.current.style.transform = `scaleX(${meterPosition(level)})`;
      frame = requestAnimationFrame(draw);
    };
    frame = requestAnimationFrame(draw);
    return () => {
      cancelAnimationFrame(frame);
      void context.close();
    };
  }, [stream, on]);
  return (
    <div class="meter">
      <span class="meter-track" role="img" aria-label={t('micLevel')}>
        <span class="meter-bar" ref={bar} />
      </span>
      {on && silent && (
        <span class="small meter-silent" role="status">
          {t('micSilent')}
        </span>
      )}
    </div>
  );
}

/** loudness is the root of the mean square of the samples. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / Math.max(1, samples.length));
}

/** meterPosition puts -60 dB at 0 and full scale at 1, as ears would. */
export function meterPosition(level: number): number {
  if (level <= 0) return 0;
  return Math.min(1, Math.max(0, (20 * Math.log10(level) + 60) / 60));
}
