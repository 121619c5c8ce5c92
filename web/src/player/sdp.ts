// The little that the player reads and writes of SDP itself: ICE restarts (RFC 8840 fragments) and Link headers.

/** iceFragment is what a PATCH says to restart ICE: the new credentials of an offer, without candidates. */
export function iceFragment(offer: string): string | undefined {
  const ufrag = /^a=ice-ufrag:(\S+)/m.exec(offer)?.[1];
  const pwd = /^a=ice-pwd:(\S+)/m.exec(offer)?.[1];
  const kind = /^m=(\w+) /m.exec(offer)?.[1];
  const mid = /^a=mid:(\S+)/m.exec(offer)?.[1];
  if (!ufrag || !pwd || !kind) return undefined;
  const lines = [`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${pwd}`, `m=${kind} 9 UDP/TLS/RTP/SAVPF 0`];
  if (mid !== undefined) lines.push(`a=mid:${mid}`);
  return lines.map((line) => `${line}\r\n`).join('');
}

/** withFragment is the answer that we had, with the credentials and the candidates of a fragment. */
export function withFragment(answer: string, fragment: string): string | undefined {
  const lines = fragment.split(/\r?\n/);
  const ufrag = lines.find((line) => line.startsWith('a=ice-ufrag:'));
  const pwd = lines.find((line) => line.startsWith('a=ice-pwd:'));
  if (!ufrag || !pwd) return undefined;
  const candidates = lines.filter((line) => line.startsWith('a=candidate:'));
  const out: string[] = [];
  for (const line of answer.split(/\r?\n/)) {
    if (line.startsWith('a=ice-ufrag:')) out.push(ufrag);
    else if (line.startsWith('a=ice-pwd:')) out.push(pwd);
    else if (line.startsWith('a=candidate:')) out.push(...candidates.splice(0));
    else out.push(line);
  }
  return out.join('\r\n');
}

/** links reads a Link header (RFC 8288) into addresses by relation. */
export function links(header: string | null, base: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const match of (header ?? '').matchAll(
    /<([^>]*)>((?:\s*;\s*[\w!#$&+\-.^`|~*]+\s*=\s*(?:"[^"]*"|[^",;\s]+))*)/g,
  )) {
    const rel = /;\s*rel\s*=\s*(?:"([^"]*)"|([^",;\s]+))/i.exec(match[2]!);
    if (!rel) continue;
    try {
      for (const name of (rel[1] ?? rel[2]!).split(/\s+/)) out.set(name, new URL(match[1]!, base).href);
    } catch {
      // An address that is none leads nowhere.
    }
  }
  return out;
}
