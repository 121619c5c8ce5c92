package main

import (
	"image/jpeg"
	"net/http"
	"testing"
)

// TestTheShowHasAPicture asks the running program for a poster of the demo's show.
func TestTheShowHasAPicture(t *testing.T) {
	a, _ := server(t)
	resp, err := http.Get("http://" + a.addresses["http"] + "/v1/broadcasts/" + a.demoData.Broadcast + "/poster.jpg")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	picture, err := jpeg.Decode(resp.Body)
	if err != nil || resp.StatusCode != 200 || picture.Bounds().Dy() < 100 {
		t.Fatalf("%s %v", resp.Status, err)
	}
}
