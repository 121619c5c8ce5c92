package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"github.com/hawkerlive/hawker/account"
)

// Kind names a sort of thing that a path's id stands for.
type Kind string

// OwnerFunc finds to whom a thing belongs. An unknown id is the domain's not-found error.
type OwnerFunc func(ctx context.Context, id string) (account.Owner, error)

// Of says which path parameter holds the id whose owner decides, and of what kind it is. The zero value means
// that the caller's own account is the owner.
type Of struct {
	Kind  Kind
	Param string
}

// Needs is what a route asks of its caller, as data. Either Public, or an action.
type Needs struct {
	// Public routes admit anybody. A caller who shows who he is, is known to the handler all the same.
	Public bool
	// Action is looked up in account's policy.
	Action account.Action
	// Owner says whose thing it is.
	Owner Of
	// Also are further ids in the path. The handler, not admission, must refuse foreign ones.
	Also []Of
	// OwnKey means that the handler deals with Idempotency-Key itself, or that repeating is harmless. All other
	// POSTs that answer 201 remember their answer under the key.
	OwnKey bool
}

// Route is a registered operation.
type Route struct {
	Method, Path string
	Needs        Needs
}

// router collects the routes. All first path parameters are called {id}: gin refuses two names in one place.
type router struct {
	server   *Server
	api      huma.API
	owners   map[Kind]OwnerFunc
	declared []Route
}

// owns declares how the owner of a kind is found.
func (r *router) owns(k Kind, f OwnerFunc) {
	if r.owners[k] != nil {
		panic(fmt.Sprintf("api: two ways to find the owner of a %s", k))
	}
	r.owners[k] = f
}

// check refuses routes whose needs cannot be met. Mistakes here are ours and show at the first start.
func (r *router) check() {
	for _, route := range r.declared {
		n := route.Needs
		where := route.Method + " " + route.Path
		if _, ok := account.RuleOf(n.Action); n.Public == ok {
			panic("api: " + where + " must be public or need an action of the policy")
		}
		if n.Owner == (Of{}) {
			continue
		}
		if r.owners[n.Owner.Kind] == nil || !strings.Contains(route.Path, "{"+n.Owner.Param+"}") {
			panic("api: " + where + " has an owner that cannot be found")
		}
	}
}

// register adds a route: huma's operation, what it needs, and a handler that is reached only by who may. The
// handler finds the caller with caller(ctx) and the owner with ownerOf(ctx).
func register[I, O any](r *router, op huma.Operation, needs Needs, handle func(context.Context, *I) (*O, error)) {
	if op.DefaultStatus == 0 && op.Method == http.MethodDelete {
		op.DefaultStatus = http.StatusNoContent
	}
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = bodyMax
	}
	if op.OperationID == "" {
		op.OperationID = operationID(op.Method, op.Path)
	}
	if !needs.Public {
		op.Security = []map[string][]string{{"bearer": {}}}
	}
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	op.Responses["default"] = problemResponse(r.api.OpenAPI().Components.Schemas)
	r.declared = append(r.declared, Route{op.Method, op.Path, needs})
	remember := op.Method == http.MethodPost && op.DefaultStatus == http.StatusCreated && !needs.OwnKey
	if remember {
		op.Parameters = append(op.Parameters, keyParameter())
	}
	op.Middlewares = append(op.Middlewares, r.admit(needs, op.MaxBodyBytes))
	name := op.Method + " " + op.Path
	huma.Register(r.api, op, func(ctx context.Context, in *I) (*O, error) {
		// The deadline for reading the body must not end the connection while the handler works.
		_ = http.NewResponseController(requestOf(ctx).writer).SetReadDeadline(time.Time{})
		var out *O
		var err error
		if remember {
			out, err = once(ctx, r.server, name, in, handle)
		} else {
			out, err = handle(ctx, in)
		}
		if err != nil {
			return nil, r.server.problem(ctx, err)
		}
		return out, nil
	})
}

// admit lets a request pass to its handler before its body is read, or answers it.
func (r *router) admit(needs Needs, max int64) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := humagin.Unwrap(ctx)
		q := requestOf(ctx.Context())
		q.route = c.FullPath()
		if c.Request.ContentLength > max {
			c.Header("Connection", "close")
			r.server.write(c, problemFor(http.StatusRequestEntityTooLarge, "body-too-large", fmt.Sprintf("The body may have %d bytes.", max)))
			return
		}
		if !clean(c) {
			r.server.write(c, invalid("path or query", "holds characters that no id or text of ours holds"))
			return
		}
		err := r.server.identify(c.Request, q)
		if err != nil && needs.Public && q.cookie {
			err = nil // an old cookie does not lock a public page
		}
		if err == nil && !needs.Public {
			q.owner, err = r.owner(ctx, needs.Owner, q.principal)
			if err == nil {
				err = q.principal.May(needs.Action, q.owner)
			}
		}
		if err != nil {
			r.server.Metrics.refused(needs.Action, err)
			r.server.write(c, r.server.problem(ctx.Context(), err))
			return
		}
		next(ctx)
	}
}

func (r *router) owner(ctx huma.Context, of Of, p *account.Principal) (account.Owner, error) {
	switch {
	case p == nil:
		return account.Owner{}, account.ErrUnauthenticated
	case of == (Of{}):
		return account.Owner{Account: p.AccountID}, nil
	}
	return r.owners[of.Kind](ctx.Context(), ctx.Param(of.Param))
}

const paramMax = 200 // bytes of an id in a path

// clean refuses what a database would: NUL, and bytes that are not UTF-8.
func clean(c *gin.Context) bool {
	for _, p := range c.Params {
		if len(p.Value) > paramMax || !plain(p.Value) {
			return false
		}
	}
	if c.Request.URL.RawQuery == "" {
		return true
	}
	q, err := url.QueryUnescape(c.Request.URL.RawQuery)
	return err == nil && plain(q)
}

func plain(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// operationID makes "get-shop-products" of GET /v1/shops/{id}/products.
func operationID(method, path string) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(method))
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/v1/"), "/") {
		b.WriteByte('-')
		if name, ok := strings.CutPrefix(part, "{"); ok {
			b.WriteString("by-" + strings.TrimSuffix(name, "}"))
			continue
		}
		b.WriteString(part)
	}
	return b.String()
}
