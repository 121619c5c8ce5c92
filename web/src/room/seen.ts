/** A card counts as seen when at least half of it was in view for a second without a break. */
const seenPart = 0.5;
const seenMilliseconds = 1000;

/** whenSeen calls back each time that an element was really seen, until what it returns is called. */
export function whenSeen(element: Element, seen: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let visible = false;
  const look = () => {
    clearTimeout(timer);
    if (visible && document.visibilityState === 'visible') timer = setTimeout(seen, seenMilliseconds);
  };
  const observer = new IntersectionObserver(
    (entries) => {
      visible = (entries.at(-1)?.intersectionRatio ?? 0) >= seenPart;
      look();
    },
    { threshold: seenPart },
  );
  observer.observe(element);
  document.addEventListener('visibilitychange', look);
  return () => {
    clearTimeout(timer);
    observer.disconnect();
    document.removeEventListener('visibilitychange', look);
  };
}
