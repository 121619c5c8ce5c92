import { describe, expect, it } from 'vitest';
import { iceFragment, links, withFragment } from './sdp';

const answer = [
  'v=0',
  'a=ice-ufrag:old1',
  'a=ice-pwd:oldoldoldoldoldoldoldold',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'a=mid:0',
  'a=candidate:1 1 udp 2130706431 127.0.0.1 8189 typ host',
  'a=candidate:2 1 tcp 1671430143 127.0.0.1 8189 typ host tcptype passive',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  '',
].join('\r\n');

describe('ICE restarts', () => {
  it('name the new credentials and the first line, and no candidates', () => {
    const offer =
      'v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:ab12\r\na=ice-pwd:secretsecretsecretsecret\r\na=mid:7\r\na=candidate:1 1 udp 1 x.local 5 typ host\r\n';
    expect(iceFragment(offer)).toBe(
      'a=ice-ufrag:ab12\r\na=ice-pwd:secretsecretsecretsecret\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:7\r\n',
    );
    expect(iceFragment('v=0\r\n')).toBeUndefined();
  });

  it('put the credentials and candidates of the fragment into the answer', () => {
    const fragment =
      'a=ice-lite\r\na=ice-ufrag:new2\r\na=ice-pwd:newnewnewnewnewnewnewnew\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:9 1 udp 5 127.0.0.2 9 typ host\r\na=end-of-candidates\r\n';
    const now = withFragment(answer, fragment)!;
    expect(now).toContain('a=ice-ufrag:new2\r\n');
    expect(now).not.toContain('old');
    expect(now.match(/a=candidate:/g)).toHaveLength(1);
    expect(now).toContain('127.0.0.2 9');
    expect(now).toContain('m=audio');
    expect(withFragment(answer, 'a=ice-lite\r\n')).toBeUndefined();
  });
});

describe('links', () => {
  it('are found by relation among several in one header', () => {
    const found = links(
      '<stun:stun.example:3478>; rel="ice-server", </whep/b/s/events>; rel="urn:ietf:params:whep:ext:core:server-sent-events"; events="active,inactive", <layer>;rel=urn:ietf:params:whep:ext:core:layer',
      'http://host/whep/b/s',
    );
    expect(found.get('urn:ietf:params:whep:ext:core:server-sent-events')).toBe('http://host/whep/b/s/events');
    expect(found.get('urn:ietf:params:whep:ext:core:layer')).toBe('http://host/whep/b/layer');
    expect(found.get('ice-server')).toBe('stun:stun.example:3478');
  });

  it('are none where there is no header', () => {
    expect(links(null, 'http://host/').size).toBe(0);
    expect(links('nonsense', 'http://host/').size).toBe(0);
  });
});
