package captions

import "bytes"

// Carried says which captions lie in the pictures themselves.
type Carried struct {
	Field1, Field2 bool // CEA-608: CC1 and CC3, as most encoders use them
	Digital        bool // CEA-708
}

// Any tells whether there are any.
func (c Carried) Any() bool { return c.Field1 || c.Field2 || c.Digital }

// Or adds what another picture carries.
func (c Carried) Or(d Carried) Carried {
	return Carried{c.Field1 || d.Field1, c.Field2 || d.Field2, c.Digital || d.Digital}
}

const (
	seiH264       = 6
	seiH265       = 39 // before the slices
	userDataT35   = 4
	messagesMax   = 32 // of one SEI
	ccTripleBytes = 3
)

// InH264 looks at the NAL units of a picture of H.264.
func InH264(nals [][]byte) (c Carried) {
	for _, n := range nals {
		if len(n) > 1 && n[0]&0x1f == seiH264 {
			c = c.Or(inSEI(n[1:]))
		}
	}
	return c
}

// InH265 looks at the NAL units of a picture of H.265.
func InH265(nals [][]byte) (c Carried) {
	for _, n := range nals {
		if len(n) > 2 && n[0]>>1&0x3f == seiH265 {
			c = c.Or(inSEI(n[2:]))
		}
	}
	return c
}

// inSEI reads the messages of a supplemental enhancement: each a type and a size, in bytes of 255 and a last one.
func inSEI(b []byte) (c Carried) {
	b = bytes.ReplaceAll(b, []byte{0, 0, 3}, []byte{0, 0})
	number := func() (n int, ok bool) {
		for len(b) > 0 {
			one := b[0]
			b = b[1:]
			if n += int(one); one != 0xff {
				return n, true
			}
		}
		return 0, false
	}
	for range messagesMax {
		kind, ok := number()
		size, sized := number()
		if !ok || !sized || size > len(b) {
			return c
		}
		if kind == userDataT35 {
			c = c.Or(inUserData(b[:size]))
		}
		b = b[size:]
	}
	return c
}

// inUserData reads ATSC A/53 part 4: country, provider, "GA94", a 3, and triples of captions.
func inUserData(b []byte) (c Carried) {
	rest, ok := bytes.CutPrefix(b, []byte{0xb5, 0x00, 0x31, 'G', 'A', '9', '4', 3})
	if !ok || len(rest) < 2 || rest[0]&0x40 == 0 { // nothing to process
		return c
	}
	count := int(rest[0] & 0x1f)
	for rest = rest[2:]; count > 0 && len(rest) >= ccTripleBytes; count-- {
		valid, kind := rest[0]&4 != 0, rest[0]&3
		empty := kind < 2 && rest[1]&0x7f == 0 && rest[2]&0x7f == 0 // encoders fill up with nothing
		if valid && !empty {
			switch kind {
			case 0:
				c.Field1 = true
			case 1:
				c.Field2 = true
			default:
				c.Digital = true
			}
		}
		rest = rest[ccTripleBytes:]
	}
	return c
}
