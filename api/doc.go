// Package api is the JSON door under /v1: routes, problems, limits on what comes in, and OpenAPI.
//
// What enters are HTTP requests; each is admitted (who is it, what does the route need, to whom does the thing
// belong) before its body is read, and then reaches one domain's service. What leaves are JSON answers and, for
// everything that went wrong, RFC 9457 problems from one table (problem.go). There is one file per resource; each
// declares its routes with register, whose Needs are data, so that a generated test can walk every route with
// every role on its own and on foreign ids (apitest). It refuses to decide anything about a domain, and no other
// package imports gin or huma. Only cmd imports it.
package api
