package rtpfan

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// seal is one viewer's side of SRTP. With AES-GCM, which every browser takes, it is two ciphers and a counter: the
// index of a packet is the history's own number, shifted, so nothing is looked up, guessed or allocated per packet. The
// other profile is left to the library. One goroutine uses it.
type seal struct {
	rtp, rtcp         cipher.AEAD // nil where other is set
	rtpSalt, rtcpSalt [12]byte
	reports           uint32 // index of the last SRTCP packet
	other             *srtp.Context
}

// scratch is what sealing needs for a moment. An egress has one for all its viewers.
type scratch struct {
	nonce  [12]byte
	aad    [12]byte
	header rtp.Header
}

// Labels of the key derivation (RFC 3711, 4.3.2).
const (
	labelKey      = 0
	labelSalt     = 2
	labelRTCPKey  = 3
	labelRTCPSalt = 5
)

func newSeal(k Keys) (*seal, error) {
	if k.Profile != srtp.ProtectionProfileAeadAes128Gcm && k.Profile != srtp.ProtectionProfileAeadAes256Gcm {
		other, err := srtp.CreateContext(k.Key, k.Salt, k.Profile)
		if err != nil {
			return nil, fmt.Errorf("rtpfan: open SRTP: %w", err)
		}
		return &seal{other: other}, nil
	}
	if n, err := k.Profile.KeyLen(); err != nil || len(k.Key) != n || len(k.Salt) != 12 {
		return nil, errors.New("rtpfan: open SRTP: wrong length of a key or salt")
	}
	master, err := aes.NewCipher(k.Key)
	if err != nil {
		return nil, fmt.Errorf("rtpfan: open SRTP: %w", err)
	}
	s := &seal{}
	if s.rtp, err = gcm(derive(master, k.Salt, labelKey, len(k.Key))); err != nil {
		return nil, err
	}
	if s.rtcp, err = gcm(derive(master, k.Salt, labelRTCPKey, len(k.Key))); err != nil {
		return nil, err
	}
	copy(s.rtpSalt[:], derive(master, k.Salt, labelSalt, 12))
	copy(s.rtcpSalt[:], derive(master, k.Salt, labelRTCPSalt, 12))
	return s, nil
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("rtpfan: open SRTP: %w", err)
	}
	c, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("rtpfan: open SRTP: %w", err)
	}
	return c, nil
}

// derive makes n bytes of a session key (RFC 3711, 4.3.3: AES in counter mode over the salt and the label).
func derive(master cipher.Block, salt []byte, label byte, n int) []byte {
	var in [aes.BlockSize]byte
	copy(in[:], salt)
	in[7] ^= label
	out := make([]byte, (n+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize)
	for i := 0; i < n; i += aes.BlockSize {
		binary.BigEndian.PutUint16(in[aes.BlockSize-2:], uint16(i/aes.BlockSize))
		master.Encrypt(out[i:], in[:])
	}
	return out[:n]
}

// appendRTP appends the packet, encrypted, as a viewer gets it.
func (s *seal) appendRTP(dst []byte, w *scratch, p *Packet, d *dress) ([]byte, error) {
	at := len(dst)
	dst = p.appendHead(dst, d)
	head := len(dst)
	if s.other != nil {
		plain := p.appendBody(dst, d)[at:]
		w.header.Extensions = w.header.Extensions[:0]
		out, err := s.other.EncryptRTP(dst[at:at:cap(dst)], plain, &w.header)
		if err != nil {
			return dst[:at], err
		}
		return append(dst[:at], out...), nil // which is where it is already, if there was room
	}
	// RFC 7714, 8.1.
	w.nonce = s.rtpSalt
	xor(w.nonce[2:6], dst[at+8:at+12]) // SSRC
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], d.index)
	xor(w.nonce[6:12], number[2:])
	body := p.raw[p.head():]
	if d.repair {
		body = p.appendBody(dst, d)[head:] // encrypted where it is
	}
	return s.rtp.Seal(dst, w.nonce[:], body, dst[at:head]), nil
}

// appendRTCP appends a compound packet, encrypted. The library's contexts and ours count alike.
func (s *seal) appendRTCP(dst []byte, w *scratch, plain []byte) ([]byte, error) {
	at := len(dst)
	if s.other != nil {
		out, err := s.other.EncryptRTCP(dst[at:at:cap(dst)], plain, nil)
		if err != nil {
			return dst, err
		}
		return append(dst, out...), nil // which is where it is already, if there was room
	}
	const encrypted, last = 1 << 31, 1<<31 - 1
	if s.reports == last {
		return dst, errors.New("rtpfan: no SRTCP index is left")
	}
	s.reports++
	// RFC 7714, 9.1 and 9.2.
	w.nonce = s.rtcpSalt
	xor(w.nonce[2:6], plain[4:8]) // SSRC
	var number [4]byte
	binary.BigEndian.PutUint32(number[:], s.reports)
	xor(w.nonce[8:12], number[:])
	copy(w.aad[:], plain[:8])
	binary.BigEndian.PutUint32(w.aad[8:], s.reports|encrypted)
	dst = append(dst, plain[:8]...)
	dst = s.rtcp.Seal(dst, w.nonce[:], plain[8:], w.aad[:])
	return append(dst, w.aad[8:]...), nil
}

func xor(dst, src []byte) {
	for i := range dst {
		dst[i] ^= src[i]
	}
}
