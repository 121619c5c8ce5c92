package main

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"go.uber.org/goleak"
)

var builds string // folder of the binaries, made by the first that needs one

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(builds)
	if err := goleak.Find(); code == 0 && err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

var (
	good   = sync.OnceValues(func() (string, error) { return build("hawker") })
	broken = sync.OnceValues(func() (string, error) { return build("broken", "-tags", "brokenguard") })
	folder = sync.OnceValues(func() (dir string, err error) {
		builds, err = os.MkdirTemp("", "hawker-build-")
		return builds, err
	})
)

func build(name string, flags ...string) (string, error) {
	dir, err := folder()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	cmd := exec.Command("go", append(append([]string{"build"}, flags...), "-o", path, "github.com/hawkerlive/hawker/cmd/hawker")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return path, nil
}

func binary(t *testing.T, of func() (string, error)) string {
	t.Helper()
	path, err := of()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func small(t *testing.T, binary string, seed uint64) *trial {
	return &trial{site: site{binary: binary, dir: t.TempDir()}, seed: seed, kills: 2, buyers: 16, pause: 20 * time.Millisecond, units: []int64{5, 60, 2000}}
}

func TestAKilledServerKeepsItsWord(t *testing.T) {
	f, err := small(t, binary(t, good), 7).run(t.Context())
	if err != nil || !f.clean() {
		t.Fatal(f, err)
	}
	t.Log(f)
	if f.Kills != 2 || f.Acked < 20 || f.Paid < 10 || f.Refused < 5 || f.Waited < 5 || f.Offered < 1 {
		t.Error("nothing was proven")
	}
}

func TestKilledNodesKeepTheirWord(t *testing.T) {
	w, err := open("postgres", "")
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	many := small(t, binary(t, good), 8)
	many.nodes, many.kills = 2, 1
	where, err := w.site(t.Context(), many.binary)
	if err != nil {
		t.Fatal(err)
	}
	many.database = where.database
	f, err := many.run(t.Context())
	if err != nil || !f.clean() {
		t.Fatal(f, err)
	}
	t.Log(f)
	if f.Kills < 1 || f.Acked < 20 || f.Paid < 10 {
		t.Error("nothing was proven")
	}
}

// suffering lives through a trial with faults and wants nothing found.
func suffering(t *testing.T, engine, faults string, nodes int) {
	w, err := open(engine, faults)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	where, err := w.site(t.Context(), binary(t, good))
	if err != nil {
		t.Fatal(err)
	}
	f, err := oneTrial(t.Context(), &trial{site: where, seed: 9, nodes: nodes, buyers: 16, pause: 20 * time.Millisecond, units: []int64{5, 60, 5000}, faults: w.faults})
	if err != nil || !f.clean() {
		t.Fatal(f, err)
	}
	t.Log(f)
	if f.Acked < 20 || f.Paid < 10 || (nodes > 1 && f.Kills < len(w.faults)) {
		t.Error("nothing was proven")
	}
}

func TestFaultsOfTheDatabaseAndOfRedisLoseNothing(t *testing.T) {
	suffering(t, "postgres", "postgres-kill,redis-hang,redis-stop,redis-flush", 2)
}

// A master of Redis Cluster dies in the middle of a rush, its replica takes over, and the same happens to that one while it
// only hung.
func TestAFailoverOfRedisLosesNothing(t *testing.T) {
	suffering(t, "postgres", failOver+","+stale, 2)
}

// A video whose making is killed at each of its stages is public once, and plays to its end.
func TestAVideoIsPublicOnceWhereverItsMakerIsKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kills.csv")
	if err := makeThroughKills(t.Context(), series{path: path, trials: 1, seed: 1, out: t.Output()}, binary(t, good)); err != nil {
		t.Fatal(err)
	}
	if seed, err := nextSeed(path); err != nil || seed != 2 {
		t.Error("the evidence goes on with", seed, err)
	}
}

func TestAnUploadThatIsCutGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cuts.csv")
	if err := uploadThroughCuts(t.Context(), series{path: path, trials: 1, seed: 1, out: t.Output()}, binary(t, good), 24<<20, 6); err != nil {
		t.Fatal(err)
	}
}

const inNamespace = "HAWKER_TORTURE_NAMESPACE"

// A disk of its own needs root: whoever is not makes a namespace to be it in.
func TestAFullDiskLosesNothing(t *testing.T) {
	if os.Getuid() == 0 {
		suffering(t, "sqlite", diskFull, 1)
		return
	}
	if os.Getenv(inNamespace) != "" {
		t.Fatal("not root, not even here")
	}
	cmd := exec.Command("unshare", "-rm", os.Args[0], "-test.run=^TestAFullDiskLosesNothing$", "-test.v")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func TestACrowdBuysExactlyWhatIsThere(t *testing.T) {
	w, err := open("postgres", "redis-hang,postgres-kill")
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	var out strings.Builder
	sold := 0
	note := func(f figures) error { sold = f.Sold; return nil }
	if err := sellToCrowd(t.Context(), w, binary(t, good), 400, 4, &out, note); err != nil || sold != crowdUnits {
		t.Fatal(err, sold, out.String())
	}
	t.Log(out.String())
}

func TestWhatClientsSeeHasAnExplanation(t *testing.T) {
	var out strings.Builder
	if err := checkHistories(t.Context(), binary(t, good), 4, 1, &out); err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())
}

// A build that sells units twice must be caught by each of the three, or none of them proves anything.
func TestABrokenGuardIsCaught(t *testing.T) {
	t.Run("by the audit", func(t *testing.T) {
		f, err := small(t, binary(t, broken), 7).run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if f.Oversold == 0 || !strings.Contains(strings.Join(f.Notes, "\n"), "verify: exit status 1") {
			t.Fatal("the audit is content: ", f)
		}
	})
	for _, guard := range []string{"shelf", "key"} {
		t.Run("by the histories, without the "+guard, func(t *testing.T) {
			t.Setenv("BROKEN_GUARD", guard) // the server has it from here
			found := errors.New("found")
			err := recordHistories(t.Context(), binary(t, broken), 12, 1, func(h *history) error {
				if h.check() == porcupine.Illegal {
					return found
				}
				return nil
			})
			if !errors.Is(err, found) {
				t.Fatal("every history has an explanation", err)
			}
		})
	}
	t.Run("by the simulation, each guard alone", everyGuard)
}

// everyGuard leaves out one guard after the other and lives through the simulation's days until one of them notices.
func everyGuard(t *testing.T) {
	home, err := filepath.Abs("../../shop/simulation") // its days are kept there
	if err != nil {
		t.Fatal(err)
	}
	days := filepath.Join(t.TempDir(), "days")
	if out, err := exec.Command("go", "test", "-c", "-tags", "brokenguard", "-o", days, "github.com/hawkerlive/hawker/shop/simulation").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for guard, says := range map[string]string{
		"shelf": "the store answers a batch with", "key": "the store answers a batch with", "limit": "the store answers a batch with", "expiry": "the store answers a batch with",
		"money": "the store answers a batch with", "offer": "the store answers a batch with", "count": "the audit says",
	} {
		cmd := exec.Command(days, "-test.run=TestNothingIsSoldTwice", "-seeds=30", "-tries=1")
		cmd.Dir, cmd.Env = home, append(os.Environ(), "BROKEN_GUARD="+guard)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), says) {
			t.Errorf("the simulation is content without %s: %v\n%.2000s", guard, err, out)
		}
	}
	keptShort(t, days)
}

// keptShort wants the day that finds something to be kept, a few steps of its 250, and to find it again.
func keptShort(t *testing.T, days string) {
	home := t.TempDir()
	list := filepath.Join(home, "testdata", "programs.txt")
	if err := errors.Join(os.Mkdir(filepath.Dir(list), 0o700), os.WriteFile(list, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, seeds := range []string{"-seeds=30", "-seeds=0"} { // at last only what was kept
		cmd := exec.Command(days, "-test.run=TestNothingIsSoldTwice", seeds, "-keep")
		cmd.Dir, cmd.Env = home, append(os.Environ(), "BROKEN_GUARD=key")
		out, err := cmd.CombinedOutput()
		text, failed := os.ReadFile(list)
		line, _, _ := strings.Cut(string(text), "#")
		if steps := len(strings.Fields(line)) - 1; err == nil || failed != nil || steps < 1 || steps > 10 || strings.Contains(line, "-") || !strings.Contains(string(out), "the store answers a batch with") {
			t.Fatalf("with %s %q was kept: %v\n%.2000s", seeds, text, errors.Join(err, failed), out)
		}
	}
}

func TestTheModelOfAShelf(t *testing.T) {
	t.Parallel()
	type op = porcupine.Operation
	fill := op{ClientId: 0, Input: request{shelf: "s", units: 1}, Output: answer{}, Call: 0, Return: 1}
	buy := func(client int, key string, from, to int64, a answer) op {
		if a.unknown {
			to = math.MaxInt64
		}
		return op{ClientId: client, Input: request{"s", key, 1}, Output: a, Call: from, Return: to}
	}
	for name, c := range map[string]struct {
		ops  []op
		want bool
	}{
		"one unit, one order":                      {[]op{fill, buy(1, "a", 2, 3, answer{order: "1"}), buy(2, "b", 4, 5, answer{soldOut: true})}, true},
		"one unit, two orders":                     {[]op{fill, buy(1, "a", 2, 5, answer{order: "1"}), buy(2, "b", 3, 4, answer{order: "2"})}, false},
		"sold out while one was there":             {[]op{fill, buy(1, "a", 2, 3, answer{soldOut: true})}, false},
		"sold out before the other's answer":       {[]op{fill, buy(1, "a", 2, 9, answer{order: "1"}), buy(2, "b", 3, 4, answer{soldOut: true})}, true},
		"one key, one order":                       {[]op{fill, buy(1, "a", 2, 3, answer{order: "1"}), buy(2, "a", 4, 5, answer{order: "1"})}, true},
		"one key, two orders":                      {[]op{fill, buy(1, "a", 2, 3, answer{order: "1"}), buy(2, "a", 4, 5, answer{order: "2"})}, false},
		"an acknowledged order is forgotten":       {[]op{fill, buy(1, "a", 2, 3, answer{order: "1"}), buy(2, "a", 4, 5, answer{soldOut: true})}, false},
		"a lost answer, and it had happened":       {[]op{fill, buy(1, "a", 2, 3, answer{unknown: true}), buy(2, "b", 4, 5, answer{soldOut: true}), buy(1, "a", 6, 7, answer{order: "1"})}, true},
		"a lost answer, and it had not happened":   {[]op{fill, buy(1, "a", 2, 3, answer{unknown: true}), buy(2, "b", 4, 5, answer{order: "2"})}, true},
		"a lost answer cannot be both":             {[]op{fill, buy(1, "a", 2, 3, answer{unknown: true}), buy(2, "b", 4, 5, answer{order: "2"}), buy(1, "a", 6, 7, answer{order: "1"})}, false},
		"units that come later are not there yet":  {[]op{buy(1, "a", 0, 1, answer{order: "1"}), {ClientId: 0, Input: request{shelf: "s", units: 1}, Output: answer{}, Call: 2, Return: 3}}, false},
		"units that perhaps came are perhaps sold": {[]op{{ClientId: 0, Input: request{shelf: "s", units: 1}, Output: answer{unknown: true}, Call: 0, Return: math.MaxInt64}, buy(1, "a", 2, 3, answer{order: "1"})}, true},
	} {
		if got := porcupine.CheckOperations(model(), c.ops); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTheNextRunGoesOnAfterTheLastLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "torture.csv")
	for want := uint64(1); want < 4; want++ {
		next, err := nextSeed(path)
		if err != nil || next != want {
			t.Fatal(next, err)
		}
		if err := appendLine(path, line(next, "abc", "sqlite", 1, "", figures{Notes: []string{"a, \"b\""}})); err != nil {
			t.Fatal(err)
		}
	}
}

// The server is killed while it records a show, and the encoder comes back: viewers who were told of a part find it in
// the replay, but for one per kill at most, and the replay plays.
func TestARecordingOutlivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recordkill.csv")
	if err := recordThroughKills(t.Context(), series{path: path, trials: 1, seed: 1, out: t.Output()}, binary(t, good), 1, 0); err != nil {
		t.Fatal(err)
	}
}

// What is missing from a replay is missed.
func TestAPartThatIsNotKeptIsMissed(t *testing.T) {
	t.Parallel()
	var told toldParts
	if err := told.read(`#EXTM3U
#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:00.000Z
#EXTINF:2.000000,
main_a_0.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:02.000Z
#EXT-X-PART:DURATION=1.000000,URI="main_a_p3.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=1.000000,URI="main_a_p4.m4s"
#EXTINF:2.000000,
main_a_1.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:04.000Z
#EXT-X-PART:DURATION=0.500000,URI="main_a_p5.m4s",INDEPENDENT=YES
`); err != nil {
		t.Fatal(err)
	}
	kept, err := readReplay(`#EXTM3U
#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:00.000Z
#EXTINF:2.000000,
main_a_0.m4s
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:03.000Z
#EXTINF:1.000000,
main_a_1.m4s
`)
	if err != nil || len(kept) != 2 || kept[0].gap || !kept[1].gap {
		t.Fatalf("kept %v, %v", kept, err)
	}
	missing := told.missing(kept)
	slices.Sort(missing)
	if told.count() != 3 || !slices.Equal(missing, []string{"main_a_p3.m4s", "main_a_p5.m4s"}) {
		t.Errorf("of %d parts these are missed: %v", told.count(), missing)
	}
}
