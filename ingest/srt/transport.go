package srt

import (
	"errors"
	"hash/crc32"
	"math/bits"
)

// Limits of a transport stream.
const (
	packetSize  = 188
	syncByte    = 0x47
	heldMax     = 8 << 20 // bytes of unfinished PES packets in all
	streamsMax  = 16
	sectionMax  = 1024 // ISO/IEC 13818-1, 2.4.4
	garbageMax  = 1 << 20
	pesHeader   = 9 // up to and with PES_header_data_length
	patPID      = 0
	clockBits   = 33
	clockWraps  = 1 << clockBits
	clockMask   = clockWraps - 1
	patTable    = 0
	programsTab = 2
)

var (
	errHeld    = errors.New("srt: a picture larger than 8 MiB")
	errGarbage = errors.New("srt: this is no MPEG transport stream")
)

// elementary is one elementary stream of the program.
type elementary struct {
	pid        uint16
	streamType byte
	opus       bool // a private stream registered as Opus
	channels   int  // of Opus, as its descriptor tells
}

// pes is one whole PES packet.
type pes struct {
	pid      uint16
	pts, dts int64 // 33 bits
	data     []byte
}

// transport reads an MPEG transport stream (ISO/IEC 13818-1): the tables of its first program, and the PES packets of
// that program's elementary streams. A packet with a hole in it is left out and counted. One goroutine uses it.
type transport struct {
	onProgram func([]elementary) error // a program table, new or changed
	onPES     func(pes) error

	carry    []byte
	garbage  int // bytes since the last packet
	pat, pmt section
	pmtPID   int // 0: not known
	table    []byte
	streams  map[uint16]*assembly
	held     int
	lost     uint64 // PES packets left out
}

// assembly puts one elementary stream's PES packets together.
type assembly struct {
	begun   bool // a continuity counter is known
	counter byte
	open    bool
	buffer  []byte
	want    int // bytes of the whole packet, 0 where only the next one tells
	usual   int // bytes of the newest whole packet
}

// section puts a table together.
type section struct {
	open   bool
	buffer []byte
}

// push takes bytes as they arrive. An error ends the stream.
func (t *transport) push(b []byte) error {
	if len(t.carry) > 0 {
		b = append(t.carry, b...)
	}
	for len(b) >= packetSize {
		if b[0] != syncByte {
			if t.garbage++; t.garbage > garbageMax {
				return errGarbage
			}
			b = b[1:]
			continue
		}
		t.garbage = 0
		if err := t.packet(b[:packetSize]); err != nil {
			return err
		}
		b = b[packetSize:]
	}
	t.carry = append(t.carry[:0], b...)
	return nil
}

// packet takes one transport packet (2.4.3.2).
func (t *transport) packet(b []byte) error {
	begins := b[1]&0x40 != 0
	pid := uint16(b[1]&0x1f)<<8 | uint16(b[2])
	if b[1]&0x80 != 0 || b[3]&0xc0 != 0 || b[3]&0x10 == 0 {
		return nil // damaged, scrambled or without payload
	}
	counter, jump := b[3]&0xf, false
	payload := b[4:]
	if b[3]&0x20 != 0 {
		n := int(payload[0])
		if n >= len(payload) {
			return nil
		}
		jump = n > 0 && payload[1]&0x80 != 0
		payload = payload[1+n:]
	}
	if len(payload) == 0 {
		return nil
	}
	switch {
	case pid == patPID:
		return t.section(&t.pat, begins, payload, t.programs)
	case int(pid) == t.pmtPID:
		return t.section(&t.pmt, begins, payload, t.program)
	}
	a := t.streams[pid]
	if a == nil {
		return nil
	}
	if a.begun && !jump {
		if counter == a.counter {
			return nil // sent twice
		}
		if counter != (a.counter+1)&0xf {
			t.drop(a)
		}
	}
	a.begun, a.counter = true, counter
	return t.media(pid, a, begins, payload)
}

// media takes an elementary stream's payload.
func (t *transport) media(pid uint16, a *assembly, begins bool, payload []byte) error {
	if begins {
		if err := t.finish(pid, a); err != nil {
			return err
		}
		if len(payload) < 6 || payload[0] != 0 || payload[1] != 0 || payload[2] != 1 {
			return nil
		}
		a.open, a.want = true, int(payload[4])<<8|int(payload[5])
		if a.want > 0 {
			a.want += 6
		}
		a.buffer = make([]byte, 0, max(a.want, a.usual+packetSize))
	}
	if !a.open {
		return nil
	}
	if t.held += len(payload); t.held > heldMax {
		return errHeld
	}
	a.buffer = append(a.buffer, payload...)
	if a.want > 0 && len(a.buffer) >= a.want {
		return t.finish(pid, a)
	}
	return nil
}

// drop leaves out what has been put together so far.
func (t *transport) drop(a *assembly) {
	if a.open {
		t.lost++
	}
	t.held -= len(a.buffer)
	a.open, a.buffer = false, nil
}

// finish hands a PES packet on (2.4.3.6). Who takes it keeps its bytes.
func (t *transport) finish(pid uint16, a *assembly) error {
	if !a.open {
		return nil
	}
	b, want := a.buffer, a.want
	t.held -= len(b)
	a.open, a.buffer, a.usual = false, nil, len(b)
	if len(b) < want || len(b) < pesHeader {
		t.lost++
		return nil
	}
	if want > 0 {
		b = b[:want]
	}
	flags, body := b[7], pesHeader+int(b[8])
	if b[6]&0xc0 != 0x80 || flags&0x80 == 0 || body < pesHeader+5 || len(b) <= body {
		return nil // nothing that could be placed in time
	}
	out := pes{pid: pid, pts: clock(b[9:]), data: b[body:]}
	out.dts = out.pts
	if flags&0x40 != 0 && body >= pesHeader+10 {
		out.dts = clock(b[14:])
	}
	return t.onPES(out)
}

// clock reads a 33-bit stamp.
func clock(b []byte) int64 {
	return int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
}

// section puts a table's first section together and hands it on without its checksum.
func (t *transport) section(s *section, begins bool, payload []byte, take func([]byte) error) error {
	if begins {
		skip := 1 + int(payload[0])
		if skip >= len(payload) {
			return nil
		}
		s.open, s.buffer = true, s.buffer[:0]
		payload = payload[skip:]
	}
	if !s.open {
		return nil
	}
	s.buffer = append(s.buffer, payload...)
	if len(s.buffer) < 3 {
		return nil
	}
	size := 3 + int(s.buffer[1]&0xf)<<8 + int(s.buffer[2])
	if size > sectionMax || size < 12 {
		s.open = false
		return nil
	}
	if len(s.buffer) < size {
		return nil
	}
	s.open = false
	whole := s.buffer[:size]
	if checksum(whole) != 0 || whole[5]&1 == 0 {
		return nil // damaged, or not valid yet
	}
	return take(whole[:size-4])
}

// programs reads the program association table (2.4.4.3): its first program is ours.
func (t *transport) programs(b []byte) error {
	if b[0] != patTable {
		return nil
	}
	for e := b[8:]; len(e) >= 4; e = e[4:] {
		if e[0] == 0 && e[1] == 0 {
			continue // network information
		}
		if pid := int(e[2]&0x1f)<<8 | int(e[3]); pid != patPID {
			t.pmtPID = pid
		}
		break
	}
	return nil
}

// program reads the program map table (2.4.4.8).
func (t *transport) program(b []byte) error {
	if b[0] != programsTab || len(b) < 12 || string(b) == string(t.table) {
		return nil
	}
	skip := 12 + int(b[10]&0xf)<<8 + int(b[11])
	if skip > len(b) {
		return nil
	}
	var found []elementary
	for e := b[skip:]; len(e) >= 5 && len(found) < streamsMax; {
		n := 5 + int(e[3]&0xf)<<8 + int(e[4])
		if n > len(e) {
			return nil
		}
		one := elementary{streamType: e[0], pid: uint16(e[1]&0x1f)<<8 | uint16(e[2])}
		one.describe(e[5:n])
		found = append(found, one)
		e = e[n:]
	}
	t.table = append(t.table[:0], b...)
	old := t.streams
	t.streams, t.held = map[uint16]*assembly{}, 0
	for _, one := range found {
		a := old[one.pid]
		if a == nil {
			a = &assembly{}
		}
		if t.streams[one.pid] == nil {
			t.held += len(a.buffer)
		}
		t.streams[one.pid] = a
	}
	return t.onProgram(found)
}

// describe reads the descriptors that tell Opus (ETSI TS 101 154 and the Opus in MPEG-TS draft).
func (e *elementary) describe(b []byte) {
	const registration, extension, opusExtension = 0x05, 0x7f, 0x80
	for len(b) >= 2 {
		n := 2 + int(b[1])
		if n > len(b) {
			return
		}
		body := b[2:n]
		switch {
		case b[0] == registration && string(body) == "Opus":
			e.opus = true
		case b[0] == extension && len(body) >= 2 && body[0] == opusExtension:
			e.channels = 2 // also what dual mono, code 0, is
			if code := int(body[1] & 0x7f); code >= 1 && code <= 8 {
				e.channels = code
			}
		}
		b = b[n:]
	}
}

var checksumTable = func() (out [256]uint32) {
	for i := range out {
		crc := uint32(i) << 24
		for range 8 {
			crc = crc<<1 ^ (crc>>31)*bits.Reverse32(crc32.IEEE)
		}
		out[i] = crc
	}
	return out
}()

// checksum is the CRC of the tables (Annex A): 0 over a whole section.
func checksum(b []byte) uint32 {
	crc := ^uint32(0)
	for _, c := range b {
		crc = crc<<8 ^ checksumTable[byte(crc>>24)^c]
	}
	return crc
}
