package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
)

// humaConfig is huma without its own pages and links: unknown fields are refused, problems are ours.
func humaConfig() huma.Config {
	c := huma.DefaultConfig("Hawker", "1")
	c.CreateHooks = nil
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	c.Formats = map[string]huma.Format{"application/json": format, "json": format}
	c.Transformers = []huma.Transformer{ours}
	c.Info.Description = "Live shopping: broadcasts, pins, checkout, sales. Errors are RFC 9457 problems; their type and code are stable, their text is not."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "A session (hk_ses_…) or API token (hk_tok_…)."},
	}
	return c
}

// errNUL refuses text that PostgreSQL would refuse later and less clearly.
var errNUL = errors.New("text holds NUL")

func unmarshal(data []byte, v any) error {
	if bytes.Contains(data, []byte(`\u0000`)) {
		return errNUL
	}
	return json.Unmarshal(data, v)
}

// OpenAPI is the description of every route, indented, as docs/openapi.json holds it.
func (s *Server) OpenAPI() ([]byte, error) {
	s.build()
	var v any
	if err := json.Unmarshal(s.door.spec, &v); err != nil {
		return nil, fmt.Errorf("read our own OpenAPI: %w", err)
	}
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(out, '\n'), nil
}

func mustSpec(api huma.API) []byte {
	// huma's own error, which ours replaces (problem.go), is declared by it and used by nothing.
	schemas := api.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	b, err := json.Marshal(api.OpenAPI())
	if err != nil {
		panic(fmt.Sprintf("api: our own OpenAPI does not encode: %v", err))
	}
	return b
}
