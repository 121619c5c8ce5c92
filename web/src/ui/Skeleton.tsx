import './skeleton.css';

/** Skeleton stands in the final shape of what is loading. It shows itself after 200 ms, so that fast answers do not flash. */
export function Skeleton({ width = '100%', height = '1em' }: { width?: string; height?: string }) {
  return <span class="skeleton" style={{ inlineSize: width, blockSize: height }} aria-hidden="true" />;
}
