// Whether this device may be known again from visit to visit. Without consent the server names it anew each time.

const visitorKey = 'hawker.visitor';
const consentKey = 'hawker.consent';

export function hasConsent(): boolean {
  return read(consentKey) === 'yes';
}

export function giveConsent(given: boolean): void {
  write(consentKey, given ? 'yes' : null);
  if (!given) write(visitorKey, null);
}

export function storedVisitor(): string | undefined {
  return hasConsent() ? (read(visitorKey) ?? undefined) : undefined;
}

export function storeVisitor(visitor: string): void {
  if (hasConsent()) write(visitorKey, visitor);
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Storage may be refused; the device then stays unknown.
  }
}
