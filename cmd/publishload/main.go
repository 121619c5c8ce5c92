// Command publishload is many encoders at once: it plays one prepared clip to an RTMP server over and over, on as many
// connections as it is told, each a stream of its own, and costs little itself. What enters are an FLV file, a URL in
// which %KEY% stands for the stream's name, and the names, one to a line or counted; what leaves is one line of JSON:
// what was sent, what was late, which connections were lost. It knows nothing of the server beyond RTMP, so the same
// run may be aimed at another one. It refuses a run of more than ten minutes. scripts/publishload.mjs drives it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const (
	longest       = 10 * time.Minute
	publishersMax = 5000
)

type settings struct {
	clip, url, names string
	count            int
	ramp, lasts      time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c settings
	flag.StringVar(&c.clip, "clip", "", "FLV file with H.264 and AAC")
	flag.StringVar(&c.url, "url", "rtmp://127.0.0.1:1935/live/%KEY%", "where to publish; %KEY% is the stream's name")
	flag.StringVar(&c.names, "names", "", "file with a name per line; without it load0, load1, …")
	flag.IntVar(&c.count, "n", 200, "publishers")
	flag.DurationVar(&c.ramp, "ramp", 5*time.Second, "time in which they come")
	flag.DurationVar(&c.lasts, "for", 30*time.Second, "time from the last one's coming to the end")
	flag.Parse()
	if err := run(ctx, c, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "publishload:", err)
		os.Exit(1)
	}
}

// run publishes as long as it is told and says how it went.
func run(ctx context.Context, c settings, out io.Writer) error {
	if c.lasts <= 0 || c.ramp < 0 || c.ramp+c.lasts > longest {
		return fmt.Errorf("a run lasts up to %v", longest)
	}
	if c.count < 1 || c.count > publishersMax {
		return fmt.Errorf("1 to %d publishers", publishersMax)
	}
	target, err := readTarget(c.url)
	if err != nil {
		return err
	}
	names, err := c.list()
	if err != nil {
		return err
	}
	film, err := os.ReadFile(c.clip)
	if err != nil {
		return err
	}
	clip, err := readClip(film)
	if err != nil {
		return fmt.Errorf("%s: %w", c.clip, err)
	}
	crowd := &crowd{clip: clip, target: target, names: names, ramp: c.ramp, lasts: c.lasts}
	return json.NewEncoder(out).Encode(crowd.publish(ctx))
}

// list reads the names.
func (c settings) list() (names []string, err error) {
	if c.names == "" {
		for n := range c.count {
			names = append(names, fmt.Sprintf("load%d", n))
		}
		return names, nil
	}
	f, err := os.Open(c.names)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	for lines := bufio.NewScanner(f); len(names) < c.count; {
		if !lines.Scan() {
			return nil, errors.Join(lines.Err(), fmt.Errorf("%s has %d names of %d", c.names, len(names), c.count))
		}
		if name := strings.TrimSpace(lines.Text()); name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}
