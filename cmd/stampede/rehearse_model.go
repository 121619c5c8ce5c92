package main

import (
	"bufio"
	"io"
	"math"
	"strconv"
	"strings"
)

// crowd is how many of each kind there are.
type crowd struct {
	WHEP, HLS, Followers, Replays float64 // at a time
	Orders                        float64 // a second

	// What is said and tapped in a second is not more with a larger crowd: nobody could read it. It belongs to the show,
	// and goes on in every step, so that what one feed costs is what it costs to hear that.
	Chat, Likes float64
}

func (c crowd) times(by float64) crowd {
	return crowd{c.WHEP * by, c.HLS * by, c.Followers * by, c.Replays * by, c.Orders * by, c.Chat, c.Likes}
}

// use is what the server uses of each of its resources while a crowd is there.
type use struct {
	CPU    float64 // cores
	Memory float64 // bytes
	Sent   float64 // bytes a second to viewers
	Files  float64 // descriptors
	Orders float64 // that checkout decides and settles in a second
}

// resource is one of the things that a crowd uses up.
type resource struct {
	Name, Unit string
	of         func(*use) *float64
	soft       bool // it does not end at a wall: only those who come can say how much of it is of use
}

var resources = []resource{
	{"processors", "cores", func(u *use) *float64 { return &u.CPU }, true},
	{"memory", "bytes", func(u *use) *float64 { return &u.Memory }, false},
	{"bandwidth", "bytes/s", func(u *use) *float64 { return &u.Sent }, false},
	{"descriptors", "files", func(u *use) *float64 { return &u.Files }, false},
	{"checkout's transactions", "orders/s", func(u *use) *float64 { return &u.Orders }, true},
}

// kinds are the fields of a crowd.
var kinds = []struct {
	name string
	of   func(*crowd) *float64
}{
	{"WebRTC viewers", func(c *crowd) *float64 { return &c.WHEP }},
	{"HLS viewers", func(c *crowd) *float64 { return &c.HLS }},
	{"feeds", func(c *crowd) *float64 { return &c.Followers }},
	{"replay viewers", func(c *crowd) *float64 { return &c.Replays }},
	{"orders a second", func(c *crowd) *float64 { return &c.Orders }},
}

// seen is one step of a rehearsal: a crowd, and what was used while it was there.
type seen struct {
	Crowd crowd
	Use   use
}

// model is what one of each kind costs, and what is used with nobody there. It takes costs to grow evenly: so they are
// measured near what is planned, by steps with one kind each.
type model struct {
	Idle use
	Each []use // as kinds
}

// fit makes a model: for each kind the step with the most of it.
func fit(idle use, steps []seen) model {
	m := model{Idle: idle, Each: make([]use, len(kinds))}
	for k, kind := range kinds {
		most := 0.0
		for _, s := range steps {
			n := *kind.of(&s.Crowd)
			if n <= most {
				continue
			}
			most = n
			for _, r := range resources {
				*r.of(&m.Each[k]) = max(0, (*r.of(&s.Use)-*r.of(&idle))/n)
			}
		}
	}
	return m
}

// expect is what a crowd will use.
func (m model) expect(c crowd) use {
	u := m.Idle
	for k, kind := range kinds {
		for _, r := range resources {
			*r.of(&u) += *r.of(&m.Each[k]) * *kind.of(&c)
		}
	}
	return u
}

// verdict is how often a crowd fits into a resource.
type verdict struct {
	resource
	Use, Limit float64
	Fits       float64 // times; +Inf: it uses none of it, or nobody knows the limit
}

// judge says how often a crowd fits, the resource that gives way first at the top. A limit of 0 is not known.
func (m model) judge(c crowd, limits use) []verdict {
	expected := m.expect(c)
	var out []verdict
	for _, r := range resources {
		v := verdict{resource: r, Use: *r.of(&expected), Limit: *r.of(&limits), Fits: math.Inf(1)}
		idle := *r.of(&m.Idle)
		if more := v.Use - idle; v.Limit > 0 && more > 0 {
			v.Fits = max(0, (v.Limit-idle)/more)
		}
		at := len(out)
		for at > 0 && out[at-1].Fits > v.Fits {
			at--
		}
		out = append(out[:at], append([]verdict{v}, out[at:]...)...)
	}
	return out
}

// figures reads the text of a metrics port: the sum of each name over its labels.
func figures(r io.Reader) (map[string]float64, error) {
	out := map[string]float64{}
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		line := s.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		name := line
		if i := strings.IndexAny(line, "{ "); i >= 0 {
			name = line[:i]
		}
		if end := strings.LastIndexByte(line, '}'); end >= 0 {
			line = line[end+1:]
		} else {
			line = line[len(name):]
		}
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if v, err := strconv.ParseFloat(fields[0], 64); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
			out[name] += v
		}
	}
	return out, s.Err()
}
