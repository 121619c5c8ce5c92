package store_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/hawkerlive/hawker/store"
)

func TestRedisURLs(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]store.RedisTarget{
		"redis://localhost":                         {Addrs: []string{"localhost:6379"}, Prefix: "hawker:"},
		"redis://127.0.0.1:7000/":                   {Addrs: []string{"127.0.0.1:7000"}, Prefix: "hawker:"},
		"rediss://me:p%40ss@a:1?prefix=x:":          {Addrs: []string{"a:1"}, TLS: true, Username: "me", Password: "p@ss", Prefix: "x:"},
		"redis://a:1,b:2,c":                         {Addrs: []string{"a:1", "b:2", "c:6379"}, Cluster: true, Prefix: "hawker:"},
		"redis://[::1]:6380?cluster=true&prefix=h.": {Addrs: []string{"[::1]:6380"}, Cluster: true, Prefix: "h."},
	} {
		if got, err := store.ParseRedis(raw); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+v, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"", "localhost", "http://localhost", "redis://", "redis://a:1,", "redis://a:1/2", "redis://a?db=3", "redis://a?cluster=perhaps", "redis://a?prefix={x}", "redis://a b", "redis://%zz@a"} {
		if got, err := store.ParseRedis(raw); !errors.Is(err, store.ErrRedisURL) {
			t.Errorf("%s was read as %+v, %v", raw, got, err)
		}
	}
}
