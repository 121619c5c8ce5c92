//go:build race

package shopsql_test

const programCalls = 1_500
