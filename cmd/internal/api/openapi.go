package api

import (
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3gen"

	"rowsmith/cmd/internal/access"
)

var pathParam = regexp.MustCompile(`\{([a-z_]+)\}`)

// Describe makes the OpenAPI document from the table of routes. Internal routes are left out: they are nobody's to call.
func Describe(version string) (*openapi3.T, error) {
	doc := &openapi3.T{
		OpenAPI: "3.0.3",
		Info:    &openapi3.Info{Title: "Rowsmith", Version: version, Description: "Enriches the rows of a sheet: people and companies, each value with its source."},
		Paths:   openapi3.NewPaths(),
		Components: &openapi3.Components{
			Schemas: openapi3.Schemas{},
			SecuritySchemes: openapi3.SecuritySchemes{
				"api_key": &openapi3.SecuritySchemeRef{Value: openapi3.NewSecurityScheme().WithType("http").WithScheme("bearer").
					WithDescription("An API key. X-API-Key is taken too.")},
			},
		},
	}
	gen := openapi3gen.NewGenerator(openapi3gen.SchemaCustomizer(refine))
	schema := func(v any) (*openapi3.SchemaRef, error) { return gen.NewSchemaRefForValue(v, doc.Components.Schemas) }
	prob, err := schema(Problem{})
	if err != nil {
		return nil, fmt.Errorf("describe problem: %w", err)
	}
	for _, r := range routes() {
		if r.who == access.Internal {
			continue
		}
		op := openapi3.NewOperation()
		op.Summary = r.summary
		op.OperationID = operationID(r)
		op.Responses = openapi3.NewResponsesWithCapacity(4)
		for _, m := range pathParam.FindAllStringSubmatch(r.path, -1) {
			op.AddParameter(openapi3.NewPathParameter(m[1]).WithSchema(openapi3.NewStringSchema()))
		}
		for _, q := range r.query {
			t := openapi3.NewStringSchema()
			if q.integer {
				t = openapi3.NewIntegerSchema()
			}
			op.AddParameter(openapi3.NewQueryParameter(q.name).WithDescription(q.about).WithSchema(t))
		}
		if r.takes != nil {
			ref, err := schema(r.takes)
			if err != nil {
				return nil, fmt.Errorf("describe body of %s: %w", r.path, err)
			}
			op.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithRequired(true).WithJSONSchemaRef(ref)}
			op.AddParameter(openapi3.NewHeaderParameter("Idempotency-Key").WithSchema(openapi3.NewStringSchema().WithMaxLength(200)).
				WithDescription("Makes repeating the call safe: the same key with the same body gives the first answer, for 24 hours."))
		}
		ok := openapi3.NewResponse().WithDescription(http.StatusText(r.status))
		switch {
		case r.media != "":
			ok.Content = openapi3.NewContentWithSchema(openapi3.NewStringSchema(), []string{r.media})
		case r.gives != nil:
			ref, err := schema(r.gives)
			if err != nil {
				return nil, fmt.Errorf("describe answer of %s: %w", r.path, err)
			}
			ok = ok.WithJSONSchemaRef(ref)
		}
		op.AddResponse(r.status, ok)
		fails := map[int][]string{}
		for _, code := range r.fails {
			fails[status[code]] = append(fails[status[code]], string(code))
		}
		if r.who != access.None {
			op.Security = openapi3.NewSecurityRequirements().With(openapi3.NewSecurityRequirement().Authenticate(string(r.who)))
			fails[http.StatusUnauthorized] = append(fails[http.StatusUnauthorized], string(codeUnauthenticated))
		}
		for st, codes := range fails {
			resp := openapi3.NewResponse().WithDescription(strings.Join(codes, ", "))
			resp.Content = openapi3.Content{"application/problem+json": openapi3.NewMediaType().WithSchemaRef(prob)}
			op.Responses.Set(strconv.Itoa(st), &openapi3.ResponseRef{Value: resp})
		}
		item := doc.Paths.Value(r.path)
		if item == nil {
			item = &openapi3.PathItem{}
			doc.Paths.Set(r.path, item)
		}
		item.SetOperation(r.method, op)
	}
	return doc, nil
}

// operationID is a route's name: "post_v1_jobs_id_pause".
func operationID(r route) string {
	return strings.ToLower(r.method) + strings.NewReplacer("/", "_", "{", "", "}", "", ".", "_").Replace(r.path)
}

// refine says what Go's types don't: which fields are always there.
func refine(_ string, t reflect.Type, _ reflect.StructTag, s *openapi3.Schema) error {
	if t.Kind() != reflect.Struct || s.Type == nil || !s.Type.Is("object") {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		if !strings.Contains(opts, "omit") && s.Properties[name] != nil {
			s.Required = append(s.Required, name)
			if f.Type.Kind() == reflect.Pointer && s.Properties[name].Value != nil {
				s.Properties[name].Value.Nullable = true
			}
		}
	}
	return nil
}
