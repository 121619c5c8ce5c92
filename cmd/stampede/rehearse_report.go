package main

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

func (c crowd) String() string {
	var parts []string
	for _, k := range kinds {
		if n := *k.of(&c); n > 0 {
			parts = append(parts, number(n)+" "+k.name)
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "nobody")
	}
	if c.Chat > 0 || c.Likes > 0 {
		parts = append(parts, number(c.Chat)+" messages and "+number(c.Likes)+" likes a second")
	}
	return strings.Join(parts, ", ")
}

func amount(unit string, v float64) string {
	switch unit {
	case "bytes":
		return fmt.Sprintf("%.0f MiB", v/(1<<20))
	case "bytes/s":
		return fmt.Sprintf("%.1f Mbit/s", v*8/1e6)
	}
	return number(v) + " " + unit
}

// first says what gives way first, in a sentence.
func (r *rehearsal) first() string {
	times, ends := r.holds()
	if math.IsInf(times, 1) {
		return "The plan uses nothing up, as far as is known."
	}
	if ends == "" {
		ends = "people are no longer served well, though nothing that is measured is used up"
	} else {
		ends = "its " + ends + " give way"
	}
	return fmt.Sprintf("This installation holds %.2f times the plan: %s. Then %s.", times, r.plan.times(times), ends)
}

func (r *rehearsal) print(w io.Writer) {
	fmt.Fprintln(w, r.first())
	if learnt := r.learnt(); learnt != "" {
		fmt.Fprintln(w, learnt)
	}
	fmt.Fprintf(w, "\nplan: %s\n%-26s %16s %16s %8s\n", r.plan, "resource", "plan uses", "there is", "fits")
	for _, v := range r.model().judge(r.plan, r.limits) {
		there, fits := "not known", "-"
		if v.Limit > 0 {
			there = amount(v.Unit, v.Limit)
		}
		if !math.IsInf(v.Fits, 1) {
			fits = fmt.Sprintf("%.2f", v.Fits)
		}
		fmt.Fprintf(w, "%-26s %16s %16s %8s\n", v.Name, amount(v.Unit, v.Use), there, fits)
	}
	if again := r.again(); again != "" {
		fmt.Fprintf(w, "\n%s\n", again)
	}
	fmt.Fprintln(w, "\nwhat one costs:")
	for k, each := range r.model().Each {
		if each != (use{}) {
			fmt.Fprintf(w, "  one of the %-16s %.3f ms of a core a second, %.1f KiB, %.1f kbit/s\n", kinds[k].name, each.CPU*1e3, each.Memory/1024, each.Sent*8/1e3)
		}
	}
	for _, t := range r.tried {
		fmt.Fprintf(w, "\n%.2f times the plan (%s): %s; %s\n", t.Share, t.Crowd, r.used(t), t.verdict())
	}
	for _, t := range r.trials {
		fmt.Fprintf(w, "\nat %.0f %% of it (%s): %s; %s\n", 100*t.Share, t.Crowd, r.used(t), t.verdict())
	}
	if len(r.trials) > 0 {
		fmt.Fprintf(w, "\n%s\n", r.confirmed())
	}
}

// used says how much of what gives way first a trial used, and of the processors.
func (r *rehearsal) used(t trial) string {
	v := r.model().judge(r.plan, r.limits)[0]
	out := number(t.Use.CPU) + " cores"
	if v.Name != "processors" && v.Limit > 0 {
		out += fmt.Sprintf(", %s of %s of %s", amount(v.Unit, *v.of(&t.Use)), amount(v.Unit, v.Limit), v.Name)
	}
	return out
}

// confirmed says whether the trials bear out what was said: what is below it holds, what is above it does not.
func (r *rehearsal) confirmed() string {
	for _, t := range r.trials {
		switch holds := len(t.Faults) == 0; {
		case t.Share <= 1 && !holds:
			return fmt.Sprintf("Not confirmed: %.0f %% of it is too much already.", 100*t.Share)
		case t.Share > 1 && holds:
			return fmt.Sprintf("Not confirmed: %.0f %% of it holds as well; more is there than was said.", 100*t.Share)
		case !holds:
			if _, said := r.holds(); said != "" {
				if was := usedMost(t.Use, r.limits); was != "" && was != said {
					return fmt.Sprintf("Not confirmed: at %.0f %% of it %s gave way, not %s.", 100*t.Share, was, said)
				}
			}
		}
	}
	return "Confirmed by the trials."
}

func (t trial) verdict() string {
	if len(t.Faults) == 0 {
		return "it holds"
	}
	return "it does not hold: " + strings.Join(t.Faults, "; ")
}

// page draws the result: a bar per resource, the plan's share of it, and where it ends.
func (r *rehearsal) page() []byte {
	var b bytes.Buffer
	text := html.EscapeString
	b.WriteString(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Rehearsal</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1b1b1f;background:#fff}svg{width:100%;height:auto}table{border-collapse:collapse;width:100%}td,th{text-align:start;padding:.3rem .6rem;border-bottom:1px solid #ddd}@media(prefers-color-scheme:dark){body{color:#eee;background:#17171a}td,th{border-color:#444}}</style>
<h1>Rehearsal</h1>`)
	fmt.Fprintf(&b, "<p><strong>%s</strong></p><p>%s</p><p>Plan: %s. %s</p>", text(r.first()), text(r.learnt()), text(r.plan.String()), text(r.again()))
	judged := r.model().judge(r.plan, r.limits)
	fmt.Fprintf(&b, `<svg viewBox="0 0 720 %d" role="img" aria-label="How much of each resource the plan uses">`, 44*len(judged)+24)
	for i, v := range judged {
		y, share := 44*i+20, 0.0
		note := amount(v.Unit, v.Use)
		if v.Limit > 0 {
			share = v.Use / v.Limit
			note += " of " + amount(v.Unit, v.Limit)
		}
		colour := "#2f7d4f"
		if share > .7 {
			colour = "#b7791f"
		}
		if share > 1 {
			colour = "#c0392b"
		}
		fmt.Fprintf(&b, `<text x="0" y="%d" font-size="14" fill="currentColor">%s: %s</text><rect x="0" y="%d" width="720" height="14" rx="7" fill="#8884"/><rect x="0" y="%d" width="%.1f" height="14" rx="7" fill="%s"/>`,
			y, text(v.Name), text(note), y+6, y+6, 720*math.Min(1, share), colour)
	}
	b.WriteString(`</svg>`)
	if len(r.tried) > 0 {
		b.WriteString(`<h2>All at once</h2><table><tr><th>Times the plan<th>Crowd<th>Used<th>What came of it</tr>`)
		for _, t := range r.tried {
			fmt.Fprintf(&b, "<tr><td>%.2f<td>%s<td>%s<td>%s</tr>", t.Share, text(t.Crowd.String()), text(r.used(t)), text(t.verdict()))
		}
		b.WriteString(`</table>`)
	}
	if len(r.trials) > 0 {
		b.WriteString(`<h2>Whether it is so</h2><table><tr><th>Share<th>Crowd<th>Used<th>What came of it</tr>`)
		for _, t := range r.trials {
			fmt.Fprintf(&b, "<tr><td>%.0f %%<td>%s<td>%s<td>%s</tr>", 100*t.Share, text(t.Crowd.String()), text(r.used(t)), text(t.verdict()))
		}
		fmt.Fprintf(&b, "</table><p>%s</p>", text(r.confirmed()))
	}
	b.WriteString("</html>\n")
	return b.Bytes()
}
