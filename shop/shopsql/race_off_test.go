//go:build !race

package shopsql_test

const programCalls = 10_000
