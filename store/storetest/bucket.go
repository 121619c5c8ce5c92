package storetest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/store"
)

const (
	bucketWithin = 20 * time.Second
	bucketAccess = "hawker-test"
	bucketSecret = "lantern-market-7"
)

var (
	gateway      sync.Once
	gatewayURL   *url.URL
	gatewayDir   string // its buckets are the folders in it
	gatewayFault error
)

// EachBucket runs fn once per place where blobs can be, as a subtest named after it: a folder, and a bucket of a real
// S3-compatible server (Versity's gateway, a module of its own beside this package), which is stopped by Main.
func EachBucket(t *testing.T, fn func(t *testing.T, c store.BlobConfig)) {
	t.Helper()
	t.Run("folder", func(t *testing.T) { fn(t, store.BlobConfig{Dir: filepath.Join(t.TempDir(), "blobs")}) })
	t.Run("s3", func(t *testing.T) { fn(t, store.BlobConfig{URL: Bucket(t)}) })
}

// Bucket returns the URL of an empty bucket. The credentials are in this process's environment.
func Bucket(t testing.TB) string {
	t.Helper()
	gateway.Do(func() { gatewayFault = startGateway() })
	if gatewayFault != nil {
		t.Fatalf("S3 server: %v", gatewayFault)
	}
	name := fmt.Sprintf("bucket%d", number.Add(1))
	if err := os.Mkdir(filepath.Join(gatewayDir, name), 0o700); err != nil {
		t.Fatal(err)
	}
	return "s3://" + name + "?" + url.Values{
		"endpoint": {gatewayURL.String()}, "use_path_style": {"true"}, "region": {"us-east-1"},
	}.Encode()
}

func startGateway() (err error) {
	dir, err := os.MkdirTemp("", "hawker-s3-")
	if err != nil {
		return err
	}
	atEnd(func() { os.RemoveAll(dir) })
	where, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/hawkerlive/hawker/store/storetest").Output()
	if err != nil {
		return fmt.Errorf("find the gateway's module: %w", err)
	}
	binary := filepath.Join(dir, "versitygw")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "github.com/versity/versitygw/cmd/versitygw")
	build.Dir = filepath.Join(strings.TrimSpace(string(where)), "gateway")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the gateway: %w: %s", err, out)
	}
	gatewayDir = filepath.Join(dir, "buckets")
	if err := errors.Join(os.Mkdir(gatewayDir, 0o700), os.Mkdir(filepath.Join(dir, "sidecar"), 0o700)); err != nil {
		return err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		return err
	}
	run := exec.Command(binary, "--access", bucketAccess, "--secret", bucketSecret, "--port", address, "--quiet", "posix", "--sidecar", filepath.Join(dir, "sidecar"), gatewayDir)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	run.Stdout, run.Stderr = log, log
	if err := run.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = run.Wait() // it is killed
		close(ended)
	}()
	atEnd(func() {
		_ = run.Process.Kill()
		<-ended
	})
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": bucketAccess, "AWS_SECRET_ACCESS_KEY": bucketSecret, "AWS_EC2_METADATA_DISABLED": "true"} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	gatewayURL = &url.URL{Scheme: "http", Host: address}
	return awaitGateway(address, filepath.Join(dir, "log"), ended)
}

func awaitGateway(address, log string, ended <-chan struct{}) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(bucketWithin)
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		if resp, err := client.Get("http://" + address); err == nil {
			return resp.Body.Close()
		}
		select {
		case <-tick.C:
		case <-ended:
			text, _ := os.ReadFile(log)
			return fmt.Errorf("it ended: %s", text)
		case <-late:
			return errors.New("it does not answer")
		}
	}
}
