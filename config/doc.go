// Package config turns one file, the environment and the command line into the configuration of every package.
//
// reference.yaml is the manual and the default at once: each key stands there with its default and what it means.
// What enters are a file, variables (HAWKER_HTTP_LISTEN) and flags (--http.listen); the later wins. What leaves is a
// Config, made of the packages' own Config types. An unknown key or a value that cannot be is refused with its line.
// Only cmd imports it.
package config
