package whep_test

import (
	"net"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/hawkerlive/hawker/streaming/whep"
)

// way is a setting of the server, and a viewer for it.
type way struct {
	server func(s *whep.Server)
	viewer func(s *webrtc.SettingEngine)
	tcp    bool
}

// eachWay runs a test for every setting that leaves one way only, and for those that leave several.
func eachWay(t *testing.T, test func(t *testing.T, w way)) {
	t.Helper()
	for name, server := range map[string]func(s *whep.Server){
		"over UDP":                               nil,
		"over UDP where the kernel cuts nothing": func(s *whep.Server) { s.Config.PlainSends = true },
		"over TCP only":                          func(s *whep.Server) { s.Config.NoUDP = true },
		"over IPv6 only": func(s *whep.Server) {
			s.Config.Listen, s.Config.NoIPv4, s.Config.Addresses = "[::]:0", true, []string{"127.0.0.1", "::1"}
		},
		"over IPv6": func(s *whep.Server) { s.Config.Listen = "[::1]:0" },
		"over IPv4 only": func(s *whep.Server) {
			s.Config.Listen, s.Config.NoIPv6 = "0.0.0.0:0", true
			s.Config.Addresses = []string{"127.0.0.1", "::1"}
		},
		"over IPv4 where both are bound": func(s *whep.Server) { s.Config.Listen, s.Config.Addresses = ":0", []string{"127.0.0.1", "::1"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := way{server: server}
			switch name {
			case "over TCP only":
				w.tcp = true
				w.viewer = func(s *webrtc.SettingEngine) { s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4}) }
			case "over IPv6 only", "over IPv6":
				w.viewer = func(s *webrtc.SettingEngine) {
					// The library gathers no ::1 by itself.
					conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { conn.Close() })
					s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP6})
					s.SetICEUDPMux(webrtc.NewICEUDPMux(nil, conn))
				}
			}
			test(t, w)
		})
	}
}
